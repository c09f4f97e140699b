"""One shop that lives through the whole thread: its web, live process, worker, mailbox, and two people.

The steps of tests/browser/test_thread.py build on each other, so the rows stay until the last of them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.management import call_command
from django.test import override_settings
from playwright.sync_api import APIRequestContext, Browser, Locator, Page, Playwright, expect

from crm.accounts.models import Merchant
from crm.lib.health import redis_client
from crm.local.processes import Service, kill_group, spawn
from tests.conftest import environment_of_run
from tests.factories.accounts import make_member, make_merchant
from tests.integrations.servers import LocalServer
from tests.support import services
from tests.support.processes import live_process_running, wait_until, worker_running
from tests.support.smtp import Mail, SmtpSink

PASSWORD = "green-tea-and-rain"
OWNER = "olga@qinghe.example"
MEI = "mei@example.com"
SHOPIFY_SECRET = "hush-hush"
PATIENCE = 60_000  # milliseconds for what live process and worker do before a page shows it


@dataclass
class World:
    merchant: Merchant
    staff: Page
    buyer: Page
    http: APIRequestContext
    sink: SmtpSink
    receiver: LocalServer
    said: Callable[[], str]  # by the worker
    faults: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    broken_by: str = ""

    def sign_in(self) -> None:
        self.staff.goto("/accounts/login/")
        self.staff.get_by_label("Email").fill(OWNER)
        self.staff.get_by_label("Password").fill(PASSWORD)
        self.staff.keyboard.press("Enter")
        expect(self.staff.get_by_role("link", name="Customers").first).to_be_visible()

    def as_seen(self) -> str:
        """Both pages as a screen reader has them, and the worker's last words: for who reads a failure."""
        pages = [
            f"── {page.url}\n{page.locator('body').aria_snapshot()}" for page in (self.staff, self.buyer)
        ]
        return "\n".join([*pages, "── worker", self.said()[-4_000:]])

    def confirm(self, button: str) -> None:
        """Presses the button in the question that came up."""
        self.staff.locator("#confirm-dialog").get_by_role("button", name=button, exact=True).click()

    def figure(self, label: str) -> Locator:
        """One of the tiles at the head of a page."""
        return self.staff.locator(".gx-stat", has=self.staff.get_by_text(label, exact=True))

    def api(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.kept['key']}", "Content-Type": "application/json"}
        answer = self.http.fetch(
            f"/api/v1/{path}",
            method=method,
            headers=headers,
            data=None if body is None else json.dumps(body),
        )
        assert answer.ok, f"{answer.status} {answer.text()}"
        return answer.json()

    def shopify_sends(self, topic: str, body: dict[str, Any], delivery: str) -> Any:
        """POSTs to the connection's address, signed as Shopify signs."""
        raw = json.dumps(body).encode()
        digest = hmac.new(SHOPIFY_SECRET.encode(), raw, hashlib.sha256).digest()
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
            "X-Shopify-Topic": topic,
            "X-Shopify-Webhook-Id": delivery,
        }
        answer = self.http.post(self.kept["hook"], headers=headers, data=raw)
        assert answer.ok, f"{answer.status} {answer.text()}"
        return answer.json()

    def mail(self, words: str, *, to: str) -> Mail:
        """The mail to that address whose subject or text says so, once it is there."""

        def found() -> list[Mail]:
            return [one for one in self.sink.to(to) if words in f"{one.message['Subject']}\n{one.text}"]

        wait_until(found, what=f"a mail to {to} with “{words}”")
        return found()[-1]


@contextmanager
def thread_world(playwright: Playwright, browser: Browser, url: str, **look: Any) -> Iterator[World]:
    """The shop with its processes; everything is gone again afterwards."""
    _empty_redis()
    with ExitStack() as stack:
        sink = stack.enter_context(SmtpSink())
        receiver = stack.enter_context(LocalServer())
        reach = {"SMTP_HOST": sink.host, "SMTP_PORT": sink.port, "OUTGOING_ALLOW_LOOPBACK": True}
        stack.enter_context(override_settings(**reach))
        stack.callback(_empty_database)
        merchant = make_merchant(
            "qinghe",
            name="Qinghe Tea",
            support_email="help@qinghe.example",
            sender_email="news@qinghe.example",
            postal_address="Nanjing Road 1, Shanghai",
        )
        make_member(merchant, "owner", email=OWNER, name="Olga Owner", password=PASSWORD)
        stack.enter_context(live_process_running(environment_of_run(), services.LIVE_PORT))
        start = stack.enter_context(worker_running(environment_of_run))
        worker = start(**reach)
        stack.enter_context(beat_running(environment_of_run()))
        http = playwright.request.new_context(base_url=url)
        stack.callback(http.dispose)
        expect.set_options(timeout=PATIENCE)
        stack.callback(expect.set_options, timeout=5_000)  # as Playwright has it
        pages = []
        for more in ({}, {"viewport": {"width": 390, "height": 844}}):
            context = browser.new_context(**{**look, "base_url": url, **more})
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE)
            pages.append(context.new_page())
        world = World(merchant, *pages, http, sink, receiver, worker.said)
        for page in pages:
            watch(page, world.faults)
        yield world


@contextmanager
def beat_running(env: dict[str, str]) -> Iterator[None]:
    """The real clock: journeys set out, scores and days are counted again when it rings."""
    with tempfile.TemporaryDirectory(prefix="guanxi-beat-") as folder:
        command = [sys.executable, "-W", "ignore", "-m", "celery", "--quiet", "-A", "crm", "beat"]
        command += ["--schedule", f"{folder}/schedule", "--pidfile", "", "--loglevel", "WARNING"]
        process = spawn(Service("beat", command, env), subprocess.DEVNULL)
        try:
            yield
        finally:
            kill_group(process.pid)
            process.wait()


def watch(page: Page, faults: list[str]) -> None:
    """Whatever breaks in a page's scripts or its policy."""
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda line: (
            faults.append(f"{page.url}: {line.text}") if "Content Security Policy" in line.text else None
        ),
    )
    page.on(
        "response",
        lambda answer: (
            faults.append(f"{answer.request.method} {answer.url}: {answer.status}")
            if answer.status >= 500
            else None
        ),
    )


def _empty_redis() -> None:
    client = redis_client()
    if keys := [key for key in client.scan_iter(count=1000) if b"_kombu.binding" not in key]:
        client.delete(*keys)


def _empty_database() -> None:
    call_command("flush", verbosity=0, interactive=False, reset_sequences=False, inhibit_post_migrate=True)
