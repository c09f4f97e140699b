"""The list of reviews as a file."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy

from crm.exports.registry import Ask, Exporter, columns_of, listing_words, register
from crm.lib import listing
from reviews.filters import FILTERS, STATES, search
from reviews.models import Review

COLUMNS = (
    *(
        ("id", "pk"),
        ("product", "product__title"),
        ("rating", "rating"),
        ("title", "title"),
        ("body", "body"),
    ),
    *(("author_name", "author_name"), ("customer_id", "customer_id"), ("state", "state")),
    *(
        ("withheld_reason", "withheld_reason"),
        ("verified_purchase", "verified_purchase"),
        ("source", "source"),
    ),
    *(("submitted_at", "submitted_at"), ("published_at", "published_at"), ("reply", "reply__body")),
)


def _listing(ask: Ask) -> listing.Listing:
    return listing.read(ask.parameters, reverse("review_list"), FILTERS)


def _state(ask: Ask) -> str:
    """As the page opens without one: those that wait."""
    return ask.parameters.get("state", Review.State.PENDING)


def _select(ask: Ask) -> QuerySet[Review]:
    asked = _listing(ask)
    rows = search(asked.narrow(Review.objects.visible_to(ask.viewer)), asked.search)
    return ask.ticked(rows.filter(state=_state(ask)) if _state(ask) in STATES else rows)


def _words(ask: Ask) -> list[str]:
    states = {state.value: str(state.label) for state in Review.State}
    return [*([states[_state(ask)]] if _state(ask) in states else []), *listing_words(_listing(ask))]


register(
    Exporter(
        key="reviews",
        label=gettext_lazy("Reviews"),
        icon="star",
        needs="reviews.view",
        scope="reviews.read",
        columns=columns_of(Review, COLUMNS, {}),
        select=_select,
        words=_words,
        order=("-submitted_at", "-pk"),
    )
)
