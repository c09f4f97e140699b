"""The audience becomes rows, one mail for each address: a few people at once, many by and by."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from crm.accounts.models import Merchant
from customers.models import Customer, Identity, Metrics
from customers.models.consent import Channel
from marketing.models import Campaign, Delivery
from marketing.pacing.admitting import plan_for
from marketing.sending.sharing_out import Shares

# Rows of one transaction: about a second's work, and the longest that a cancellation waits.
CHUNK = 20_000
READ = 50_000
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

    def first(self, limit: int) -> list[int]:
        """At most so many of the ids, in their order when there are no more. One query."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT DISTINCT id FROM ({self.text()}) a (id) LIMIT {int(limit)}")
            return sorted(row[0] for row in cursor.fetchall())

    def ids(self, *, after: int) -> array[int]:
        """The ids above `after`, in their order; 8 bytes each, a million people are 8 MB. One query."""
        found = array("q")
        inner = self.text()
        with transaction.atomic(), connection.chunked_cursor() as cursor:
            cursor.execute(f"SELECT DISTINCT id FROM ({inner}) a (id) WHERE id > {int(after)} ORDER BY id")
            while rows := cursor.fetchmany(READ):
                found.extend(row[0] for row in rows)
        return found


def chunks(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), CHUNK):
        yield list(ids[start : start + CHUNK])


# A customer's address of a channel, "" without one; an openid belongs to one account of WeChat.
ADDRESSES = {
    Channel.EMAIL: "lower(btrim(c.email))",
    Channel.SMS: "CASE WHEN c.phone LIKE '+%%' THEN c.phone ELSE '' END",
    Channel.WECHAT: f"""coalesce((
        SELECT i.value FROM {Identity._meta.db_table} i
        WHERE i.merchant_id = c.merchant_id AND i.customer_id = c.id AND i.kind = 'openid'
          AND i.scope IN (%(app_id)s, '') ORDER BY i.scope DESC, i.id DESC LIMIT 1), '')""",
}


METRICS = f"""
    LEFT JOIN {Metrics._meta.db_table} m ON m.merchant_id = c.merchant_id AND m.customer_id = c.id
"""
# Seconds that put people into an order and hold nobody up: rows are taken by when they are due.
ENGAGED_BEFORE = """
    CASE WHEN m.last_clicked_at > now() - interval '90 days' THEN interval '4 seconds'
         WHEN m.last_opened_at > now() - interval '30 days' THEN interval '3 seconds'
         WHEN m.last_opened_at > now() - interval '90 days' THEN interval '2 seconds'
         WHEN m.last_opened_at IS NOT NULL THEN interval '1 second'
         ELSE interval '0' END
"""


def freeze(
    *,
    campaign: Campaign,
    merchant: Merchant,
    customer_ids: Sequence[int],
    domain: str,
    app_id: str = "",
) -> int:
    """How many rows were made for these customers; one that is there stays. `domain` is for the Message-IDs,
    `app_id` the WeChat account of a campaign that goes there.

    People without an address get a row that says so. An address that two customers share gets one mail, and
    so does a person who is in the audience by several ways. While a warm-up plan lets a few go each day,
    those who looked at mails lately stand before the others.
    """
    shares = Shares(campaign, merchant)
    warms = plan_for(campaign, merchant) is not None
    due = f"{shares.due} - {ENGAGED_BEFORE}" if warms else shares.due
    sql = f"""
        INSERT INTO {Delivery._meta.db_table}
            (merchant_id, campaign_id, customer_id, address, state, reason, version, message_id, attempts,
             due_at, receipt, provider_id, created_at)
        SELECT c.merchant_id, %(campaign)s, c.id, a.address,
               CASE WHEN a.address = '' OR {shares.held} THEN 'skipped' ELSE 'queued' END,
               CASE WHEN a.address = '' THEN 'no_address' WHEN {shares.held} THEN 'holdout'
                    WHEN {shares.waits} THEN 'trial' ELSE '' END,
               {shares.version},
               '<' || %(campaign)s || '.' || replace(gen_random_uuid()::text, '-', '')
                   || '@' || %(domain)s || '>',
               0, CASE WHEN {shares.waits} THEN %(far)s ELSE {due} END, '', '', now()
        FROM {Customer._meta.db_table} c
        CROSS JOIN LATERAL (SELECT {ADDRESSES[Channel(campaign.channel)]} AS address) a
        {METRICS if warms else ""}
        WHERE c.merchant_id = %(merchant)s AND c.erased_at IS NULL AND c.merged_into_id IS NULL
              AND c.id = ANY(%(ids)s)
        ORDER BY c.id
        ON CONFLICT DO NOTHING
    """
    values: dict[str, Any] = {
        "campaign": campaign.pk,
        "merchant": merchant.pk,
        "domain": domain,
        "ids": list(customer_ids),
        **shares.values,
        "app_id": app_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def tell_the_planner(people: int) -> None:
    """Without it each batch's check is planned for a table of a few rows until autovacuum comes by."""
    if people >= NEWS_TO_THE_PLANNER:
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {Delivery._meta.db_table}")
