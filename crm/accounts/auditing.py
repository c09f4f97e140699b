"""The audit log's filters as they stand in an address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from crm.events.selectors import AuditQuery
from crm.events.types import REGISTRY
from crm.lib.ids import row_id
from crm.lib.ui.parts import Tab

NAMES = ("sort", "actor", "name", "customer", "since", "until", "q")
LONGEST_TEXT = 100


def said(parameters: QueryDict) -> dict[str, str]:
    """What the address says, without what it can't mean."""
    found = {name: parameters.get(name, "").replace("\x00", "").strip()[:LONGEST_TEXT] for name in NAMES}
    if found["sort"] not in ("", "seen", "changed"):
        found["sort"] = ""
    if row_id(found["customer"]) is None:
        found["customer"] = ""
    if found["name"] not in REGISTRY:
        found["name"] = ""
    for name in ("since", "until"):
        if _day(found[name]) is None:
            found[name] = ""
    return found


def read(parameters: QueryDict, *, zone: ZoneInfo) -> AuditQuery:
    """The same for the log; days are the shop's."""
    words = said(parameters)
    since, until = _day(words["since"]), _day(words["until"])
    return AuditQuery(
        actor=words["actor"],
        name=words["name"],
        sort=words["sort"],
        customer_id=row_id(words["customer"]),
        since=datetime.combine(since, time.min, zone) if since else None,
        until=datetime.combine(until + timedelta(days=1), time.min, zone) if until else None,
        text=words["q"],
    )


def _day(text: str) -> date | None:
    try:
        day = parse_date(text)
    except ValueError:  # the 31st of February
        return None
    return day if day and 1970 <= day.year < 9999 else None


def query_of(words: Mapping[str, str]) -> str:
    """As it stands in an address, empty ones left out."""
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in words.items() if value})
    return query.urlencode()


def tabs(path: str, words: Mapping[str, str]) -> list[Tab]:
    """Everything; who saw or took data; what was changed. The other filters stay."""
    labels = {
        "": _("Everything"),
        "seen": _("Seen or exported"),
        "changed": pgettext("lines of the audit log", "Changed"),
    }
    return [
        Tab(label, f"{path}?{query_of({**words, 'sort': sort})}", words["sort"] == sort)
        for sort, label in labels.items()
    ]


def in_words(words: Mapping[str, str]) -> list[str]:
    """The filters as a person reads them, for an export."""
    kind = REGISTRY.get(words["name"])
    sorts = {"seen": _("seen or exported"), "changed": _("changed")}
    told = [
        (_("Search: %(words)s"), words["q"]),
        (_("Kind: %(words)s"), str(kind.label) if kind else ""),
        (_("By: %(words)s"), words["actor"]),
        (_("About customer %(words)s"), words["customer"]),
        (_("From %(words)s"), words["since"]),
        (_("Until %(words)s"), words["until"]),
        (
            _("Only %(words)s"),
            sorts.get(words["sort"], ""),
        ),
    ]
    return [text % {"words": value} for text, value in told if value]
