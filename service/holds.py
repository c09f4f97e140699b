"""An open complaint holds promotions back (promise 1); asked at the moment of sending."""

from django.utils.translation import gettext_lazy as _

from customers.registries import Hold, add_hold

add_hold(
    Hold(
        code="open_complaint",
        reason=_("A ticket is open"),
        sql="""
            SELECT customer_id FROM service_ticket
            WHERE merchant_id = %(merchant_id)s AND status IN ('open', 'pending', 'snoozed')
              AND customer_id IS NOT NULL
        """,
    )
)
