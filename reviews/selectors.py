"""Page-shaped reads of reviews."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Q, QuerySet

from crm.accounts.models import Membership
from orders.models import Order, OrderLine, Product
from reviews.models import LedgerEntry, Review

STARS = (5, 4, 3, 2, 1)


@dataclass(frozen=True)
class StarRow:
    """One star of the integrity report. Rates are 0–1, None where nobody has decided yet."""

    stars: int
    received: int
    published: int
    withheld: int
    waiting: int
    time_to_publish: timedelta | None

    @property
    def withheld_rate(self) -> float | None:
        decided = self.published + self.withheld
        return self.withheld / decided if decided else None

    @property
    def publish_hours(self) -> float | None:
        return self.time_to_publish.total_seconds() / 3600 if self.time_to_publish else None


@dataclass(frozen=True)
class Report:
    """The public proof: what happened to reviews, by star, and why some are withheld."""

    rows: list[StarRow]
    reasons: list[tuple[str, int]]
    received: int
    verified: int

    @property
    def verified_rate(self) -> float | None:
        return self.verified / self.received if self.received else None


@dataclass(frozen=True)
class Rating:
    """A product's published reviews: how many, their mean, and how many of each star (five first)."""

    count: int
    average: float
    stars: list[tuple[int, int, float]]


def review_rows(membership: Membership) -> QuerySet[Review]:
    """The reviews that the member sees, with what a list shows of them."""
    return Review.objects.visible_to(membership).select_related(
        "product", "customer", "reply", "order_line__order"
    )


def integrity_report() -> Report:
    """Three queries. The same numbers for staff and public."""
    wait = ExpressionWrapper(F("published_at") - F("submitted_at"), output_field=DurationField())
    by_star = {
        row["rating"]: row
        for row in Review.objects.values("rating").annotate(
            received=Count("id"),
            published=Count("id", filter=Q(state=Review.State.PUBLISHED)),
            withheld=Count("id", filter=Q(state=Review.State.WITHHELD)),
            waiting=Count("id", filter=Q(state=Review.State.PENDING)),
            verified=Count("id", filter=Q(verified_purchase=True)),
            time_to_publish=Avg(wait, filter=Q(published_at__isnull=False)),
        )
    }
    rows = [_star_row(stars, by_star.get(stars)) for stars in STARS]
    counted = Review.objects.filter(state=Review.State.WITHHELD).values("withheld_reason")
    labels = dict(Review.Reason.choices)
    reasons = [
        (str(labels.get(row["withheld_reason"], row["withheld_reason"])), row["n"])
        for row in counted.annotate(n=Count("id")).order_by("-n")
    ]
    return Report(
        rows,
        reasons,
        received=sum(row.received for row in rows),
        verified=sum(row["verified"] for row in by_star.values()),
    )


def _star_row(stars: int, row: Any) -> StarRow:
    if row is None:
        return StarRow(stars, 0, 0, 0, 0, None)
    names = ("received", "published", "withheld", "waiting", "time_to_publish")
    return StarRow(stars, *(row[name] for name in names))


def product_rating(product: Product) -> Rating:
    """Of the published reviews; one query."""
    counted = Review.objects.filter(product=product).published().values_list("rating").annotate(n=Count("id"))
    found = dict(counted)
    count = sum(found.values())
    total = sum(stars * number for stars, number in found.items())
    stars = [(star, found.get(star, 0), found.get(star, 0) / count if count else 0.0) for star in STARS]
    return Rating(count, total / count if count else 0.0, stars)


def ledger_of(review: Review) -> QuerySet[LedgerEntry]:
    """The review's links of the chain, oldest first."""
    return LedgerEntry.objects.filter(review_id=review.pk).order_by("sequence")


def reviewable_lines(orders: QuerySet[Order]) -> QuerySet[OrderLine]:
    """Delivered lines of these orders that have a product and no review yet, newest first."""
    delivered = orders.filter(fulfilment=Order.Fulfilment.DELIVERED, cancelled_at__isnull=True)
    lines = OrderLine.objects.filter(order__in=delivered, product__isnull=False, reviews__isnull=True)
    return lines.select_related("product", "order").order_by("-placed_at", "-id")
