"""Erasing one person (PIPL Art. 47, GDPR Art. 17): asked for, waited for, done, written down."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

import phonenumbers
import structlog
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.actor import acting
from crm.events.emitting import emit
from crm.events.ringing import ring_task
from crm.lib.errors import Conflict, NotFound
from crm.lib.privacy import ERASERS, ErasureWaits, Person
from crm.lib.tenancy import all_merchants, merchant_scope
from customers import events
from customers.consent import suppress_digest
from customers.identities import Key, key_digest, lock_keys
from customers.models import Customer, ErasedKey, Erasure, Identity, Suppression
from customers.models.consent import Channel

log = structlog.get_logger()
State, Kind = Erasure.State, Identity.Kind

# A person who asked in the portal may think again; the law gives a month.
PORTAL_WAIT = timedelta(days=7)
# How long until an erasure that had to wait is tried again.
RETRY = timedelta(minutes=2)
SWEEP_LIMIT = 200
# What an identity of each kind is written to by; a member id by nothing.
CHANNELS = {
    Kind.EMAIL: Channel.EMAIL,
    Kind.PHONE: Channel.SMS,
    Kind.WECHAT_UNIONID: Channel.WECHAT,
    Kind.WECHAT_OPENID: Channel.WECHAT,
}


# --- asking --------------------


@transaction.atomic
def erasure_ask(*, customer: Customer, reason: str, by: str, wait: timedelta = timedelta()) -> Erasure:
    """The request, which a worker carries out when `wait` is over; the open or done one when there is one.

    `by` is an actor as in the event log. Locks the customer's row.
    """
    Customer.objects.select_for_update(of=("self",)).get(pk=customer.pk)
    known = Erasure.objects.filter(customer_id=customer.pk).exclude(state=State.CANCELLED)
    earlier = known.order_by("-pk").first()
    now = timezone.now()
    if earlier is not None:
        if earlier.state == State.WAITING and now + wait < earlier.due_at:
            earlier.due_at = now + wait
            earlier.save(update_fields=["due_at"])
            _ring(earlier)
        return earlier
    erasure = Erasure.objects.create(
        merchant_id=customer.merchant_id,
        customer_id=customer.pk,
        customer_created_at=customer.created_at,
        reason=reason,
        requested_by=by,
        requested_at=now,
        due_at=now + wait,
    )
    emit(
        events.ERASURE_ASKED,
        merchant=customer.merchant_id,
        customer=customer,
        subject=erasure,
        data={"reason": reason, "due_at": erasure.due_at},
    )
    if not wait:
        _ring(erasure)
    return erasure


def _ring(erasure: Erasure) -> None:
    transaction.on_commit(
        lambda: ring_task("customers.erase", [erasure.merchant_id, erasure.pk]), robust=True
    )


@transaction.atomic
def erasure_cancel(*, erasure: Erasure) -> None:
    """Takes a waiting request back. Raises Conflict when it is done or was taken back already."""
    locked = Erasure.objects.select_for_update().get(pk=erasure.pk)
    if locked.state != State.WAITING:
        raise Conflict(_("This can't be taken back any more."), code="erasure_over")
    locked.state, locked.cancelled_at = State.CANCELLED, timezone.now()
    locked.save(update_fields=["state", "cancelled_at"])
    emit(events.ERASURE_CANCELLED, merchant=locked.merchant_id, customer=locked.customer_id, subject=locked)


# --- doing --------------------


@transaction.atomic
def customer_erase(*, customer: Customer, reason: str, by: str, erased_at: datetime | None = None) -> Erasure:
    """Takes the person out of every app, at once and for good; the sums that hang on the row stay.

    One transaction; files and Redis follow its commit. Locks the row and every identity, so that nobody
    brings one back meanwhile. Afterwards their addresses are suppressed and remembered by keyed hashes only.
    Again for an erased person it looks for what came since. `erased_at` is for a replay: facts that are newer
    stay. Raises ErasureWaits while an import runs or a store's news about the person waits to be read.
    """
    stored = Customer.objects.select_for_update(of=("self",)).get(pk=customer.pk)
    person, keys = _person(stored)
    lock_keys(Merchant(pk=stored.merchant_id), keys)
    erasure = _open_request(stored, reason, by)
    for eraser in ERASERS.values():
        if eraser.find:
            eraser.find(person)
    with acting(by):
        counts = {name: eraser.wipe(person) for name, eraser in ERASERS.items()}
        erasure.state, erasure.done_at = State.DONE, erased_at or timezone.now()
        erasure.counts = {name: count for name, count in counts.items() if count}
        erasure.trouble, erasure.recorded_at = "", None
        erasure.save()
        keys_remember(erasure=erasure, digests=[(key.kind, key.scope, key_digest(key)) for key in keys])
        emit(
            events.CUSTOMER_ERASED,
            merchant=stored.merchant_id,
            customer=stored,
            subject=erasure,
            data={"rows": sum(counts.values()), "reason": reason},
        )
    transaction.on_commit(partial(ring_task, "customers.record_erasures", []), robust=True)
    customer.refresh_from_db()
    return erasure


def _person(customer: Customer) -> tuple[Person, list[Key]]:
    """Who they are by everything that recognises them."""
    ids = absorbed_ids(customer)
    rows = Identity.objects.filter(customer_id__in=ids).values_list("kind", "scope", "value")
    keys = {Key(kind, scope, value) for kind, scope, value in rows}
    for email, phone in Customer.objects.filter(pk__in=ids).values_list("email", "phone"):
        keys |= {Key(kind, "", value) for kind, value in ((Kind.EMAIL, email), (Kind.PHONE, phone)) if value}
    person = Person(customer.merchant_id, ids)
    person.emails = {key.value for key in keys if key.kind == Kind.EMAIL}
    person.phones = {key.value for key in keys if key.kind == Kind.PHONE}
    person.goes_by(*(_national(phone) for phone in person.phones))
    return person, sorted(keys, key=lambda key: (key.kind, key.scope, key.value))


def absorbed_ids(customer: Customer) -> set[int]:
    """The customer and everybody who was merged into them."""
    return {customer.pk, *Customer.objects.filter(merged_into=customer).values_list("pk", flat=True)}


def _national(phone: str) -> str:
    """The number as people of its country write it."""
    try:
        parsed = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return ""
    return str(phonenumbers.national_significant_number(parsed))


def _open_request(customer: Customer, reason: str, by: str) -> Erasure:
    """The request that this carries out: the one that waits, the one that is done already, or a new one."""
    known = Erasure.objects.select_for_update().filter(customer_id=customer.pk)
    open_one = known.filter(state=State.WAITING).first() or known.filter(state=State.DONE).first()
    return open_one or Erasure(
        merchant_id=customer.merchant_id,
        customer_id=customer.pk,
        customer_created_at=customer.created_at,
        reason=reason,
        requested_by=by,
        due_at=timezone.now(),
    )


def keys_remember(*, erasure: Erasure, digests: Iterable[tuple[str, str, str]]) -> None:
    """Remembers the (kind, scope, digest) and suppresses each on the channel that it is written to by."""
    assert erasure.done_at is not None
    known = set(erasure.keys.values_list("digest", flat=True))
    for kind, scope, digest in digests:
        if digest not in known:
            ErasedKey.objects.create(
                merchant_id=erasure.merchant_id,
                erasure=erasure,
                kind=kind,
                scope=scope,
                digest=digest,
                erased_at=erasure.done_at,
            )
        channel = CHANNELS.get(Kind(kind))
        if channel and not scope:
            suppress_digest(
                merchant_id=erasure.merchant_id,
                channel=channel,
                digest=digest,
                reason=Suppression.Reason.ERASED,
            )


# --- the worker's half --------------------


def erasure_work(*, erasure_id: int) -> bool:
    """Carries out a request that is due, inside the shop's scope; False when there is nothing to do or it has
    to wait."""
    erasure = Erasure.objects.filter(pk=erasure_id, state=State.WAITING).first()
    if erasure is None or erasure.due_at > timezone.now():
        return False
    customer = Customer.objects.filter(pk=erasure.customer_id).first()
    if customer is None:
        raise NotFound()
    try:
        customer_erase(customer=customer, reason=erasure.reason, by=erasure.requested_by)
    except ErasureWaits as waiting:
        Erasure.objects.filter(pk=erasure.pk, state=State.WAITING).update(
            trouble=str(waiting)[:200], due_at=timezone.now() + RETRY
        )
        log.info("erasure waits", erasure=erasure.pk, why=str(waiting))
        return False
    return True


def work_in_scope(merchant_id: int, erasure_id: int) -> None:
    with merchant_scope(merchant_id):
        erasure_work(erasure_id=erasure_id)


def sweep() -> int:
    """Rings for every request that is due; how many."""
    with all_merchants(reason="beat looks for due erasures of every merchant"):
        due = Erasure.objects.filter(state=State.WAITING, due_at__lte=timezone.now()).order_by("due_at")
        found = list(due.values_list("merchant_id", "pk")[:SWEEP_LIMIT])
    for merchant_id, erasure_id in found:
        ring_task("customers.erase", [merchant_id, erasure_id])
    return len(found)
