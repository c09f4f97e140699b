"""Writes: every step of a review's life goes through here, and into the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.events.emitting import emit
from crm.events.types import EventType
from crm.lib.errors import Conflict, Rejected
from customers.models import Customer
from orders.models import Order, OrderLine, Product
from reviews import events, ledger
from reviews.models import LedgerEntry, Reply, Review

Action = LedgerEntry.Action


def _facts(review: Review) -> dict[str, Any]:
    return {"review_id": review.pk, "product": str(review.product), "rating": review.rating}


def _announce(review: Review, kind: EventType, *, at: datetime | None = None, **more: Any) -> None:
    emit(
        kind,
        merchant=review.merchant_id,
        customer=review.customer_id,
        subject=review,
        data=_facts(review) | more,
        occurred_at=at,
    )


@transaction.atomic
def review_submit(
    *,
    merchant: Merchant,
    product: Product,
    rating: int,
    title: str = "",
    body: str = "",
    author_name: str = "",
    customer: Customer | None = None,
    order_line: OrderLine | None = None,
    language: str = "",
    source: str = "portal",
    at: datetime | None = None,
) -> Review:
    """The new review, waiting for moderation. With an order line it is a verified purchase: the line must be
    the product's and the customer's, its order not cancelled. Raises Conflict for a second one on a line."""
    if not 1 <= rating <= 5:
        message = _("Give one to five stars.")
        raise Rejected(message, code="bad_rating", fields={"rating": [message]})
    if order_line is not None:
        _check_line(order_line, product, customer)
    review = Review(
        merchant=merchant,
        product=product,
        order_line=order_line,
        customer=customer,
        author_name=author_name[:80] or _shown_name(customer),
        rating=rating,
        title=" ".join(title.split())[:150],
        body=body.strip()[:5_000],
        language=language[:10],
        source=source,
        submitted_at=at or timezone.now(),
    )
    try:
        with transaction.atomic():
            review.save()
    except IntegrityError as error:
        raise Conflict(_("This purchase has been reviewed already."), code="reviewed") from error
    ledger.append(review, Action.SUBMITTED, at=at)
    _announce(review, events.REVIEW_SUBMITTED, at=at)
    return review


def _check_line(line: OrderLine, product: Product, customer: Customer | None) -> None:
    order: Order = line.order
    is_theirs = customer is not None and order.customer_id == customer.pk
    if line.product_id != product.pk or not (is_theirs or order.customer_id is None) or order.is_cancelled:
        raise Rejected(_("This purchase can't be reviewed here."), code="not_their_purchase")


def _shown_name(customer: Customer | None) -> str:
    """What the public sees: "李*" or "Anna M.", never the full name."""
    name = customer.name if customer else ""
    if not name:
        return _("A customer")
    words = name.split()
    if len(words) > 1:
        return f"{words[0]} {words[-1][0]}."[:80]
    return name if name.isascii() else f"{name[0]}*"


@transaction.atomic
def review_edit(*, review: Review, rating: int, title: str, body: str) -> Review:
    """The author's new words; they wait for moderation again. Locks the review."""
    review = Review.objects.select_for_update().get(pk=review.pk)
    if not 1 <= rating <= 5:
        raise Rejected(_("Give one to five stars."), code="bad_rating")
    review.rating, review.title, review.body = rating, " ".join(title.split())[:150], body.strip()[:5_000]
    review.state, review.withheld_reason, review.edited_at = Review.State.PENDING, "", timezone.now()
    review.save(update_fields=["rating", "title", "body", "state", "withheld_reason", "edited_at"])
    ledger.append(review, Action.EDITED)
    _announce(review, events.REVIEW_EDITED)
    return review


@transaction.atomic
def review_publish(*, review: Review, at: datetime | None = None) -> Review:
    """Shows the review to everybody. Publishing twice changes nothing."""
    review = Review.objects.select_for_update().get(pk=review.pk)
    if review.state == Review.State.PUBLISHED:
        return review
    review.state, review.withheld_reason = Review.State.PUBLISHED, ""
    review.published_at = review.published_at or at or timezone.now()
    review.save(update_fields=["state", "withheld_reason", "published_at"])
    ledger.append(review, Action.PUBLISHED, at=at)
    _announce(review, events.REVIEW_PUBLISHED, at=at)
    return review


@transaction.atomic
def review_withhold(*, review: Review, reason: str) -> Review:
    """Keeps the review from the public for a reason of the list, which the public report counts by star."""
    if reason not in Review.Reason.values:
        message = _("Choose why. A low rating is no reason.")
        raise Rejected(message, code="bad_reason", fields={"reason": [message]})
    review = Review.objects.select_for_update().get(pk=review.pk)
    if (review.state, review.withheld_reason) == (Review.State.WITHHELD, reason):
        return review
    review.state, review.withheld_reason = Review.State.WITHHELD, reason
    review.save(update_fields=["state", "withheld_reason"])
    ledger.append(review, Action.WITHHELD, reason=reason)
    _announce(review, events.REVIEW_WITHHELD, reason=str(Review.Reason(reason).label))
    return review


@transaction.atomic
def review_reply(*, review: Review, body: str, author: Membership | None = None) -> Reply:
    """The shop's public answer, made or changed. Locks the review."""
    text = body.strip()
    if not text:
        message = _("Write an answer first.")
        raise Rejected(message, code="empty", fields={"body": [message]})
    review = Review.objects.select_for_update().get(pk=review.pk)
    reply, created = Reply.objects.get_or_create(
        review=review, merchant_id=review.merchant_id, defaults={"body": text[:3_000], "author": author}
    )
    if not created:
        reply.body, reply.author, reply.edited_at = text[:3_000], author, timezone.now()
        reply.save(update_fields=["body", "author", "edited_at"])
    ledger.append(review, Action.REPLIED)
    _announce(review, events.REVIEW_REPLIED)
    return reply
