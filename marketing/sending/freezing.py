"""The audience becomes rows: one statement, one mail for each address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from crm.accounts.models import Merchant
from customers.models import Customer
from marketing.models import Campaign, Delivery

NEWS_TO_THE_PLANNER = 1_000


@dataclass(frozen=True)
class AudienceSql:
    """A statement that yields customer ids, with its parameters."""

    sql: str
    params: Sequence[Any] | Mapping[str, Any] = ()

    @classmethod
    def of(cls, customers: QuerySet[Customer]) -> AudienceSql:
        sql, params = customers.order_by().values("pk").query.sql_with_params()
        return cls(sql, params)

    def text(self) -> str:
        """The statement with its parameters quoted in, to stand inside another one."""
        with connection.cursor() as cursor:
            return str(cursor.cursor.mogrify(self.sql, self.params or None).decode())


def freeze(*, campaign: Campaign, merchant: Merchant, audience: AudienceSql, sender_domain: str) -> int:
    """How many rows were made. Must run in the transaction that starts the campaign.

    People without an address get a row that says so. An address that two customers share gets one mail.
    """
    sql = f"""
        INSERT INTO {Delivery._meta.db_table}
            (merchant_id, campaign_id, customer_id, address, state, reason, message_id, attempts, due_at,
             receipt, created_at)
        SELECT c.merchant_id, %(campaign)s, c.id, lower(btrim(c.email)),
               CASE WHEN btrim(c.email) = '' THEN 'skipped' ELSE 'queued' END,
               CASE WHEN btrim(c.email) = '' THEN 'no_address' ELSE '' END,
               '<' || %(campaign)s || '.' || replace(gen_random_uuid()::text, '-', '')
                   || '@' || %(domain)s || '>',
               0, now(), '', now()
        FROM {Customer._meta.db_table} c
        WHERE c.merchant_id = %(merchant)s AND c.erased_at IS NULL AND c.merged_into_id IS NULL
              AND c.id IN (/*audience*/)
        ORDER BY c.id
        ON CONFLICT DO NOTHING
    """
    values = {"campaign": campaign.pk, "merchant": merchant.pk, "domain": sender_domain}
    inner = audience.text()
    with connection.cursor() as cursor:
        whole = cursor.cursor.mogrify(sql, values).decode().replace("/*audience*/", inner)
        cursor.execute(whole)
        people = int(cursor.rowcount)
        if people >= NEWS_TO_THE_PLANNER:
            # Without it each batch's check is planned for a table of a few rows until autovacuum comes by.
            cursor.execute(f"ANALYZE {Delivery._meta.db_table}")
        return people
