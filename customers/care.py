"""Care holds as they stand for one customer: why promotions wait (promise 1)."""

from __future__ import annotations

from django.db import connection

from crm.lib.tenancy import scoped_merchant_id
from customers.registries import HOLDS, Hold


def holds_on(customer_id: int) -> list[Hold]:
    """The holds that apply now, in the order of their codes. One query for all of them, none without any."""
    if not HOLDS:
        return []
    codes = sorted(HOLDS)
    parts = [
        f"SELECT {number} WHERE EXISTS"
        f" (SELECT 1 FROM ({HOLDS[code].sql}) AS held (customer_id) WHERE held.customer_id = %(customer_id)s)"
        for number, code in enumerate(codes)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(parts), {"merchant_id": scoped_merchant_id(), "customer_id": customer_id}
        )
        return [HOLDS[codes[row[0]]] for row in sorted(cursor.fetchall())]
