"""What was sent is told: on the customers' timelines, in their figures, and to who keeps refused addresses.

Apart from writing the outcome, so that telling costs a few statements for thousands of mails. All of it may
be done twice; a dead run's is done by the reaper.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from crm.events.emitting import emit_selected
from customers.models import Metrics
from marketing.campaigns import events
from marketing.models import Campaign, Delivery, SendingRun
from marketing.sending import refusals

TABLE = Delivery._meta.db_table
# "IS TRUE" for the planner, as in claiming.py.
_THESE = f"""
    FROM {TABLE} d WHERE d.merchant_id = %(merchant)s AND d.id = ANY(%(ids)s) AND d.run_id = %(run)s
      AND (d.state = 'sent') IS TRUE
"""
_FACTS = f"""
    SELECT d.customer_id, 'marketing.campaign', d.campaign_id,
           jsonb_build_object('campaign', %(campaign)s::text, 'campaign_id', d.campaign_id,
                              'delivery_id', d.id),
           'delivery:' || d.id, d.sent_at
    {_THESE}
"""
_NOTE = f"""
    WITH sent AS MATERIALIZED (SELECT d.customer_id, max(d.sent_at) AS at {_THESE} GROUP BY d.customer_id),
    told AS (
        UPDATE {SendingRun._meta.db_table} r SET told_until = s.last FROM (SELECT max(at) AS last FROM sent) s
        WHERE r.id = %(run)s AND r.merchant_id = %(merchant)s AND s.last > r.told_until
    ),
    held AS (
        SELECT m.customer_id, sent.at FROM sent JOIN {Metrics._meta.db_table} m
          ON m.merchant_id = %(merchant)s AND m.customer_id = sent.customer_id
        ORDER BY m.customer_id FOR NO KEY UPDATE OF m
    )
    UPDATE {Metrics._meta.db_table} m SET last_sent_at = greatest(m.last_sent_at, held.at) FROM held
    WHERE m.merchant_id = %(merchant)s AND m.customer_id = held.customer_id
"""


@transaction.atomic
def tell(*, campaign: Campaign, run: SendingRun, delivery_ids: Sequence[int]) -> None:
    """Announces those of the mails that were sent and notes when each customer was last written to; those
    that the server refused are shown to whoever asked for them."""
    if not delivery_ids:
        return
    told: dict[str, Any] = {
        "merchant": run.merchant_id,
        "run": run.pk,
        "ids": list(delivery_ids),
        "campaign": campaign.name,
    }
    emit_selected(
        events.MAIL_SENT,
        merchant=run.merchant_id,
        select=_FACTS,
        params=told,
        topics=[f"marketing.campaign:{campaign.pk}"],
    )
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, told)
    refusals.hand_on(merchant_id=run.merchant_id, delivery_ids=told["ids"])


def tell_rest(run: SendingRun) -> None:
    """What a dead run had written and not told."""
    rows = Delivery.objects.filter(merchant=run.merchant_id, campaign=run.campaign_id, run_id=run.pk)
    sent = rows.filter(state=Delivery.State.SENT, sent_at__gt=run.told_until)
    refused = rows.filter(state=Delivery.State.FAILED, reason="refused")
    ids = [*sent.values_list("pk", flat=True), *refused.values_list("pk", flat=True)]
    tell(campaign=run.campaign, run=run, delivery_ids=ids)
