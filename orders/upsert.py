"""One door for every order that comes from outside: idempotent, in any order, newest version wins."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.accounts.services import rate_to_base
from crm.lib.errors import Rejected, Text
from crm.lib.locking import hold
from crm.lib.money import in_base, stored, validate_currency
from customers.identities import resolve
from customers.models import Customer
from orders.announcing import announce_changed, announce_state
from orders.contents import lines_replace, payments_merge, refunds_merge, shipments_merge
from orders.drafts import OrderDraft
from orders.models import Order, SalesChannel

PAID = frozenset({"paid", "partly", "refunded"})
# What a draft overwrites; compared before and after to tell "updated" from "unchanged".
FIELDS = (
    *(
        "number",
        "contact_name",
        "email",
        "phone",
        "member_id",
        "payment",
        "fulfilment",
        "currency",
        "subtotal",
        "discount",
    ),
    *("shipping", "tax", "total", "coupons", "tags", "shipping_address", "country", "note", "placed_at"),
    *("paid_at", "cancelled_at", "promised_on", "customer_id"),
)
# Bounds that protect the database's columns, far beyond any real order.
MOST_LINES = 1_000


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    STALE = "stale"


@dataclass(frozen=True)
class UpsertResult:
    order: Order
    outcome: Outcome


@transaction.atomic
def order_upsert(
    *, merchant: Merchant, channel: SalesChannel, draft: OrderDraft, source: str, backfill: bool = False
) -> UpsertResult:
    """The order in its newest state, and what became of the draft.

    Unique by (channel, external id). A draft older than what is stored changes none of the order's own fields
    ("stale"); its payments, refunds and parcels are still merged by their own ids, because a fact once told
    stays true. The same draft again is "unchanged" and announces nothing. `backfill` marks history: nobody is
    thanked for it. Locks (channel, external id) until the transaction ends. Raises Rejected when the draft
    contradicts itself.
    """
    check(draft)
    order_lock(merchant_id=merchant.pk, channel_id=channel.pk, external_id=draft.external_id)
    order = (
        Order.objects.select_related("customer")
        .filter(channel=channel, external_id=draft.external_id)
        .first()
    )
    if order is not None and draft.version < order.version:
        if _merge_facts(order, draft):
            announce_state(order, backfill=backfill)
        return UpsertResult(order, Outcome.STALE)
    is_new = order is None
    if order is None:
        order = Order(merchant=merchant, channel=channel, external_id=draft.external_id)
    before = [getattr(order, name) for name in FIELDS]
    if order.customer is None and order.contact_erased_at is None:
        order.customer = _customer(merchant, channel, draft, source)
        if order.customer is not None and order.customer.erased_at is not None:
            order.contact_erased_at = timezone.now()  # the sale of an erased person, told late
    _apply(order, draft)
    _freeze_rate(merchant, order)
    changed = is_new or before != [getattr(order, name) for name in FIELDS]
    if changed or order.version != draft.version:
        order.version = draft.version
        order.save()
    changed |= draft.lines is not None and lines_replace(order, draft.lines)
    changed |= _merge_facts(order, draft)
    if not changed:
        return UpsertResult(order, Outcome.UNCHANGED)
    if not is_new:
        announce_changed(order, backfill=backfill)
    announce_state(order, backfill=backfill)
    return UpsertResult(order, Outcome.CREATED if is_new else Outcome.UPDATED)


def check(draft: OrderDraft) -> None:
    """Raises Rejected with the fields at fault."""
    faults: dict[str, list[Text]] = {}
    if not draft.external_id or len(draft.external_id) > 100:
        faults["external_id"] = [_("Give the order's id in its channel, at most 100 characters.")]
    if draft.total < 0:
        faults["total"] = [_("An order's total can't be negative; send money back as a refund.")]
    if len(draft.lines or ()) > MOST_LINES:
        faults["lines"] = [_("An order can have at most %(most)s lines.") % {"most": MOST_LINES}]
    if draft.placed_at.tzinfo is None:
        faults["placed_at"] = [_("Give the time with its offset, such as 2026-11-11T08:00:00+08:00.")]
    if any(refund.amount <= 0 for refund in draft.refunds or ()):
        faults["refunds"] = [_("A refund's amount must be above zero.")]
    if draft.payment not in Order.Payment.values:
        faults["payment"] = [_("Unknown state of payment.")]
    if faults:
        raise Rejected(_("The order can't be stored as sent."), code="bad_order", fields=faults)
    validate_currency(draft.currency)


def order_lock(*, merchant_id: int, channel_id: int, external_id: str) -> None:
    """Nobody else writes this order until the transaction ends."""
    hold(f"order:{merchant_id}:{channel_id}:{external_id}")


def _apply(order: Order, draft: OrderDraft) -> None:
    order.number = draft.number or order.number or draft.external_id
    order.currency = draft.currency
    for name in ("subtotal", "discount", "shipping", "tax", "total"):
        setattr(order, name, stored(getattr(draft, name)))
    order.placed_at, order.country = draft.placed_at, draft.country
    if order.contact_erased_at is None:
        _apply_words(order, draft)
    order.fulfilment = draft.fulfilment or order.fulfilment
    order.payment = draft.payment
    # Once paid or cancelled, the moment stays: a later version that leaves it out doesn't undo it.
    order.paid_at = draft.paid_at or order.paid_at or (draft.placed_at if draft.payment in PAID else None)
    order.cancelled_at = draft.cancelled_at or order.cancelled_at
    order.promised_on = draft.promised_on or order.promised_on
    if order.refunded:
        order.payment = payment_after_refunds(order)


def _apply_words(order: Order, draft: OrderDraft) -> None:
    """Whose it is and what was said about it: not for an order whose person was erased."""
    contact = draft.contact
    order.contact_name = contact.name or order.contact_name
    order.email = contact.email or order.email
    order.phone = contact.phone[:40] or order.phone
    order.member_id = contact.member_id[:100] or order.member_id
    order.coupons, order.tags = list(draft.coupons), list(draft.tags)
    order.note, order.shipping_address = draft.note, draft.shipping_address


def _freeze_rate(merchant: Merchant, order: Order) -> None:
    """The rate of the day on which the order was placed, looked up once; then only the totals follow."""
    if order.rate is None:
        on = order.placed_at.astimezone(merchant.zone).date()
        order.rate = rate_to_base(merchant=merchant, currency=order.currency, on=on)
    order.base_total = in_base(order.total, order.rate)
    order.base_refunded = in_base(order.refunded, order.rate)


def _customer(merchant: Merchant, channel: SalesChannel, draft: OrderDraft, source: str) -> Customer | None:
    found = resolve(
        merchant=merchant, contact=draft.contact, source=source or channel.slug, at=draft.placed_at
    )
    return found.customer


def _merge_facts(order: Order, draft: OrderDraft) -> bool:
    """Payments, refunds and parcels, each by its own id. True when anything was new."""
    new = payments_merge(order, draft.payments or ())
    new |= refunds_merge(order, draft.refunds or ())
    new |= shipments_merge(order, draft.shipments or ())
    return new


def payment_after_refunds(order: Order) -> str:
    """Refunded when nothing is left, partly when something went back."""
    if order.refunded <= 0:
        return order.payment
    return Order.Payment.REFUNDED if order.refunded >= order.total else Order.Payment.PARTLY_REFUNDED
