"""What several parts of one page look up alike is looked up once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_kept: ContextVar[dict[Hashable, Any] | None] = ContextVar("kept", default=None)


@contextmanager
def looking_once() -> Iterator[None]:
    """Inside, `once` remembers. Only around reading: what is written meanwhile would not be seen."""
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def once(key: Hashable, look: Callable[[], T]) -> T:
    """What `look` answers; inside `looking_once` what it answered for this key before."""
    kept = _kept.get()
    if kept is None:
        return look()
    if key not in kept:
        kept[key] = look()
    answer: T = kept[key]
    return answer
