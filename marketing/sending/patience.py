"""Doing it again while the database is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connection

log = structlog.get_logger()
T = TypeVar("T")

DATABASE_PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.5


def patiently(act: Callable[[], T]) -> T:
    """Its result; tried again for a minute while the database is away, so it must bear being done twice.

    Inside somebody's transaction (a test, a shell) there is nothing to come back to, so it just raises.
    """
    deadline = time.monotonic() + DATABASE_PATIENCE_SECONDS
    while True:
        try:
            return act()
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block or time.monotonic() > deadline:
                raise
            log.warning("database away while sending", error=str(error).strip())
            connection.close()
            time.sleep(PAUSE_SECONDS)
