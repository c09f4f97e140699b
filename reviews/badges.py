"""The count beside Reviews in the sidebar, and reviews in the palette."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.accounts.navigation import badge
from crm.accounts.search import Hit, finder
from reviews.filters import search
from reviews.models import Review


@badge("reviews")
def waiting(membership: Membership) -> int:
    """Reviews that wait for moderation; one query on their partial index."""
    return Review.objects.visible_to(membership).pending().count()


@finder(label=_("Reviews"), icon="star", needs="reviews.view")
def find(membership: Membership, query: str, limit: int) -> list[Hit]:
    found = search(Review.objects.visible_to(membership).select_related("product"), query).order_by(
        "-submitted_at"
    )[:limit]
    return [
        Hit(
            f"{review.rating}★ {review.title or review.product}",
            reverse("review_detail", args=[review.pk]),
            "",
        )
        for review in found
    ]
