"""The log after an erasure: what happened stays, in whose words it happened goes."""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from crm.events.models import Delivery, Event
from crm.lib.privacy import Person, add_eraser, harmless, personal

CHUNK = 1_000
# Keys whose texts are codes, numbers and the shop's own names. Everything else that is text goes, so that a
# new event is safe before anybody has thought of it.
HARMLESS_KEYS = frozenset(
    {"number", "currency", "total", "amount", "base_total", "channel", "purpose", "kind", "changes"}
    | {"product", "campaign", "journey", "segment", "step", "tier", "state", "status", "priority"}
    | {"points", "field", "way", "format", "what", "role", "platform", "promised_on", "carrier"}
)
# Staff's own actions, whose words may name anybody: a search that was exported, for example.
# Staff's words about firms and tasks that are nobody's, the reasons of exports, and why an address that was
# nobody's is or is not written to, may name them too.
SPOKEN = ("accounts.", "exports.", "customers.company_", "customers.task_", "customers.address_")


def events_of(person: Person) -> QuerySet[Event]:
    """What the log says about the person: by customer, by what it is about, by who did it."""
    parts = [
        Q(customer_id__in=person.customer_ids),
        Q(actor__in=[f"customer:{pk}" for pk in person.customer_ids]),
        *(Q(subject_type=label, subject_id__in=ids) for label, ids in person.rows.items() if ids),
    ]
    return Event.objects.filter(reduce(or_, parts))


def wipe(person: Person) -> int:
    pattern = person.pattern()
    changed = _rewrite(events_of(person), lambda data: impersonal(data, pattern))
    spoken = Event.objects.filter(reduce(or_, (Q(name__startswith=start) for start in SPOKEN)))
    changed += _rewrite(spoken, lambda data: _without_words(data, pattern))
    Delivery.objects.filter(event__in=events_of(person)).exclude(error="").update(error="")
    return changed


def _rewrite(events: QuerySet[Event], rule: Any) -> int:
    changed = 0
    batch: list[Event] = []
    for event in events.only("pk", "data").iterator(chunk_size=CHUNK):
        data = rule(event.data)
        if data != event.data:
            event.data = data
            batch.append(event)
        if len(batch) == CHUNK:
            changed += Event.objects.bulk_update(batch, ["data"])
            batch = []
    if batch:
        changed += Event.objects.bulk_update(batch, ["data"])
    return changed


def impersonal(data: dict[str, Any], pattern: re.Pattern[str]) -> dict[str, Any]:
    """Numbers, and the texts of harmless keys as far as they don't name the person."""
    return {key: value for key, value in data.items() if _stays(key, value, pattern)}


def _stays(key: str, value: Any, pattern: re.Pattern[str]) -> bool:
    if isinstance(value, str):
        return key in HARMLESS_KEYS and not pattern.search(value.lower())
    if isinstance(value, list):
        return all(isinstance(one, int | float) for one in value)
    return not isinstance(value, dict)


def _without_words(data: dict[str, Any], pattern: re.Pattern[str]) -> dict[str, Any]:
    named = {key for key, value in data.items() if pattern.search(str(value).lower())}
    return {key: value for key, value in data.items() if key not in named}


add_eraser("events", wipe=wipe)
personal("events.event", "data")
harmless("events.event", "name", "subject_type", "actor", "dedupe_key", why="names of kinds, ids of rows")
personal("events.delivery", "error")
harmless("events.delivery", "handler", why="a name in our code")
