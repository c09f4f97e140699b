"""One person's story: the events of every app, as the page shows them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import Membership, User
from crm.events.models import Event
from crm.events.types import REGISTRY, sentence_of
from crm.lib.keyset import keyset_page
from crm.lib.ui.parts import TimelineEntry
from customers import events as ours
from customers.models import Note
from customers.registries import SUBJECT_PAGES

# What fills the first screen; the server's time for the page goes with it. Going back shows more at once.
FIRST_PAGE = 10
PAGE = 30
# The keys of an event's data whose values are codes, and what the codes mean.
CODED = ("channel", "purpose", "source", "changes")
WORDS = {
    "email": gettext_lazy("e-mail"),
    "sms": gettext_lazy("SMS"),
    "wechat": gettext_lazy("WeChat"),
    "marketing": gettext_lazy("marketing"),
    "reviews": gettext_lazy("review requests"),
    "profiling": gettext_lazy("profiling"),
    "staff": gettext_lazy("by a colleague"),
    "merge": gettext_lazy("by a merge"),
    "form": gettext_lazy("form"),
    "portal": gettext_lazy("portal"),
    "unsubscribe": gettext_lazy("unsubscribe link"),
    "reply": gettext_lazy("answer to a message"),
    "import": gettext_lazy("import"),
    "name": gettext_lazy("name"),
    "phone": gettext_lazy("phone"),
    "tags": gettext_lazy("tags"),
    "owner": gettext_lazy("owner"),
    "company": gettext_lazy("company"),
    "addresses": gettext_lazy("addresses"),
    "kind": gettext_lazy("kind"),
    "stage": gettext_lazy("stage"),
    "country": gettext_lazy("country"),
    "region": gettext_lazy("region"),
    "city": gettext_lazy("city"),
    "language": gettext_lazy("language"),
    "birthday_on": gettext_lazy("birthday"),
    "attributes": gettext_lazy("own fields"),
    "grade": gettext_lazy("grade"),
    "team": gettext_lazy("team"),
    "time_zone": gettext_lazy("time zone"),
}
ORDER = ("-occurred_at", "-pk")


@dataclass(frozen=True)
class Story:
    """`after` is the cursor of what came before, "" at the beginning of the story."""

    entries: list[TimelineEntry]
    after: str


def kinds() -> list[tuple[str, str]]:
    """(value, label) of the timeline's filter: the apps that announce something to it."""
    labels = {
        "orders": _("Orders and parcels"),
        "service": _("Tickets"),
        "reviews": _("Reviews"),
        "marketing": _("Mail and journeys"),
        "loyalty": _("Points"),
        "customers": _("Person and consent"),
    }
    present = {kind.name.partition(".")[0] for kind in REGISTRY.values() if kind.on_timeline}
    return [(app, label) for app, label in labels.items() if app in present]


def story_of(
    *, membership: Membership, customer_id: int, kind: str = "", text: str = "", after: str = ""
) -> Story:
    """The newest first, narrowed by app and words. Three queries: events, their people, their notes."""
    size = PAGE if after else FIRST_PAGE
    page = keyset_page(
        narrowed(Event.objects.filter(customer_id=customer_id), kind, text),
        order=ORDER,
        after=after,
        size=size,
    )
    return Story(entries_of(page.rows, membership), page.after)


def narrowed(events: QuerySet[Event], kind: str, text: str) -> QuerySet[Event]:
    """Those of the app `kind` ("" for all) that a timeline shows, with these words in their facts or name."""
    shown = [one for one in REGISTRY.values() if one.on_timeline]
    if kind:
        shown = [one for one in shown if one.name.startswith(f"{kind}.")]
    events = events.filter(name__in=[one.name for one in shown])
    if text:
        named = [one.name for one in shown if text.casefold() in str(one.label).casefold()]
        events = events.filter(Q(data__icontains=text) | Q(name__in=named))
    return events


def entries_of(
    events: Sequence[Event], membership: Membership, *, people: dict[int, str] | None = None
) -> list[TimelineEntry]:
    """The events as lines for this member, with who did it and, for a note, its words; `people` names the
    customers where a story has several. Two queries."""
    actors = _actor_names(events)
    notes = _note_texts(events)
    return [_entry(event, actors, notes, membership, people or {}) for event in events]


def _entry(
    event: Event,
    actors: dict[str, str],
    notes: dict[int, str],
    membership: Membership,
    people: dict[int, str],
) -> TimelineEntry:
    kind = event.type
    return TimelineEntry(
        at=event.occurred_at,
        title=sentence_of(event.name, _in_words(event.data, kind.words if kind else ())),
        body=people.get(event.customer_id or 0, ""),
        icon=kind.icon if kind else "point",
        tone=kind.tone if kind and kind.tone != "info" else "",
        href=subject_href(event, membership),
        quote=notes.get(_note_id(event), "") if event.name == ours.NOTE_ADDED.name else "",
        actor=actors.get(event.actor, ""),
    )


def _in_words(data: dict[str, Any], known: Container[str]) -> dict[str, Any]:
    """The data with the codes that people shouldn't have to read as words of their language; those of `known`
    the kind of event says itself."""
    coded = [key for key in CODED if isinstance(data.get(key), str) and key not in known]
    if not coded:
        return data
    return data | {
        key: ", ".join(str(WORDS.get(part, part)) for part in data[key].split(", ")) for key in coded
    }


def subject_href(event: Event, membership: Membership) -> str:
    """The page of what the event is about; "" when there is none, or none that this member may open."""
    page = SUBJECT_PAGES.get(event.subject_type)
    if page is None or not membership.can(page.needs):
        return ""
    named = event.data.get(page.key) if page.key else event.subject_id
    return reverse(page.url_name, args=[named]) if named is not None else ""


def _actor_names(events: Iterable[Event]) -> dict[str, str]:
    """ "user:7" → the colleague's name, "key:…" → the API, "customer:…" → the person themself."""
    actors = {event.actor for event in events}
    ids = [int(actor[5:]) for actor in actors if actor.startswith("user:") and actor[5:].isdigit()]
    names = {f"user:{user.pk}": str(user) for user in User.objects.filter(pk__in=ids)}
    names |= {actor: _("by API") for actor in actors if actor.startswith("key:")}
    return names | {actor: _("in the portal") for actor in actors if actor.startswith("customer:")}


def _note_texts(events: Iterable[Event]) -> dict[int, str]:
    ids = [_note_id(event) for event in events if event.name == ours.NOTE_ADDED.name]
    return dict(Note.objects.filter(pk__in=ids).values_list("pk", "text"))


def _note_id(event: Event) -> int:
    """A note about a company stands at the company; older events have the note as their subject."""
    return int(event.data.get("note") or event.subject_id or 0)
