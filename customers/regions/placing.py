"""Putting everybody into the tree anew after it has changed.

New and changed rows are placed by the database itself (migration 0017); this is for those whose words stayed.
"""

from __future__ import annotations

from django.db import connection, transaction

from crm.lib.tenancy import scoped_merchant_id
from customers.models import Company, Customer

CHUNK = 10_000

NEXT = """
    SELECT max(id) FROM (
        SELECT id FROM {table} WHERE merchant_id = %(shop)s AND id > %(after)s ORDER BY id LIMIT %(chunk)s
    ) c
"""
# Each distinct place is looked up once; only who stands elsewhere now is written. The trigger agrees.
PLACE = """
    WITH said AS MATERIALIZED (
        SELECT DISTINCT country, region, city FROM {table}
        WHERE merchant_id = %(shop)s AND id > %(after)s AND id <= %(upto)s
    ), placed AS MATERIALIZED (
        SELECT *, customers_locate(%(shop)s, country, region, city) AS place FROM said
    ), moved AS (
        SELECT c.id, p.place FROM {table} c JOIN placed p USING (country, region, city)
        WHERE c.merchant_id = %(shop)s AND c.id > %(after)s AND c.id <= %(upto)s
          AND c.located_in_id IS DISTINCT FROM p.place
        ORDER BY c.id FOR UPDATE OF c
    )
    UPDATE {table} c SET located_in_id = m.place FROM moved m WHERE c.merchant_id = %(shop)s AND c.id = m.id
"""


def place_all() -> int:
    """How many customers and companies stand elsewhere now. Goes through the scope's shop by 10,000 rows,
    each a transaction of its own that locks only the rows it moves; stopped halfway, it is begun again and
    finds the rest."""
    return sum(_place(model._meta.db_table) for model in (Customer, Company))


def _place(table: str) -> int:
    shop, after, moved = scoped_merchant_id(), 0, 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            values = {"shop": shop, "after": after, "chunk": CHUNK}
            cursor.execute(NEXT.format(table=table), values)
            upto = cursor.fetchone()[0]
            if upto is None:
                return moved
            cursor.execute(PLACE.format(table=table), values | {"upto": upto})
            moved += cursor.rowcount
        after = upto
