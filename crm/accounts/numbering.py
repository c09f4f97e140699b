"""Numbers that people say on the phone: 1, 2, 3 … in each merchant and series."""

from django.db import connection

from crm.accounts.models import Counter


def next_number(*, merchant_id: int, series: str) -> int:
    """The next number. Locks the series until the caller's transaction ends; one rolled back leaves no
    gap."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Counter._meta.db_table} (merchant_id, series, value) VALUES (%s, %s, 1)"
            " ON CONFLICT (merchant_id, series) DO UPDATE"
            f" SET value = {Counter._meta.db_table}.value + 1 RETURNING value",
            [merchant_id, series],
        )
        (number,) = cursor.fetchone()
    return int(number)
