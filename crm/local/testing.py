"""`make test`: the checks one after the other, cheap ones first; the first that fails ends the run."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass

from crm.local import environment, messages, testcluster
from crm.local.place import ROOT

# Two test processes beside PostgreSQL fill a 2-core machine; browser tests run alone, for their clocks' sake.
PROCESSES = 2


@dataclass(frozen=True)
class Step:
    title: str
    command: list[str]
    needs_services: bool = False


def python(*words: str) -> list[str]:
    return [sys.executable, "-m", *words]


def checks() -> list[Step]:
    return [
        Step("lint", python("ruff", "check", "--quiet")),
        Step("format", python("ruff", "format", "--check", "--quiet")),
        Step("floors", [f"{sys.prefix}/bin/lint-imports", "--no-logo"]),
        Step("types", python("mypy")),
        Step("settings", [sys.executable, "manage.py", "check", "--fail-level", "WARNING"]),
        Step("migrations", [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]),
    ]


def tests(more: list[str]) -> list[Step]:
    return [
        Step(
            "tests", python("pytest", "-m", "not browser", "-n", str(PROCESSES), *more), needs_services=True
        ),
        Step("browser tests", python("pytest", "-m", "browser", *more), needs_services=True),
    ]


def step_environment(step: Step) -> dict[str, str]:
    if step.needs_services:
        # tests/conftest.py names the settings once the services are there; pytest-django must not be first.
        return {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return {**os.environ, **environment.PLACEHOLDERS, "TESTING": "1"}


def run(only: str, more: list[str]) -> int:
    """0 when every step passes. pytest's closing line is the last thing printed."""
    messages.compile_all()
    steps = (checks() if only in {"", "check"} else []) + (tests(more) if only != "check" else [])
    if only == "unit":
        steps = steps[:1]
    elif only == "browser":
        steps = steps[1:]
    try:
        for step in steps:
            if code := run_step(step):
                return code
    finally:
        if os.environ.get("CI"):
            testcluster.stop()
    return 0


def run_step(step: Step) -> int:
    """The step's exit code; what a passing check says is not shown."""
    began = time.monotonic()
    shown = step.needs_services
    if shown:
        print(f"── {step.title}", flush=True)
    done = subprocess.run(
        step.command,
        cwd=ROOT,
        env=step_environment(step),
        check=False,
        capture_output=not shown,
        text=True,
    )
    if shown:
        return done.returncode
    mark = "ok" if done.returncode == 0 else "FAILED"
    print(f"── {step.title:<12} {mark:<7} {time.monotonic() - began:5.1f} s", flush=True)
    if done.returncode != 0:
        print(done.stdout, done.stderr, sep="", flush=True)
    return done.returncode
