"""Page-shaped reads of points and tiers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.lib.ui.formats import number_text
from customers.models import Customer, Metrics
from marketing.loyalty.models import PointsEntry, Program, Tier
from orders.models import Order


def program_of() -> Program | None:
    return Program.objects.first()


@dataclass(frozen=True)
class TierView:
    tier: Tier
    members: int


@dataclass(frozen=True)
class Board:
    """`outstanding` are the points that customers could ask something for."""

    members: int
    outstanding: int
    tiers: list[TierView]

    @property
    def outstanding_text(self) -> str:
        return number_text(self.outstanding)


def board() -> Board:
    """Two queries."""
    with_points = Metrics.objects.exclude(points=0)
    sums = with_points.aggregate(members=Count("pk"), outstanding=Sum("points", filter=Q(points__gt=0)))
    counts = dict(Metrics.objects.exclude(tier="").values_list("tier").annotate(number=Count("pk")))
    tiers = [TierView(tier, counts.get(tier.name, 0)) for tier in Tier.objects.all()]
    return Board(sums["members"] or 0, sums["outstanding"] or 0, tiers)


def members(membership: Membership, *, tier: str = "") -> QuerySet[Customer]:
    """Customers with points, most first."""
    rows: QuerySet[Customer] = Customer.objects.present().visible_to(membership).select_related("metrics")
    rows = rows.exclude(metrics__points=0)
    return rows.filter(metrics__tier=tier) if tier else rows


@dataclass(frozen=True)
class EntryView:
    entry: PointsEntry
    words: str


def entries_of(customer: Customer, size: int = 20) -> list[EntryView]:
    """The newest entries with what each is for; two queries."""
    rows = list(
        PointsEntry.objects.filter(customer=customer)
        .select_related("actor__user")
        .order_by("-created_at", "-pk")[:size]
    )
    numbers = dict(
        Order.objects.filter(pk__in=[row.order_id for row in rows if row.order_id]).values_list(
            "pk", "number"
        )
    )
    return [EntryView(row, _words(row, numbers)) for row in rows]


def _words(row: PointsEntry, numbers: dict[int, str]) -> str:
    if row.kind == PointsEntry.Kind.ADJUST:
        return row.reason
    if row.kind == PointsEntry.Kind.EXPIRE:
        return _("Expired")
    if row.order_id:
        number = numbers.get(row.order_id, "–")
        text = _("Order %(number)s") if row.points > 0 else _("Refund of order %(number)s")
        return text % {"number": number}
    return _("Refund")


@dataclass(frozen=True)
class Standing:
    """Where a customer stands: their points, tier, what is missing for the next one."""

    points: int
    tier: str
    next_tier: str
    missing: int
    reached: int


def standing_of(customer: Customer, program: Program) -> Standing:
    """Two queries beside the metrics row."""
    metrics = customer.metrics
    qualifying = _qualifying(customer, program)
    above = [tier for tier in Tier.objects.all() if tier.threshold > qualifying]
    upper = above[0] if above else None
    return Standing(
        metrics.points,
        metrics.tier,
        upper.name if upper else "",
        upper.threshold - qualifying if upper else 0,
        upper.threshold if upper else 0,
    )


def _qualifying(customer: Customer, program: Program) -> int:
    earned = PointsEntry.objects.filter(customer=customer, kind__in=["earn", "reverse"])
    window = earned.filter(lot_at__gte=timezone.now() - timedelta(days=program.tier_days))
    return int(window.aggregate(sum=Sum("points"))["sum"] or 0)
