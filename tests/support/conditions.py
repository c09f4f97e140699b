"""Segment conditions of tests alone: one waits at a gate, one is dear, two fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from customers.segmenting import CONDITIONS, Condition, Members, Params, Row, Scope

# The advisory lock that the gate is: whoever reads the condition passes unless a test holds it.
GATE = 471_100
# Only the planner believes that it must count them.
DEAR = "CASE WHEN m.net < 0 THEN (SELECT count(*) FROM generate_series(1, 2000000000)) ELSE 0 END = 0"


def _gate(params: Params, scope: Scope) -> Members:
    return Members(
        "SELECT m.customer_id FROM pg_advisory_xact_lock_shared(%s), customers_metrics m"
        " WHERE m.merchant_id = %s::bigint",
        (GATE, scope.merchant_id),
    )


def _bug(params: Params, scope: Scope) -> Row:
    raise ZeroDivisionError("a bug")


@pytest.fixture
def odd_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """ "tests.gate", "tests.dear", "tests.bug" fails in Python, "tests.division" in the database."""
    builds = {
        "tests.gate": _gate,
        "tests.dear": lambda params, scope: Row(DEAR),
        "tests.bug": _bug,
        "tests.division": lambda params, scope: Row("1 / (m.open_tickets * 0) = 1"),
    }
    for key, build in builds.items():
        monkeypatch.setitem(CONDITIONS, key, Condition(key, "Tests", key, f"who pass {key}", build))


@contextmanager
def waiting_at_the_gate(work: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """Does the work in a thread; inside, it waits in the database at the gate. Yields what lets it go on to
    its end. For tests with transactions of their own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    def go_on() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
        worker.join(20)
        assert not worker.is_alive()

    worker = threading.Thread(target=run)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [GATE])
    worker.start()
    try:
        _await_somebody()
        yield go_on
    finally:
        go_on()


def _await_somebody() -> None:
    for _try in range(400):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = %s"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                [GATE],
            )
            if cursor.fetchone():
                return
        threading.Event().wait(0.05)
    raise AssertionError("nobody came to the gate")
