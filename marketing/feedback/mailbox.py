"""Mails that come back as mail: from the mailbox for bounces, or handed up by the help desk."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime

import structlog
from django.db import transaction
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.integrations import imap
from crm.integrations.messengers.reports import Channel, MessageReport
from crm.lib.tenancy import all_merchants
from marketing.feedback.grading import Grade
from marketing.feedback.reading import Finding, findings, header
from marketing.feedback.return_path import delivery_id_of
from marketing.feedback.taking import take
from marketing.models import BounceMailbox

log = structlog.get_logger()

# Where the address that the mail came back to stands.
ADDRESSED = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "To", "Cc")


def mail_take(merchant: Merchant, raw: bytes) -> bool:
    """Whether the mail was a bounce, complaint or report; what it says of our own mails is taken. Only a mark
    or a Message-ID of ours counts: anybody can write a bounce about anybody. In one transaction."""
    found = findings(raw)
    if not found:
        return False
    message = email.message_from_bytes(raw[:200_000], policy=email.policy.compat32)
    marked = delivery_id_of(" ".join(header(message, name) for name in ADDRESSED))
    with transaction.atomic():
        for one in found:
            words = take(merchant=merchant, report=_report(one, message), marked=marked)
            log.info("bounce read", kind=one.kind.value, grade=one.grade.value, code=one.code, said=words)
    return True


def _report(one: Finding, message: Message) -> MessageReport:
    return MessageReport(
        channel=Channel.EMAIL,
        kind=one.kind,
        occurred_at=_date(message),
        recipient=one.recipient,
        message_id=one.message_id,
        permanent=one.grade is Grade.HARD,
        code=one.code,
        text=one.text,
    )


def _date(message: Message) -> datetime:
    """When it came back, as far as its head can be believed: never in the future."""
    now = timezone.now()
    try:
        told = parsedate_to_datetime(header(message, "Date"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return now
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    return min(told, now) if (now - told).days < 365 else now


def fetch(*, merchant: Merchant) -> dict[str, int]:
    """How many unseen mails were taken and how many were none of ours. Raises Upstream when IMAP fails. A
    mail counts as seen after what it says is committed; one told twice counts once."""
    box = BounceMailbox.objects.exclude(host="").first()
    counted = {"taken": 0, "ignored": 0}
    if box is None:
        return counted
    return imap.look(
        imap.Account(host=box.host, port=box.port, user=box.user, secret=box.secret, tls=box.tls),
        lambda raw: "taken" if mail_take(merchant, raw) else "ignored",
        counted=counted,
        note=lambda state: BounceMailbox.objects.filter(pk=box.pk).update(state=state),
    )


def fetch_all() -> int:
    """Looks into every shop's mailbox for bounces; mails taken."""
    with all_merchants(reason="the sweeper looks after every merchant"):
        boxes = BounceMailbox.objects.exclude(host="").filter(merchant__is_active=True)
        merchants = [box.merchant for box in boxes.select_related("merchant").order_by("merchant")]
    return imap.look_into_all(merchants, lambda merchant: fetch(merchant=merchant))["taken"]
