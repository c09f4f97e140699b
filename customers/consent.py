"""The consent ledger and the suppression list: the only two answers to "may we write to them?"."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.lib.crypto import keyed_hash
from customers import events
from customers.models import Consent, Customer, Suppression
from customers.models.consent import Channel, Purpose


@transaction.atomic
def consent_record(
    *,
    merchant: Merchant,
    customer: Customer,
    channel: str,
    granted: bool,
    source: str,
    purpose: str = Purpose.MARKETING,
    wording_version: str = "",
    proof: dict[str, Any] | None = None,
) -> Consent | None:
    """The new ledger entry, or None when the newest one says the same already. Locks the customer's row.

    An answer of somebody who was merged into another is that other's."""
    stored = Customer.objects.select_for_update(of=("self",)).get(pk=customer.pk)
    if stored.merged_into_id is not None:  # what the absorbed one says is said by the one they are now
        customer = Customer.objects.select_for_update(of=("self",)).get(pk=stored.merged_into_id)
    if consent_now(customer=customer, channel=channel, purpose=purpose) is granted:
        return None
    entry = Consent.objects.create(
        merchant=merchant,
        customer=customer,
        channel=channel,
        purpose=purpose,
        granted=granted,
        source=source,
        wording_version=wording_version,
        proof=proof or {},
    )
    if purpose == Purpose.PROFILING:
        profiling_settle(customer_id=customer.pk)
    emit(
        events.CONSENT_GRANTED if granted else events.CONSENT_WITHDRAWN,
        merchant=merchant,
        customer=customer,
        subject=entry,
        data={"channel": channel, "purpose": purpose, "source": source},
    )
    return entry


def profiling_settle(*, customer_id: int) -> None:
    """Brings `profiling_stopped_at` in line with the ledger: refused by any way is refused. What else has to
    go, each app takes away when it hears of the entry."""
    newest = (
        Consent.objects.filter(customer_id=customer_id, purpose=Purpose.PROFILING)
        .order_by("channel", "-recorded_at", "-id")
        .distinct("channel")
    )
    stopped = any(not entry.granted for entry in newest)
    people = Customer.objects.filter(pk=customer_id, profiling_stopped_at__isnull=stopped)
    people.update(profiling_stopped_at=timezone.now() if stopped else None, updated_at=timezone.now())


def consent_now(*, customer: Customer, channel: str, purpose: str = Purpose.MARKETING) -> bool | None:
    """Granted, withdrawn, or None: never asked. One query."""
    ledger = Consent.objects.filter(customer=customer, channel=channel, purpose=purpose)
    newest = ledger.order_by("-recorded_at", "-id").values_list("granted", flat=True).first()
    return newest


def address_digest(value: str) -> str:
    """The keyed hash under which an address stands in the suppression list; the value is normalised
    already."""
    return keyed_hash(value, purpose="suppression")


@transaction.atomic
def suppress(*, merchant: Merchant, channel: str, value: str, reason: str) -> None:
    """Nobody writes to this normalised address again on this channel; doing it twice changes nothing."""
    suppress_digest(merchant_id=merchant.pk, channel=channel, digest=address_digest(value), reason=reason)


def suppress_digest(*, merchant_id: int, channel: str, digest: str, reason: str) -> None:
    """The same where only the hash is left."""
    Suppression.objects.get_or_create(
        merchant_id=merchant_id, channel=Channel(channel), digest=digest, defaults={"reason": reason}
    )


def is_suppressed(*, channel: str, value: str) -> bool:
    return Suppression.objects.filter(channel=channel, digest=address_digest(value)).exists()
