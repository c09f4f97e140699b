"""Choosing a period, looking at what would go, and the nightly work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.actor import acting, current_actor
from crm.events.emitting import emit
from crm.lib.errors import Rejected
from crm.lib.retention import KINDS, Kind, border_of
from crm.lib.tenancy import merchant_scope
from customers import events
from customers.models import RetentionRule, RetentionRun

# One transaction takes this many rows: short enough that nobody waits for its locks.
CHUNK = 500
# A shop's first night may find years; what is left goes the nights after.
MOST_A_NIGHT = 200_000
LONGEST_MONTHS = 240
ACTOR = "system"


@dataclass(frozen=True)
class Standing:
    """A kind with the period that holds now (None: for ever) and its newest run."""

    kind: Kind
    months: int | None
    rule: RetentionRule | None
    last: RetentionRun | None


def standings() -> list[Standing]:
    """Every kind of the house. Two queries."""
    rules = {one.kind: one for one in RetentionRule.objects.all()}
    runs = RetentionRun.objects.order_by("kind", "-started_at", "-id").distinct("kind")
    last = {one.kind: one for one in runs}
    return [
        Standing(kind, months_of(kind, rules.get(key)), rules.get(key), last.get(key))
        for key, kind in KINDS.items()
    ]


def months_of(kind: Kind, rule: RetentionRule | None) -> int | None:
    return rule.months if rule is not None else kind.default_months


def kind_named(key: str) -> Kind:
    """Raises Rejected for a kind that no app declares."""
    if key not in KINDS:
        raise Rejected(_("There is no such kind of data."), code="unknown_kind")
    return KINDS[key]


@transaction.atomic
def rule_set(*, merchant: Merchant, key: str, months: int | None) -> RetentionRule:
    """The period from now on; the next night works by it. Raises Rejected for less than the minimum."""
    kind = kind_named(key)
    _check(kind, months)
    rule, _new = RetentionRule.objects.select_for_update().get_or_create(
        merchant=merchant, kind=key, defaults={"months": kind.default_months}
    )
    before, rule.months = rule.months, months
    rule.set_by, rule.set_at = current_actor(), timezone.now()
    rule.save()
    emit(
        events.RETENTION_SET,
        merchant=merchant,
        subject=rule,
        data={"kind": key, "before": before, "months": months},
    )
    return rule


def _check(kind: Kind, months: int | None) -> None:
    if months is not None and not kind.minimum_months <= months <= LONGEST_MONTHS:
        words = _("At least %(least)s months, at most %(most)s.") % {
            "least": kind.minimum_months,
            "most": LONGEST_MONTHS,
        }
        raise Rejected(words, code="bad_period", fields={"months": [words]})


def would_go(*, key: str, months: int) -> tuple[int, datetime]:
    """A dry run: how many rows would go by this period now, and the instant before which. Changes nothing."""
    kind = kind_named(key)
    _check(kind, months)
    border = border_of(months, timezone.now())
    return kind.count(border), border


def work(*, merchant: Merchant) -> dict[str, int]:
    """Kind → rows that went, of the kinds with a period. Chunk by chunk, each committed: cut off, the next
    call goes on; called again, it finds nothing."""
    gone = {}
    with merchant_scope(merchant), acting(ACTOR):
        for standing in standings():
            if standing.months is not None:
                gone[standing.kind.key] = _run(merchant, standing.kind, standing.months)
    return gone


def _run(merchant: Merchant, kind: Kind, months: int) -> int:
    border = border_of(months, timezone.now())
    run = None
    rows = 0
    while rows < MOST_A_NIGHT:
        with transaction.atomic():
            taken = kind.purge(border, CHUNK)
            if not taken:
                break
            if run is None:
                run = RetentionRun.objects.create(
                    merchant=merchant, kind=kind.key, months=months, border=border
                )
            rows += taken
            RetentionRun.objects.filter(pk=run.pk).update(rows=rows)
    if run is not None:
        with transaction.atomic():
            RetentionRun.objects.filter(pk=run.pk).update(finished_at=timezone.now())
            data = {"kind": kind.key, "what": kind.what, "rows": rows, "border": border}
            emit(events.RETENTION_RUN, merchant=merchant, subject=run, data=data)
    return rows
