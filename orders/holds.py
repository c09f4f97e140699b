"""What about an order holds promotions back (promise 1): a late parcel, goods or money on the way back."""

from django.utils.translation import gettext_lazy as _

from customers.registries import Hold, add_hold

add_hold(
    Hold(
        code="late_parcel",
        reason=_("A parcel is late"),
        sql="""
            SELECT customer_id FROM orders_order, (
                SELECT (now() AT TIME ZONE time_zone)::date AS day FROM accounts_merchant
                WHERE id = %(merchant_id)s
            ) AS today
            WHERE merchant_id = %(merchant_id)s AND customer_id IS NOT NULL AND promised_on < today.day
                  AND promised_on > today.day - 60 AND cancelled_at IS NULL AND fulfilment <> 'delivered'
        """,
    )
)
add_hold(
    Hold(
        code="open_return",
        reason=_("A return or its refund is open"),
        sql="""
            SELECT customer_id FROM orders_return
            WHERE merchant_id = %(merchant_id)s AND customer_id IS NOT NULL
                  AND state IN ('requested', 'approved', 'received')
        """,
    )
)
