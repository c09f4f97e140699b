"""Which of our mails a report is about."""

from __future__ import annotations

import re

from django.db.models import QuerySet

from crm.integrations.messengers.reports import MessageReport
from customers.normalising import normalise_email
from marketing.models import Delivery

# The campaign stands at the head of each Message-ID (marketing/sending/freezing.py).
_CAMPAIGN = re.compile(r"^<?(\d{1,18})\.[0-9a-f]{32}@")


def delivery_of(report: MessageReport, *, marked: int | None = None) -> Delivery | None:
    """The mail, with its campaign and customer: by the mark in its return path, else by Message-ID and
    address, else by the carrier's own name for it. Nothing else is believed: an address alone names no mail.
    In the shop's scope."""
    rows = Delivery.objects.select_related("campaign", "customer")
    if marked is not None:
        return rows.filter(pk=marked).first()
    return _by_message_id(rows, report) or _by_provider_id(rows, report)


def _by_provider_id(rows: QuerySet[Delivery], report: MessageReport) -> Delivery | None:
    """By the name that the carrier gave it when it took it; only carriers know it, and sign what they say."""
    if not report.provider_id:
        return None
    return rows.filter(provider_id=report.provider_id[:200], campaign__channel=report.channel.value).first()


def _by_message_id(rows: QuerySet[Delivery], report: MessageReport) -> Delivery | None:
    found = _CAMPAIGN.match(report.message_id)
    if not found:
        return None
    message_id = f"<{report.message_id.strip('<>')}>"
    mine = rows.filter(campaign_id=int(found[1]))
    address = normalise_email(report.recipient)
    # By the unique index over campaign and address; an address that somebody forwards is looked for below.
    named = mine.filter(address=address, message_id=message_id).first() if address else None
    return named or mine.filter(message_id=message_id).first()
