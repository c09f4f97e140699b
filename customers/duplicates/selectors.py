"""Page-shaped reads of the queue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from crm.accounts.models import Membership
from crm.lib.errors import NotFound, Text
from crm.lib.masking import mask_email, mask_phone, mask_text
from customers.duplicates import wording
from customers.duplicates.deciding import survivor_first
from customers.models import Customer, DuplicatePair, Identity

NEXT_SHOWN = 6
MOST_SHOWN = 4


@dataclass(frozen=True)
class Verdict:
    """How one field compares, in words."""

    label: Text
    agreement: Text
    strength: str
    tone: str


@dataclass(frozen=True)
class Row:
    """A field of both beside each other; `verdicts` is empty where one side doesn't know."""

    label: Text
    low: list[str]
    high: list[str]
    verdicts: list[Verdict]


@dataclass(frozen=True)
class Shown:
    """A pair laid out. `stays` keeps its number and history when they are merged, `goes` becomes a part."""

    pair: DuplicatePair
    stays: Customer
    goes: Customer
    rows: list[Row]
    verdict: str
    chance: str

    @property
    def sides(self) -> list[Customer]:
        return [self.pair.low, self.pair.high]

    @property
    def cursor(self) -> str:
        return f"{self.pair.score!r}:{self.pair.pk}"


@dataclass(frozen=True)
class Desk:
    """The pair to decide, those that come after it, and how many there are of each certainty."""

    shown: Shown | None
    following: list[DuplicatePair]
    counts: dict[str, int]
    skipped: bool

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def pair_for(*, membership: Membership, pair_id: int) -> DuplicatePair:
    """The pair, whatever its state, if the member may see both, else NotFound. A merged one's sides are
    looked up too: the absorbed is seen by whoever may see the survivor."""
    seen = Customer.objects.visible_to(membership).values("pk")
    pair: DuplicatePair | None = (
        DuplicatePair.objects.filter(pk=pair_id, low__in=seen, high__in=seen)
        .select_related("low__metrics", "high__metrics", "decided_by__user")
        .first()
    )
    if pair is None:
        raise NotFound()
    return pair


def desk_of(*, membership: Membership, band: str = "", after: str = "") -> Desk:
    """The best pair behind `after` (a cursor of `Shown`; malformed: from the start) and what follows.

    Five queries with a pair, two without.
    """
    everything = DuplicatePair.objects.open().visible_to(membership)
    counts = dict(everything.order_by().values_list("band").annotate(Count("pk")))
    rows = everything.filter(band=band) if band in DuplicatePair.Band.values else everything
    behind = _behind(after)
    related = rows.filter(behind).select_related("low__metrics", "high__metrics")
    found = list(related.best_first()[: NEXT_SHOWN + 1])
    shown = shown_of(found[0], whole=membership.can("customers.pii")) if found else None
    return Desk(shown, found[1:], counts, skipped=bool(behind) and not found and rows.exists())


def _behind(after: str) -> Q:
    score, _colon, pk = after.partition(":")
    try:
        at, number = float(score), int(pk)
    except ValueError:
        return Q()
    return Q(score__lt=at) | Q(score=at, pk__lt=number)


def open_pairs_of(*, membership: Membership, customer: Customer) -> list[tuple[DuplicatePair, Customer]]:
    """(pair, the other one), the likeliest first."""
    pairs = DuplicatePair.objects.open().visible_to(membership)
    mine = pairs.filter(Q(low=customer) | Q(high=customer)).select_related("low", "high").best_first()
    return [(one, one.high if one.low_id == customer.pk else one.low) for one in mine[:MOST_SHOWN]]


# --- one pair beside each other -----------------------------------------------------------------------------


def shown_of(pair: DuplicatePair, *, whole: bool) -> Shown:
    """Personal data is masked unless `whole`. Two queries for what hangs on both."""
    people: list[Customer] = [pair.low, pair.high]
    emails, phones = _identities(people, Identity.Kind.EMAIL), _identities(people, Identity.Kind.PHONE)
    if not whole:
        emails = {pk: list(map(mask_email, values)) for pk, values in emails.items()}
        phones = {pk: list(map(mask_phone, values)) for pk, values in phones.items()}
    places = _places(people, whole)
    verdicts = {line["field"]: _verdict(line) for line in pair.evidence}
    birthdays = {one.pk: [one.birthday_on.isoformat()] if one.birthday_on and whole else [] for one in people}

    def row(label: Text, values: dict[int, list[str]], *fields: str) -> Row:
        said = [verdicts[name] for name in fields if name in verdicts]
        return Row(label, values[pair.low_id], values[pair.high_id], said)

    rows = [
        row(wording.NAME_LABEL, {one.pk: _name(one) for one in people}, "given_name", "family_name"),
        row(wording.FIELDS["email"], emails, "email"),
        row(wording.FIELDS["phone"], phones, "phone"),
        row(wording.FIELDS["birthday"], birthdays, "birthday"),
        row(wording.FIELDS["street"], places, "street", "town"),
    ]
    if "orders" in verdicts:
        rows.append(row(wording.FIELDS["orders"], {one.pk: [] for one in people}, "orders"))
    stays, goes = survivor_first(pair.low, pair.high)
    words = wording.verdict_words(pair.probability), wording.chance_words(pair.probability)
    return Shown(pair, stays, goes, rows, *words)


def _verdict(line: dict[str, Any]) -> Verdict:
    name, level, bits = line["field"], line["level"], float(line["bits"])
    return Verdict(
        wording.FIELDS.get(name, name),
        wording.level_words(name, level),
        wording.strength_words(bits),
        wording.tone_of(bits),
    )


def _name(customer: Customer) -> list[str]:
    parts = [part for part in (customer.given_name, customer.family_name) if part]
    whole = customer.name or " ".join(parts)
    return [whole] if whole else []


def _identities(people: Iterable[Customer], kind: str) -> dict[int, list[str]]:
    """Every known value, the one in use first."""
    column = "email" if kind == Identity.Kind.EMAIL else "phone"
    found: dict[int, dict[str, None]] = {
        one.pk: {getattr(one, column): None} if getattr(one, column) else {} for one in people
    }
    for pk, value in Identity.objects.filter(kind=kind, customer_id__in=found).values_list(
        "customer_id", "value"
    ):
        found[pk][value] = None
    return {pk: list(values)[:MOST_SHOWN] for pk, values in found.items()}


def _places(people: Iterable[Customer], whole: bool) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for one in people:
        lines = [
            " ".join(part for part in (home.line1, home.line2, home.postal_code, home.city) if part)
            for home in one.addresses.order_by("-is_default", "-pk")[:MOST_SHOWN]
        ]
        lines = [line if whole else mask_text(line) for line in lines if line]
        found[one.pk] = lines or ([one.city] if one.city else [])
    return found
