"""Who is acting: set once at the door (page, API, portal), written into every event announced behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_actor: ContextVar[str] = ContextVar("actor", default="")


@contextmanager
def acting(actor: str) -> Iterator[None]:
    """Events inside carry this actor: "user:<id>", "key:<id>" or "customer:<id>"."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def current_actor() -> str:
    """The actor at the door, or "" for the system itself."""
    return _actor.get()
