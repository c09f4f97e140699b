"""Somebody leaves by a campaign's message: by its link, the mail program's button, or a carrier's report."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from customers.consent import consent_leave
from marketing.campaigns import events
from marketing.models import Delivery, Engagement


@transaction.atomic
def delivery_leave(
    *, merchant: Merchant, delivery: Delivery, source: str, proof: dict[str, Any], user_agent: str = ""
) -> bool:
    """Withdraws the consent to marketing by the message's channel and counts that at the message; False when
    there was none to end. The proof gets the message's name. Locks the customer's row, then the message's."""
    entry = consent_leave(
        merchant=merchant,
        customer_id=delivery.customer_id,
        channel=delivery.channel,
        source=source,
        proof={**named(delivery), **proof},
    )
    if entry is None:
        return False
    Delivery.objects.filter(pk=delivery.pk, unsubscribed_at__isnull=True).update(
        unsubscribed_at=timezone.now()
    )
    Engagement.objects.create(
        merchant=merchant, delivery=delivery, kind=Engagement.Kind.UNSUBSCRIBE, user_agent=user_agent
    )
    emit(
        events.UNSUBSCRIBED,
        merchant=merchant,
        customer=entry.customer_id,
        subject=delivery.campaign,
        data={
            "campaign": delivery.campaign.name,
            "campaign_id": delivery.campaign_id,
            "delivery_id": delivery.pk,
        },
        dedupe_key=f"delivery:{delivery.pk}:{entry.pk}",
    )
    return True


def named(delivery: Delivery) -> dict[str, Any]:
    """The message by which an answer came, for its proof."""
    return {"delivery_id": delivery.pk, "message_id": delivery.message_id}
