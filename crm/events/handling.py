"""Who reacts to what: handlers register here when the apps are loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from crm.events.models import Event
from crm.events.types import EventType

Handle = Callable[[Event], None]
# (merchant id, event name) → whether the handler wants it; asked when the event is written.
Wants = Callable[[int, str], bool]


@dataclass(frozen=True)
class Handler:
    """`backfill` tells whether events of imported history are delivered too."""

    name: str
    handle: Handle
    backfill: bool
    wants: Wants | None = None


HANDLERS: dict[str, Handler] = {}
_BY_EVENT: dict[str, list[Handler]] = {}
_EVERY: list[Handler] = []
_answers: ContextVar[dict[tuple[str, int, str], bool] | None] = ContextVar("answers", default=None)


def on(*types: EventType, name: str, backfill: bool = False) -> Callable[[Handle], Handle]:
    """Registers a handler under a stable name, "<app>.<verb>".

    A handler only writes rows or enqueues on commit, re-reads current state, assumes no order and is
    idempotent. It runs in the event's merchant scope, in the transaction that marks it done.
    """

    def register(handle: Handle) -> Handle:
        handler = _add(Handler(name, handle, backfill))
        for kind in types:
            _BY_EVENT.setdefault(kind.name, []).append(handler)
        return handle

    return register


def on_every(*, name: str, wants: Wants, backfill: bool = False) -> Callable[[Handle], Handle]:
    """Registers a handler for any event that `wants` accepts; for webhooks and journeys, set up at run
    time."""

    def register(handle: Handle) -> Handle:
        _EVERY.append(_add(Handler(name, handle, backfill, wants)))
        return handle

    return register


def _add(handler: Handler) -> Handler:
    if handler.name in HANDLERS:
        raise ValueError(f"handler {handler.name} is registered twice")
    HANDLERS[handler.name] = handler
    return handler


def handlers_of(merchant_id: int, event_name: str, *, backfill: bool) -> list[Handler]:
    """The handlers that this merchant's event is owed to. Whoever doesn't hear of imported history is not
    asked whether they want it."""
    listening = [
        handler for handler in [*_BY_EVENT.get(event_name, []), *_EVERY] if handler.backfill or not backfill
    ]
    return [one for one in listening if _wants(one, merchant_id, event_name)]


@contextmanager
def asking_once() -> Iterator[None]:
    """Around many writes of one request: inside, each handler is asked once whether it wants a kind of event.
    Who begins to listen meanwhile hears from the next request on."""
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


def _wants(handler: Handler, merchant_id: int, event_name: str) -> bool:
    if handler.wants is None:
        return True
    known = _answers.get()
    if known is None:
        return handler.wants(merchant_id, event_name)
    key = (handler.name, merchant_id, event_name)
    if key not in known:
        known[key] = handler.wants(merchant_id, event_name)
    return known[key]


def reactions() -> dict[str, list[str]]:
    """Event name → handler names, for `events_map`."""
    return {name: sorted(handler.name for handler in handlers) for name, handlers in _BY_EVENT.items()}


def listeners_to_all() -> list[str]:
    return sorted(handler.name for handler in _EVERY)
