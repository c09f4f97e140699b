"""What moves of points when two customers become one: the ledger goes over whole, balance and tier follow."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.utils.translation import gettext_lazy as _

from customers.merging.registry import Mover, Recount, add, add_recount, when_undone
from customers.models import MergeRecord, Metrics
from marketing.loyalty.models import PointsEntry
from marketing.loyalty.settling import expiry_correct

add(
    Mover(
        "loyalty.PointsEntry",
        _("Points entries"),
        follows=(("order_id", "orders.Order"), ("refund_id", "orders.Refund")),
    )
)

# The tier is settled by the handler of the event: it needs the programme. Nobody without points has one.
BALANCE = f"""
    UPDATE {Metrics._meta.db_table} m
    SET points = f.points, tier = CASE WHEN f.entries = 0 THEN '' ELSE m.tier END
    FROM (
        SELECT c.id, coalesce(sum(e.points), 0) AS points, count(e.id) AS entries
        FROM unnest(%(ids)s::bigint[]) AS c(id)
        LEFT JOIN {PointsEntry._meta.db_table} e
               ON e.merchant_id = %(merchant)s::bigint AND e.customer_id = c.id
        GROUP BY c.id
    ) f
    WHERE m.merchant_id = %(merchant)s::bigint AND m.customer_id = f.id AND m.points <> f.points
"""


def refresh_balance(merchant_id: int, customer_ids: Sequence[int]) -> int:
    """Writes the sum of the entries where it differs; rows that changed."""
    with connection.cursor() as cursor:
        cursor.execute(BALANCE, {"merchant": merchant_id, "ids": list(customer_ids)})
        return int(cursor.rowcount)


add_recount(Recount("loyalty.balance", refresh_balance))


@when_undone
def lots_apart(record: MergeRecord) -> None:
    """Points that expired while the two were one took both one's lots from the survivor: what lapsed of the
    absorbed's comes back, for theirs to lapse with themselves."""
    expiry_correct(merchant_id=record.merchant_id, customer_id=record.survivor_id, key=f"merge:{record.pk}")


@when_undone
def own_tier(record: MergeRecord) -> None:
    """The survivor's tier as it was; the handler settles it if it isn't right any more."""
    Metrics.objects.filter(pk=record.survivor_id).update(tier=record.figures["survivor"].get("tier", ""))
