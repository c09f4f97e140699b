"""May this mail leave now? Asked of a whole batch in one statement, at the moment of sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import connection
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.lib.crypto import hash_keys, hash_sql
from customers.models import Consent, Customer, Identity, Suppression
from customers.models.consent import Channel, Purpose
from customers.registries import HOLDS, Restraint
from marketing.models import Delivery, SendingPolicy


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is empty when the mail may go; `until` is set when it may go later."""

    delivery_id: int
    reason: str
    until: datetime | None = None


def policy_of(merchant: Merchant) -> SendingPolicy:
    """The shop's rules; the defaults when none were saved."""
    return SendingPolicy.objects.filter(merchant=merchant).first() or SendingPolicy(merchant=merchant)


def check(
    *,
    merchant: Merchant,
    policy: SendingPolicy,
    delivery_ids: Sequence[int],
    channel: Channel = Channel.EMAIL,
) -> list[Verdict]:
    """A verdict for each delivery: one query, and one for the time zones when the shop has quiet hours. The
    deliveries are of one channel; caps count what somebody got by any.

    The order of the reasons is the order of their weight: what the law says first, what restraint says last.
    """
    quiet = _quiet_zones(merchant, policy, delivery_ids)
    sql = _statement(bool(policy.cap_count), channel)
    outer, inner = hash_keys("suppression")
    params: dict[str, Any] = {
        "merchant_id": merchant.pk,
        "ids": list(delivery_ids),
        "inner": inner,
        "outer": outer,
        "cap": policy.cap_count,
        "cap_days": policy.cap_days,
    }
    verdicts = []
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        for delivery_id, reason, zone in cursor.fetchall():
            until = quiet.get(zone) if not reason else None
            if until is not None and until > now:
                verdicts.append(Verdict(delivery_id, "quiet_hours", until))
            else:
                verdicts.append(Verdict(delivery_id, reason))
    return verdicts


def _statement(capped: bool, channel: Channel) -> str:
    # Asked for the batch's people: of a big shop's tickets only theirs are read.
    holds = "\n".join(
        f"WHEN d.customer_id IN (SELECT customer_id FROM held_{number}) THEN 'hold:{code}'"
        for number, code in enumerate(sorted(HOLDS))
    )
    sets = "".join(
        f""", held_{number} AS MATERIALIZED (
            SELECT h.customer_id FROM ({HOLDS[code].sql}) AS h (customer_id)
            WHERE h.customer_id = ANY(ARRAY(SELECT customer_id FROM batch)))"""
        for number, code in enumerate(sorted(HOLDS))
    )
    cap = "WHEN coalesce(g.mails, 0) >= %(cap)s THEN 'frequency_cap'"
    # The suppression list holds the keyed hash of the address.
    digest = hash_sql("d.address", outer="%(outer)s", inner="%(inner)s")
    return f"""
        WITH batch AS MATERIALIZED (
            SELECT id, merchant_id, customer_id, address FROM {Delivery._meta.db_table}
            WHERE merchant_id = %(merchant_id)s AND id = ANY(%(ids)s)
        ){sets}{_GOT if capped else ""}
        SELECT d.id,
               CASE
                 WHEN c.erased_at IS NOT NULL THEN 'erased'
                 WHEN c.merged_into_id IS NOT NULL THEN 'merged'
                 WHEN {_PRIMARY[channel]} <> d.address AND NOT EXISTS (
                      SELECT 1 FROM {Identity._meta.db_table} i
                      WHERE i.merchant_id = d.merchant_id AND i.customer_id = d.customer_id
                        AND i.kind = '{_KIND[channel].value}' AND i.value = d.address) THEN 'moved'
                 WHEN EXISTS (SELECT 1 FROM {Suppression._meta.db_table} s
                      WHERE s.merchant_id = d.merchant_id AND s.channel = '{channel.value}'
                        AND s.digest = {digest}) THEN 'suppressed'
                 WHEN k.granted IS NULL THEN 'no_consent'
                 WHEN NOT k.granted THEN 'withdrawn'
                 {holds}
                 {cap if capped else ""}
                 ELSE ''
               END,
               c.time_zone
        FROM batch d
        JOIN {Customer._meta.db_table} c ON c.id = d.customer_id AND c.merchant_id = d.merchant_id
        {"LEFT JOIN got g ON g.customer_id = d.customer_id" if capped else ""}
        LEFT JOIN LATERAL (
            SELECT granted FROM {Consent._meta.db_table} k
            WHERE k.merchant_id = d.merchant_id AND k.customer_id = d.customer_id
              AND k.channel = '{channel.value}' AND k.purpose = '{Purpose.MARKETING.value}'
            ORDER BY k.recorded_at DESC, k.id DESC LIMIT 1
        ) k ON true
        ORDER BY d.id
    """


# Where a customer's own address of a channel stands, and under which kind the others do.
_PRIMARY = {Channel.EMAIL: "lower(btrim(c.email))", Channel.SMS: "c.phone", Channel.WECHAT: "''"}
_KIND = {
    Channel.EMAIL: Identity.Kind.EMAIL,
    Channel.SMS: Identity.Kind.PHONE,
    Channel.WECHAT: Identity.Kind.WECHAT_OPENID,
}

# What each of the batch's people has got lately, or may have, or is just being handed over.
_GOT = f""", got AS MATERIALIZED (
    SELECT e.customer_id, count(*) AS mails FROM (
        SELECT s.customer_id FROM batch b JOIN {Delivery._meta.db_table} s
          ON s.merchant_id = b.merchant_id AND s.customer_id = b.customer_id AND s.state = 'sent'
             AND s.sent_at > now() - make_interval(days => %(cap_days)s)
        UNION ALL
        SELECT u.customer_id FROM batch b JOIN {Delivery._meta.db_table} u
          ON u.merchant_id = b.merchant_id AND u.customer_id = b.customer_id AND u.state = 'unknown'
             AND u.sending_at > now() - make_interval(days => %(cap_days)s) AND u.id <> b.id
        UNION ALL
        SELECT o.customer_id FROM {Delivery._meta.db_table} o
        WHERE o.state = 'sending' AND o.merchant_id = %(merchant_id)s
          AND o.customer_id = ANY(ARRAY(SELECT customer_id FROM batch))
    ) e GROUP BY e.customer_id
)"""


# One person in the place of a batch of deliveries.
_GOT_BY_ONE = f"""
    WITH batch AS (SELECT 0::bigint AS id, %(merchant_id)s::bigint AS merchant_id,
                          %(customer_id)s::bigint AS customer_id)
    {_GOT}
    SELECT mails FROM got
"""


def restraint_of(merchant: Merchant, customer: Customer) -> Restraint | None:
    """What the shop's rules say against one more mail to this person now: the same cap and quiet hours that
    `check` asks of a batch. At most two queries."""
    policy = policy_of(merchant)
    if policy.cap_count:
        named = {"merchant_id": merchant.pk, "customer_id": customer.pk, "cap_days": policy.cap_days}
        with connection.cursor() as cursor:
            cursor.execute(_GOT_BY_ONE, named)
            row = cursor.fetchone()
        if row and row[0] >= policy.cap_count:
            return Restraint("frequency_cap")
    if policy.quiet_from is None or policy.quiet_until is None:
        return None
    zone = _zone(customer.time_zone, merchant)
    until = quiet_until(timezone.now(), zone, policy.quiet_from, policy.quiet_until)
    return Restraint("quiet_hours", until) if until else None


def _quiet_zones(
    merchant: Merchant, policy: SendingPolicy, delivery_ids: Sequence[int]
) -> dict[str, datetime]:
    """Time zone (as customers have it) → when its quiet hours end, for the zones where it is quiet now."""
    if policy.quiet_from is None or policy.quiet_until is None:
        return {}
    named = (
        Customer.objects.filter(mail_deliveries__in=list(delivery_ids))
        .values_list("time_zone", flat=True)
        .distinct()
    )
    now = timezone.now()
    zones = {
        name: quiet_until(now, _zone(name, merchant), policy.quiet_from, policy.quiet_until) for name in named
    }
    return {name: until for name, until in zones.items() if until is not None}


def _zone(name: str, merchant: Merchant) -> ZoneInfo:
    try:
        return ZoneInfo(name) if name else merchant.zone
    except (ZoneInfoNotFoundError, ValueError):  # what an import wrote there is no zone: the shop's own then
        return merchant.zone


def quiet_until(now: datetime, zone: ZoneInfo, start: time, end: time) -> datetime | None:
    """When the quiet hours that `now` lies in end (UTC), or None outside them. They may cross midnight."""
    local = now.astimezone(zone)
    clock = local.time()
    inside = start <= clock < end if start <= end else clock >= start or clock < end
    if not inside:
        return None
    day = local.date() + timedelta(days=1 if start > end and clock >= start else 0)
    return datetime.combine(day, end, tzinfo=zone).astimezone(UTC)
