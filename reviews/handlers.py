"""What reviews do when something is announced."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from crm.events.handling import on
from crm.events.models import Event
from orders.events import ORDER_DELIVERED
from orders.models import Order
from reviews import events
from reviews.models import ReviewRequest

# A parcel should be unpacked and used before anybody is asked about it.
ASK_AFTER_DAYS = 5

METRICS = """
    UPDATE customers_metrics m
    SET reviews_count = f.n, last_rating = f.rating, last_rating_at = f.at
    FROM (
        SELECT count(*) AS n, (array_agg(rating ORDER BY submitted_at DESC, id DESC))[1] AS rating,
               max(submitted_at) AS at
        FROM reviews_review WHERE merchant_id = %(merchant)s AND customer_id = %(customer)s
    ) f
    WHERE m.merchant_id = %(merchant)s AND m.customer_id = %(customer)s
          AND (m.reviews_count, m.last_rating, m.last_rating_at) IS DISTINCT FROM (f.n, f.rating, f.at)
"""


@on(events.REVIEW_SUBMITTED, events.REVIEW_EDITED, name="reviews.metrics", backfill=True)
def update_metrics(event: Event) -> None:
    """The customer's review figures, recomputed from the rows."""
    if event.customer_id:
        refresh_metrics(event.merchant_id, [event.customer_id])


def refresh_metrics(merchant_id: int, customer_ids: Sequence[int]) -> None:
    """The review columns of these customers' metrics, written where they changed."""
    with connection.cursor() as cursor:
        for customer_id in sorted(customer_ids):
            cursor.execute(METRICS, {"merchant": merchant_id, "customer": customer_id})


@on(ORDER_DELIVERED, name="reviews.plan_request")
def plan_request(event: Event) -> None:
    """Plans one invitation for each order, whoever bought and whatever their mood (promise 10)."""
    order = Order.objects.filter(pk=event.subject_id or 0, customer__isnull=False).first()
    if order is None:
        return
    ReviewRequest.objects.get_or_create(
        merchant_id=event.merchant_id,
        order=order,
        defaults={
            "customer_id": order.customer_id,
            "due_at": timezone.now() + timedelta(days=ASK_AFTER_DAYS),
        },
    )
