"""Imported history: what is announced inside happened elsewhere, long ago, and thanks nobody."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_history: ContextVar[bool] = ContextVar("history", default=False)


@contextmanager
def history() -> Iterator[None]:
    """Services called inside announce as `emit_many(backfill=True)` does: handlers that didn't opt in hear
    nothing, pages aren't nudged once per event, and the undo of an import may forget them."""
    token = _history.set(True)
    try:
        yield
    finally:
        _history.reset(token)


def is_history() -> bool:
    return _history.get()
