"""Taking visits in, and recognising the browser they came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.emitting import Draft, emit, emit_many
from crm.lib.locking import hold_all
from customers.models import Customer, Identity, Visit
from customers.visits import events

# The first-party cookie that static/js/visits.js keeps in the shop's pages.
COOKIE = "gx_visitor"
VISITOR = re.compile(r"[A-Za-z0-9_-]{16,64}")
# What a sign-in brings in of one browser, the newest: a program that invents a million fills no timeline.
MOST_BROUGHT = 500
OLDEST = timedelta(days=90)
EVENTS = {
    Visit.Kind.PAGE: events.VISITED,
    Visit.Kind.PRODUCT: events.PRODUCT_VIEWED,
    Visit.Kind.CART: events.CART_FILLED,
    Visit.Kind.SEARCH: events.SEARCHED,
}


@dataclass(frozen=True)
class Seen:
    """One thing that a browser did. `at` is not older than OLDEST."""

    visitor: str
    kind: str
    at: datetime
    title: str = ""
    path: str = ""
    sku: str = ""


@transaction.atomic
def visits_take(*, merchant: Merchant, seen: Sequence[Seen]) -> int:
    """How many were kept: in the timeline of whom the browser is known to be, else nameless. Those of people
    who don't want to be profiled are not kept. Holds the visitors until the transaction ends."""
    _hold(merchant, (one.visitor for one in seen))
    owners = _owners({one.visitor for one in seen})
    nameless = [one for one in seen if one.visitor not in owners]
    Visit.objects.bulk_create(Visit(merchant=merchant, **vars(one)) for one in nameless)
    theirs = [(owners[one.visitor], one) for one in seen if one.visitor in owners]
    drafts = [_draft(merchant, owner.pk, one) for owner, one in theirs if not owner.profiling_stopped_at]
    return len(nameless) + len(emit_many(drafts, merchant=merchant))


@transaction.atomic
def visitor_recognise(*, merchant: Merchant, customer: Customer, visitor: str, source: str) -> int:
    """Whose browser this is, because they signed in or bought with it; how many earlier visits are theirs
    now. On a browser that several people use, what was nameless goes to the next who signs in, and what comes
    after that to them too. Nothing for the erased, for who doesn't want to be profiled, and for what is no
    visitor id. Holds the visitor until the transaction ends."""
    if not VISITOR.fullmatch(visitor) or customer.erased_at is not None:
        return 0
    _hold(merchant, [visitor])
    waiting = Visit.objects.filter(visitor=visitor)
    if customer.profiling_stopped_at is not None:
        waiting.delete()
        # Whoever used the browser before is not who uses it now.
        Identity.objects.filter(kind=Identity.Kind.VISITOR, scope="", value=visitor).delete()
        return 0
    is_new = _own(merchant, customer, visitor, source)
    since = timezone.now() - OLDEST
    newest = list(waiting.filter(at__gte=since).order_by("-at", "-pk")[:MOST_BROUGHT])
    waiting.delete()
    drafts = [_draft(merchant, customer.pk, _seen(one)) for one in reversed(newest)]
    brought = len(emit_many(drafts, merchant=merchant, backfill=True))
    if is_new or brought:
        emit(
            events.VISITOR_RECOGNISED,
            merchant=merchant,
            customer=customer,
            subject=customer,
            data={"visits": brought, "source": source},
        )
    return brought


def visitors_forget(*, customer_id: int) -> int:
    """Their browsers are nobody's from now on; how many."""
    return int(Identity.objects.filter(customer_id=customer_id, kind=Identity.Kind.VISITOR).delete()[0])


def _hold(merchant: Merchant, visitors: Iterable[str]) -> None:
    hold_all(f"visitor:{merchant.pk}:{one}" for one in visitors)


def _owners(visitors: set[str]) -> dict[str, Customer]:
    """Who the browsers are known to be by now, through merges. One query."""
    rows = Identity.objects.filter(kind=Identity.Kind.VISITOR, scope="", value__in=visitors)
    known = rows.select_related("customer__merged_into")
    return {row.value: row.customer.merged_into or row.customer for row in known}


def _own(merchant: Merchant, customer: Customer, visitor: str, source: str) -> bool:
    """Whether the browser was not known to be theirs."""
    known, created = Identity.objects.select_for_update(of=("self",)).get_or_create(
        merchant=merchant,
        kind=Identity.Kind.VISITOR,
        scope="",
        value=visitor,
        defaults={"customer": customer, "source": source[:40]},
    )
    if known.customer_id != customer.pk:
        known.customer, known.source = customer, source[:40]
        known.save(update_fields=["customer", "source"])
        return True
    return bool(created)


def _seen(visit: Visit) -> Seen:
    return Seen(visit.visitor, visit.kind, visit.at, visit.title, visit.path, visit.sku)


def _draft(merchant: Merchant, customer_id: int, one: Seen) -> Draft:
    """Pages are told once a day: that they were there, and where first."""
    title = one.title or one.sku or one.path
    data = {"title": title} | {key: value for key, value in (("path", one.path), ("sku", one.sku)) if value}
    day = one.at.astimezone(merchant.zone).date()
    once = f"{customer_id}:{day}" if one.kind == Visit.Kind.PAGE else None
    kind = EVENTS[Visit.Kind(one.kind)]
    return Draft(kind, customer_id, data=data, dedupe_key=once, occurred_at=one.at)
