"""Headless Chromium for the browser tests: which one, how it is started, and what every page gets."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

# No updates, no sync, no field trials: a test must not depend on what Chromium finds on the network.
QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-features=OptimizationHints,MediaRouter,Translate,DialMediaRouteProvider",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-pings",
    "--proxy-bypass-list=127.0.0.1;localhost",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-dev-shm-usage",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET_ONE = (
    "The browser tests need Chromium. On Debian or Ubuntu: apt-get install chromium fonts-noto-cjk. "
    "Elsewhere: .venv/bin/playwright install chromium. Or name one: CRM_CHROMIUM=/path/to/chromium make test"
)


def chromium_path() -> str | None:
    """CRM_CHROMIUM, else one on PATH, else None for Playwright's own."""
    if named := os.environ.get("CRM_CHROMIUM"):
        return named
    return next(filter(None, map(shutil.which, NAMES)), None)


def playwright_has_its_own() -> bool:
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    path = chromium_path()
    if path is None and not playwright_has_its_own():
        pytest.fail(HOW_TO_GET_ONE, pytrace=False)
    return {
        **browser_type_launch_args,
        **({"executable_path": path} if path else {}),
        "chromium_sandbox": os.geteuid() != 0,
        "args": QUIET,
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1440, "height": 900}, "locale": "en-GB"}


@pytest.fixture(scope="session")
def base_url(live_server) -> str:
    return live_server.url
