"""Who takes what is sent to us. Upper floors fill this from their `inbound.py`, loaded at start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crm.integrations.messengers.base import Told
from crm.integrations.models import Connection
from crm.integrations.stores.normalised import Item

# (connection, item, backfill) → what became of it, in words for staff. Runs in the merchant's scope and in
# the transaction that marks the hook done. Raises Rejected for good, NotYet to be asked again later.
Take = Callable[[Connection, Any, bool], str]
_TAKERS: dict[type, Take] = {}


class NotYet(Exception):
    """The item leans on something that has not arrived yet, such as a refund before its order."""


def register(kind: type, take: Take) -> None:
    """Says who takes items of that class of `stores.normalised`, `messengers.reports` or `.items`."""
    if kind in _TAKERS:
        raise ValueError(f"{kind.__name__} is taken twice")
    _TAKERS[kind] = take


def taker_of(item: Item | Told) -> Take | None:
    return _TAKERS.get(type(item))
