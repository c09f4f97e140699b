"""How a list of reviews is narrowed."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from crm.lib.listing import Filter
from reviews.models import Review


def _stars(reviews: QuerySet[Any], value: str) -> QuerySet[Any]:
    return reviews.filter(rating__lte=2) if value == "low" else reviews.filter(rating=int(value))


FILTERS = (
    Filter(
        "stars",
        _("Stars"),
        _stars,
        choices=lambda: [*((str(star), f"{star} ★") for star in (5, 4, 3, 2, 1)), ("low", _("1 or 2 ★"))],
    ),
    Filter(
        "verified",
        _("Purchase"),
        lambda reviews, value: reviews.filter(verified_purchase=value == "yes"),
        choices=lambda: [("yes", _("Verified purchase")), ("no", _("Not verified"))],
    ),
    Filter(
        "answer",
        _("Answer"),
        lambda reviews, value: reviews.filter(reply__isnull=value == "no"),
        choices=lambda: [("no", _("Not answered")), ("yes", _("Answered"))],
    ),
    Filter(
        "since",
        _("Written since"),
        lambda reviews, value: reviews.filter(submitted_at__date__gte=value),
        kind="date",
    ),
)
STATES = (Review.State.PENDING, Review.State.PUBLISHED, Review.State.WITHHELD)


def search(reviews: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Reviews whose words, product or author hold the text."""
    if not text:
        return reviews
    found = Q(title__icontains=text) | Q(body__icontains=text) | Q(author_name__icontains=text)
    return reviews.filter(found | Q(product__title__icontains=text))
