"""Writes: the programme, its tiers, corrections by staff."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.events.emitting import emit
from crm.events.ringing import ring_task
from crm.lib.errors import Rejected
from customers.models import Customer, Metrics
from marketing.loyalty import events
from marketing.loyalty.models import PointsEntry, Program, Tier

MOST_TIERS = 8
MOST_CORRECTION = 1_000_000


@transaction.atomic
def program_save(
    *, merchant: Merchant, values: dict[str, Any], tiers: Sequence[tuple[str, int, Decimal]]
) -> Program:
    """The programme with these rules and tiers (name, from points, earns times); everybody is settled anew
    in the
    background. Points that were given stay as they were given. Raises Rejected for tiers that contradict."""
    names, thresholds = [name for name, *_rest in tiers], [threshold for _name, threshold, _times in tiers]
    if len(tiers) > MOST_TIERS or len(set(names)) < len(names) or len(set(thresholds)) < len(thresholds):
        text = _("Give at most %(most)s tiers, each with its own name and threshold.") % {"most": MOST_TIERS}
        raise Rejected(text, code="bad_tiers", fields={"tiers": [text]})
    program = Program.objects.select_for_update().first() or Program(merchant=merchant)
    for name, value in values.items():
        setattr(program, name, value)
    program.full_clean(exclude=["merchant"])
    program.save()
    Tier.objects.all().delete()
    Tier.objects.bulk_create(
        Tier(merchant=merchant, name=name, threshold=threshold, multiplier=multiplier)
        for name, threshold, multiplier in tiers
    )
    emit(events.PROGRAM_CHANGED, merchant=merchant, subject=program)
    transaction.on_commit(
        partial(ring_task, "loyalty.recalculate_merchant", [merchant.pk], queue="insight"), robust=True
    )
    return program


@transaction.atomic
def points_correct(
    *,
    merchant: Merchant,
    customer: Customer,
    points: int,
    reason: str,
    actor: Membership | None = None,
    key: str = "",
) -> PointsEntry:
    """Gives or takes points by hand, with the reason. `key` makes a repeated call the same correction.

    Raises Rejected for nothing, no reason, or more taken than there is.
    """
    reason = " ".join(reason.split())[:200]
    if not reason:
        text = _("Say why, so that colleagues and the customer can understand it.")
        raise Rejected(text, code="no_reason", fields={"reason": [text]})
    if points == 0 or abs(points) > MOST_CORRECTION:
        text = _("Give a number of points, with a minus to take them.")
        raise Rejected(text, code="bad_points", fields={"points": [text]})
    Metrics.objects.select_for_update().get(customer=customer)
    known = PointsEntry.objects.filter(key=f"adjust:{key}").first() if key else None
    if known is not None:
        return known
    have = PointsEntry.objects.filter(customer=customer).aggregate(sum=Sum("points"))["sum"] or 0
    if points < 0 and have + points < 0:
        text = _("There are only %(points)s points to take.") % {"points": max(have, 0)}
        raise Rejected(text, code="too_many_points", fields={"points": [text]})
    now = timezone.now()
    entry = PointsEntry.objects.create(
        merchant=merchant,
        customer=customer,
        kind=PointsEntry.Kind.ADJUST,
        points=points,
        key=f"adjust:{key or f'{customer.pk}:{now.timestamp():.6f}'}",
        lot_at=now,
        reason=reason,
        actor=actor,
    )
    Metrics.objects.filter(customer=customer).update(points=have + points)
    emit(
        events.POINTS_CORRECTED,
        merchant=merchant,
        customer=customer,
        subject=entry,
        data={"points": f"{points:+d}", "reason": reason},
    )
    return entry
