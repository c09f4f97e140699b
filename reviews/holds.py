"""A fresh bad review holds promotions back (promise 1)."""

from django.utils.translation import gettext_lazy as _

from customers.registries import Hold, add_hold

# Long enough for the shop to answer and make it good.
FRESH_DAYS = 14

add_hold(
    Hold(
        code="bad_review",
        reason=_("Wrote a review of one or two stars lately"),
        sql=f"""
            SELECT customer_id FROM reviews_review
            WHERE merchant_id = %(merchant_id)s AND customer_id IS NOT NULL AND rating <= 2
                  AND submitted_at > now() - interval '{FRESH_DAYS} days'
        """,
        also_reviews=False,
    )
)
