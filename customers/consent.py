"""The consent ledger and the suppression list: the only two answers to "may we write to them?"."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.actor import current_actor
from crm.events.emitting import emit
from crm.lib.crypto import keyed_hash
from customers import events
from customers.models import Consent, ConsentRequest, ConsentWording, Customer, Identity, Suppression
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
    wording: ConsentWording | None = None,
    wording_version: str = "",
    proof: dict[str, Any] | None = None,
) -> Consent | None:
    """The new ledger entry, or None when the newest one says the same already (to the same wording, when one
    is named). Locks the customer's row: of two at once both are written, and the later one holds.

    An answer of somebody who was merged into another is that other's. Any answer ends a question of the same
    kind that still waits for its confirmation."""
    customer = customer_locked(customer.pk)
    requests_end(customer_id=customer.pk, channel=channel, purpose=purpose)
    newest = _newest(customer, channel, purpose)
    same_text = wording is None or (newest is not None and newest.wording_id == wording.pk)
    if newest is not None and newest.granted is granted and (same_text or not granted):
        return None
    now = timezone.now()
    entry = Consent.objects.create(
        merchant=merchant,
        customer=customer,
        channel=channel,
        purpose=purpose,
        granted=granted,
        source=source,
        wording=wording,
        wording_version=wording.label if wording else wording_version,
        proof=proof_with(wording, proof),
        recorded_at=max(now, newest.recorded_at + timedelta(microseconds=1)) if newest else now,
    )
    if purpose == Purpose.PROFILING:
        profiling_settle(customer_id=customer.pk)
    renewed = newest is not None and newest.granted is granted
    said = events.CONSENT_GRANTED if granted else events.CONSENT_WITHDRAWN
    emit(
        events.CONSENT_RENEWED if renewed else said,
        merchant=merchant,
        customer=customer,
        subject=entry,
        data={
            "channel": channel,
            "purpose": purpose,
            "source": source,
            "wording_version": entry.wording_version,
        },
    )
    return entry


@transaction.atomic
def consent_leave(
    *,
    merchant: Merchant,
    customer_id: int,
    source: str,
    proof: dict[str, Any],
    channel: str = Channel.EMAIL,
    purpose: str = Purpose.MARKETING,
) -> Consent | None:
    """Withdraws by the way out that a message has; None when that was withdrawn already, and for an erased
    person: they get no message, and nothing new is kept about them. Locks the customer's row."""
    reader = customer_locked(customer_id)
    if reader.erased_at is not None:
        return None
    return consent_record(
        merchant=merchant,
        customer=reader,
        channel=channel,
        purpose=purpose,
        granted=False,
        source=source,
        proof=proof,
    )


def customer_locked(customer_id: int) -> Customer:
    """The customer's row, locked, or that of who they are now. Inside a transaction."""
    rows: QuerySet[Customer] = Customer.objects.select_for_update(of=("self",))
    stored: Customer = rows.get(pk=customer_id)
    if stored.merged_into_id is not None:  # what the absorbed one says is said by the one they are now
        stored = rows.get(pk=stored.merged_into_id)
    return stored


def requests_end(*, customer_id: int, channel: str, purpose: str) -> int:
    """Takes back the question that waits for a confirmation: its link confirms nothing any more; 1 or 0."""
    waiting = ConsentRequest.objects.filter(
        customer_id=customer_id, channel=channel, purpose=purpose, confirmed_at=None, cancelled_at=None
    )
    return waiting.update(cancelled_at=timezone.now())


def proof_with(wording: ConsentWording | None, proof: dict[str, Any] | None) -> dict[str, Any]:
    """The proof with the language and the hash of the text that was read."""
    text = {"language": wording.language, "text_sha256": wording.digest} if wording else {}
    return {**text, **(proof or {})}


def _newest(customer: Customer, channel: str, purpose: str) -> Consent | None:
    ledger = Consent.objects.filter(customer=customer, channel=channel, purpose=purpose)
    newest: Consent | None = ledger.order_by("-recorded_at", "-id").first()
    return newest


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
def suppress(
    *,
    merchant: Merchant,
    channel: str,
    value: str,
    reason: str,
    note: str = "",
    customer: Customer | None = None,
) -> Suppression | None:
    """Nobody writes to this normalised address again on this channel, and that is announced, without the
    address. The entry, or None when it stood there already for as grave a reason (`GRAVITY`).

    `customer` is whose address it is; looked up where None. `note` is kept without the address in it."""
    entry, is_news = suppress_digest(
        merchant_id=merchant.pk,
        channel=channel,
        digest=address_digest(value),
        reason=reason,
        note=note_without(value, note),
        customer_id=customer.pk if customer else address_owner(channel, value),
    )
    if not is_news:
        return None
    emit(
        events.ADDRESS_SUPPRESSED,
        merchant=merchant,
        customer=entry.customer_id,
        subject=entry,
        data={"channel": entry.channel, "reason": entry.reason, "note": entry.note},
    )
    return entry


# Of two reasons the graver one stands: what an erasure put there nobody lifts.
GRAVITY = {
    Suppression.Reason.BOUNCE: 0,
    Suppression.Reason.MANUAL: 1,
    Suppression.Reason.COMPLAINT: 2,
    Suppression.Reason.ERASED: 3,
}


def suppress_digest(
    *,
    merchant_id: int,
    channel: str,
    digest: str,
    reason: str,
    note: str = "",
    customer_id: int | None = None,
) -> tuple[Suppression, bool]:
    """The same where only the hash is left, unannounced: the entry and whether anything changed. An erasure
    takes note and person off an entry that is here. Inside a transaction; locks the entry."""
    mine = {"merchant_id": merchant_id, "channel": Channel(channel), "digest": digest}
    entry, made = Suppression.objects.select_for_update(of=("self",)).get_or_create(
        **mine,
        defaults={
            "reason": reason,
            "note": note[:300],
            "added_by": current_actor(),
            "customer_id": customer_id,
        },
    )
    if made or GRAVITY[Suppression.Reason(reason)] <= GRAVITY[Suppression.Reason(entry.reason)]:
        return entry, made
    erased = reason == Suppression.Reason.ERASED
    entry.reason, entry.added_by = reason, current_actor()
    entry.note = "" if erased else note[:300]
    entry.customer_id = None if erased else customer_id or entry.customer_id
    entry.save(update_fields=["reason", "note", "added_by", "customer"])
    return entry, True


# What an identity of each channel is written to by.
REACHED_BY = {
    Channel.EMAIL: (Identity.Kind.EMAIL,),
    Channel.SMS: (Identity.Kind.PHONE,),
    Channel.WECHAT: (Identity.Kind.WECHAT_OPENID, Identity.Kind.WECHAT_UNIONID),
}


def address_owner(channel: str, value: str) -> int | None:
    """The id of the customer whose address this is now."""
    known = Identity.objects.filter(kind__in=REACHED_BY[Channel(channel)], value=value)
    owner: int | None = known.order_by("pk").values_list("customer_id", flat=True).first()
    return owner


def note_without(value: str, note: str) -> str:
    """The note as one line, with the address taken out wherever it stands in it."""
    bare = re.sub(re.escape(value), "…", note, flags=re.IGNORECASE) if value else note
    return " ".join(bare.split())[:300]


def is_suppressed(*, channel: str, value: str) -> bool:
    return Suppression.objects.filter(channel=channel, digest=address_digest(value)).exists()
