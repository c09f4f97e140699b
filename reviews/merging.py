"""What moves of reviews when two customers become one."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.merging.registry import Mover, Recount, add, add_recount
from reviews.handlers import refresh_metrics

add(
    Mover("reviews.Review", _("Reviews"), follows=(("order_line_id", "orders.OrderLine"),)),
    Mover("reviews.ReviewRequest", _("Review requests"), follows=(("order_id", "orders.Order"),)),
)
add_recount(Recount("reviews.metrics", refresh_metrics))
