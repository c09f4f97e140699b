"""Taking what a carrier says about a mail: once, however often it is told, whatever way it came.

A hard bounce puts the address on the suppression list, a complaint besides withdraws the consent, soft
bounces count (marketing/feedback/rules.py). A report that proves the hand-over clears a doubt.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.integrations.messengers.reports import MessageReport, ReportKind
from crm.integrations.models import Connection
from customers.consent import consent_leave, customer_locked, suppress
from customers.models import Suppression
from customers.models.consent import Channel
from customers.normalising import normalise_email
from marketing.campaigns import events as campaign_events
from marketing.feedback import events, rules
from marketing.feedback.finding import delivery_of
from marketing.feedback.grading import Grade, grade
from marketing.leaving import delivery_leave, named
from marketing.looks import look_reported
from marketing.models import Delivery, Engagement, Link

State = Delivery.State
# Clocks of two systems differ.
AHEAD = timedelta(minutes=5)
RETURNED = (ReportKind.BOUNCED, ReportKind.REJECTED)
LEAVING = (ReportKind.COMPLAINED, ReportKind.UNSUBSCRIBED)
# What nobody can say of a mail that never left.
PROVES = (
    ReportKind.DELIVERED,
    ReportKind.BOUNCED,
    ReportKind.COMPLAINED,
    ReportKind.OPENED,
    ReportKind.CLICKED,
)


def take_report(connection: Connection, report: MessageReport, backfill: bool) -> str:
    """What became of a report that a carrier signed, in words for staff. In the transaction that marks the
    hook as done; see crm/integrations/registry.py. A carrier that we have an account with is believed where
    it names an address alone: mails that are no campaign's come back too."""
    return take(merchant=connection.merchant, report=report, is_signed=True)


@transaction.atomic
def take(
    *, merchant: Merchant, report: MessageReport, is_signed: bool = False, marked: int | None = None
) -> str:
    """What became of the report, in words for staff. `marked` is the mail that its return path
    named; `is_signed` that the carrier proved who it is. Locks the mail's row, before it the customer's where
    consent ends."""
    found = delivery_of(report, marked=marked)
    if found is None:
        return _about_address(merchant, report) if is_signed else _("It names no mail of ours.")
    if report.kind in LEAVING:
        # Before the mail's row, as at the way out of the mail: mail programs have one button for both.
        customer_locked(found.customer_id)
    delivery = Delivery.objects.select_for_update(of=("self",)).get(pk=found.pk)
    delivery.campaign, delivery.customer = found.campaign, found.customer
    at = min(report.occurred_at, timezone.now() + AHEAD)
    if report.kind in PROVES:
        _settle_doubt(merchant, delivery)
    if report.kind in RETURNED:
        return bounce(
            merchant=merchant,
            delivery=delivery,
            given=grade(code=report.code, text=report.text, permanent=report.permanent),
            code=report.code,
            at=at,
        )
    if report.kind is ReportKind.COMPLAINED:
        return _complain(merchant, delivery)
    if report.kind is ReportKind.UNSUBSCRIBED:
        return _unsubscribe(merchant, delivery)
    if report.kind in (ReportKind.OPENED, ReportKind.CLICKED):
        return _looked_at(delivery, report)
    if report.kind is ReportKind.DELIVERED:
        return _arrived(delivery, report)
    return _("The carrier keeps trying.")


# --- bounces ----------


def bounce(*, merchant: Merchant, delivery: Delivery, given: Grade, code: str, at: datetime) -> str:
    """Marks the mail as returned and lets the rules act; a graver grade takes a lighter one's place, the same
    or a lighter one again changes nothing. The caller holds the row's lock."""
    order = [Delivery.Bounce.BLOCKED.value, Delivery.Bounce.SOFT.value, Delivery.Bounce.HARD.value]
    if delivery.bounce and order.index(given.value) <= order.index(delivery.bounce):
        return _("It was known that this mail came back.")
    first = not delivery.bounce
    delivery.bounce, delivery.bounce_code = given.value, code[:40]
    delivery.bounced_at = delivery.bounced_at or at
    delivery.save(update_fields=["bounce", "bounce_code", "bounced_at"])
    if first or given is Grade.HARD:
        emit(
            events.MAIL_BOUNCED,
            merchant=merchant,
            customer=delivery.customer_id,
            subject=delivery.campaign,
            data=_facts(delivery) | {"grade": given.value, "code": code[:40]},
            dedupe_key=f"delivery:{delivery.pk}:{given.value}",
        )
    return rules.act(merchant=merchant, delivery=delivery, given=given, code=code)


def _facts(delivery: Delivery) -> dict[str, object]:
    return {
        "campaign": delivery.campaign.name,
        "campaign_id": delivery.campaign_id,
        "delivery_id": delivery.pk,
    }


def _about_address(merchant: Merchant, report: MessageReport) -> str:
    """For mail that is no campaign's: codes, receipts, answers."""
    value = normalise_email(report.recipient) if report.channel.value == Channel.EMAIL else report.recipient
    if not value:
        return _("It names no mail of ours.")
    reason = None
    if report.kind in RETURNED:
        given = grade(code=report.code, text=report.text, permanent=report.permanent)
        reason = Suppression.Reason.BOUNCE if given is Grade.HARD else None
    elif report.kind is ReportKind.COMPLAINED:
        reason = Suppression.Reason.COMPLAINT
    if reason is None:
        return _("It names no mail of ours.")
    suppress(merchant=merchant, channel=report.channel.value, value=value, reason=reason, note=report.code)
    return _("Nobody writes to this address any more.")


# --- complaints and unsubscribes ----------


def _complain(merchant: Merchant, delivery: Delivery) -> str:
    if delivery.complained_at is not None:
        return _("The complaint was known.")
    delivery.complained_at = timezone.now()
    delivery.save(update_fields=["complained_at"])
    if delivery.address:
        suppress(
            merchant=merchant,
            channel=delivery.channel,
            value=delivery.address,
            reason=Suppression.Reason.COMPLAINT,
            customer=delivery.reader,
        )
    consent_leave(
        merchant=merchant,
        customer_id=delivery.customer_id,
        channel=delivery.channel,
        source="complaint",
        proof=named(delivery),
    )
    emit(
        events.MAIL_COMPLAINED,
        merchant=merchant,
        customer=delivery.customer_id,
        subject=delivery.campaign,
        data=_facts(delivery),
        dedupe_key=f"delivery:{delivery.pk}",
    )
    return _("Called spam: nobody writes to this address any more.")


def _unsubscribe(merchant: Merchant, delivery: Delivery) -> str:
    if delivery.unsubscribed_at is not None or not delivery_leave(
        merchant=merchant, delivery=delivery, source="mail_program", proof={}
    ):
        return _("They had left already.")
    return _("They don't want mail any more.")


# --- arrivals and looks ----------


def _settle_doubt(merchant: Merchant, delivery: Delivery) -> None:
    """Somebody has the mail, so it was handed over."""
    if delivery.state != State.UNKNOWN:
        return
    delivery.state, delivery.reason = State.SENT, ""
    delivery.sent_at = delivery.sending_at or timezone.now()
    delivery.save(update_fields=["state", "reason", "sent_at"])
    emit(
        campaign_events.MAIL_SENT,
        merchant=merchant,
        customer=delivery.customer_id,
        subject=delivery.campaign,
        data=_facts(delivery),
        dedupe_key=f"delivery:{delivery.pk}",
        occurred_at=delivery.sent_at,
    )


def _arrived(delivery: Delivery, report: MessageReport) -> str:
    if delivery.delivered_at is None:
        at = min(report.occurred_at, timezone.now() + AHEAD)
        Delivery.objects.filter(pk=delivery.pk).update(delivered_at=at)
    return _("The receiving side has it.")


def _looked_at(delivery: Delivery, report: MessageReport) -> str:
    """As our own picture and links count it; the carrier's time counts, and its word for the program."""
    if delivery.customer.erased_at is not None:
        return _("Of an erased person nothing is kept.")
    clicked = report.kind is ReportKind.CLICKED
    kind = Engagement.Kind.CLICK if clicked else Engagement.Kind.OPEN
    at = min(report.occurred_at, timezone.now())
    if Engagement.objects.filter(delivery=delivery, kind=kind, at=at).exists():
        return _("This look was counted.")
    link = None
    if clicked:
        link = Link.objects.filter(campaign=delivery.campaign_id, target=report.url).first()
    look_reported(delivery=delivery, kind=kind, link=link, agent=report.user_agent, at=at)
    return _("Counted.")
