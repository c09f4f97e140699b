"""What the customer's order pages show: which orders are theirs, and the story of one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import Merchant
from customers.models import Customer, Identity
from customers.normalising import normalise_email, normalise_phone
from customers.portal_door import PortalPerson
from customers.portal_registry import Found
from orders.models import Order, Return, Shipment

# --- whose -------------------------------------------------------------------------------------------------


def orders_of(person: PortalPerson) -> QuerySet[Order]:
    """The person's orders, newest first; a guest's are those that they proved."""
    return _mine(person.customer, person.grants).order_by("-placed_at", "-id")


def _mine(customer: Customer | None, grants: dict[str, list[int]]) -> QuerySet[Order]:
    mine = Q(pk__in=grants.get("order", []))
    if customer is not None:
        mine |= Q(customer=customer)
    return Order.objects.filter(mine)


def find_order(reference: str, contact: str) -> Found | None:
    """Whom an order number and the address given with it name: the newest such order decides.

    The code goes to the order's own address. It opens everything of the customer when that address is known
    to be theirs, and only this order otherwise.
    """
    for order in _numbered(reference):
        address = _address_if_right(order, contact)
        if not address:
            continue
        if order.customer_id and _is_theirs(order.customer_id, address):
            return Found(address, order.customer)
        return Found(address, None, {"order": [order.pk]})
    return None


def _numbered(reference: str) -> list[Order]:
    bare = unicodedata.normalize("NFKC", reference).strip().lstrip("#").strip()
    if not bare:
        return []
    spellings = {spelling for one in (bare, bare.upper(), bare.lower()) for spelling in (one, f"#{one}")}
    found = Order.objects.filter(number__in=spellings).select_related("customer", "merchant")
    return list(found.order_by("-placed_at", "-id")[:20])


def _address_if_right(order: Order, contact: str) -> str:
    """The address for the code when `contact` is the order's e-mail or phone, else ""."""
    customer = order.customer
    address = normalise_email(order.email) or normalise_email(customer.email if customer else "")
    if not address or "*" in address:
        return ""
    if "@" in contact:
        return address if normalise_email(contact) == address else ""
    merchant: Merchant = order.merchant
    given = normalise_phone(contact, merchant.country)
    known = {normalise_phone(order.phone, merchant.country), customer.phone if customer else ""}
    return address if given and given in known else ""


def _is_theirs(customer_id: int, address: str) -> bool:
    known = Identity.objects.filter(customer_id=customer_id, kind=Identity.Kind.EMAIL, value=address).exists()
    return known or Customer.objects.filter(pk=customer_id, email=address).exists()


ORDER_WORDS = {
    "number": gettext_lazy("Number"),
    "placed_at": gettext_lazy("Ordered"),
    "total": gettext_lazy("Total"),
    "currency": gettext_lazy("Currency"),
    "payment": gettext_lazy("Payment"),
    "fulfilment": gettext_lazy("Delivery"),
    "contact": gettext_lazy("Contact"),
    "name": gettext_lazy("Name"),
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Phone"),
    "shipping_address": gettext_lazy("Delivery address"),
    "lines": gettext_lazy("Items"),
    "title": gettext_lazy("Product"),
    "quantity": gettext_lazy("Quantity"),
    "refunds": gettext_lazy("Refunds"),
    "amount": gettext_lazy("Amount"),
    "at": gettext_lazy("When"),
    "reason": gettext_lazy("Reason"),
    "parcels": gettext_lazy("Parcels"),
    "carrier": gettext_lazy("Carrier"),
    "delivered_at": gettext_lazy("Delivered"),
    "returns": gettext_lazy("Returns"),
    "state": gettext_lazy("State"),
    "comment": gettext_lazy("Comment"),
}


def collect_orders(customer: Customer | None, grants: dict[str, list[int]]) -> Iterator[dict[str, Any]]:
    """For "download my data": oldest first, read as they are written."""
    orders = _mine(customer, grants).prefetch_related("lines", "refunds", "shipments", "returns")
    for order in orders.order_by("placed_at", "id").iterator(chunk_size=200):
        yield _order_facts(order)


def _order_facts(order: Order) -> dict[str, Any]:
    return {
        "number": order.number,
        "placed_at": order.placed_at,
        "total": order.total,
        "currency": order.currency,
        "payment": order.get_payment_display(),
        "fulfilment": order.get_fulfilment_display(),
        "contact": {"name": order.contact_name, "email": order.email, "phone": order.phone},
        "shipping_address": order.shipping_address,
        "lines": [
            {"title": line.title, "sku": line.sku, "quantity": line.quantity, "total": line.total}
            for line in order.lines.all()
        ],
        "refunds": [
            {"amount": one.amount, "at": one.refunded_at, "reason": one.reason} for one in order.refunds.all()
        ],
        "parcels": [
            {"carrier": one.carrier, "number": one.tracking_number, "delivered_at": one.delivered_at}
            for one in order.shipments.all()
        ],
        "returns": [
            {
                "number": str(one),
                "state": one.get_state_display(),
                "reason": one.get_reason_display(),
                "comment": one.comment,
            }
            for one in order.returns.all()
        ],
    }


# --- the story ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One of the five stations that every order passes; `state`: done, current, ahead, bad."""

    label: str
    icon: str
    state: str
    at: datetime | None = None


@dataclass(frozen=True)
class Moment:
    """One thing that happened."""

    at: datetime
    title: str
    icon: str
    tone: str = ""
    body: str = ""


@dataclass(frozen=True)
class Headline:
    """How it stands, in three words and a sentence."""

    title: str
    line: str
    tone: str
    icon: str
    promised_on: date | None = None


@dataclass(frozen=True)
class Tracking:
    """The order as its buyer wants to know it: one sentence, five steps, then everything."""

    headline: Headline
    steps: list[Step]
    moments: list[Moment]
    parcels: list[Shipment]


def tracking_of(order: Order, today: date) -> Tracking:
    """Reads the order's prefetched parcels, scans, refunds and returns; no query if they are prefetched."""
    parcels = sorted(order.shipments.all(), key=lambda one: (one.created_at, one.pk))
    return Tracking(headline_of(order, today), _steps(order, parcels), _moments(order, parcels), parcels)


def headline_of(order: Order, today: date) -> Headline:
    """From the order and its prefetched parcels; `today` is the shop's day."""
    parcels = list(order.shipments.all())
    promised = max((one.promised_on for one in parcels if one.promised_on), default=order.promised_on)
    return replace(_headline(order, parcels, promised, today), promised_on=promised)


def _headline(order: Order, parcels: list[Shipment], promised: date | None, today: date) -> Headline:
    states = {one.state for one in parcels}
    if order.is_cancelled:
        return Headline(_("Cancelled"), _("This order was cancelled. Nothing will be sent."), "warn", "ban")
    if order.payment == Order.Payment.REFUNDED:
        return Headline(_("Refunded"), _("The whole amount went back to you."), "info", "receipt-refund")
    if order.fulfilment == Order.Fulfilment.DELIVERED or states == {"delivered"}:
        return Headline(_("Delivered"), _("We hope you like it."), "good", "home-check")
    if "exception" in states:
        line = _("The carrier reports a problem. We are looking into it.")
        return Headline(_("Trouble on the way"), line, "bad", "alert-triangle")
    if promised is not None and promised < today:
        line = _("We are sorry. We have seen it and are looking into it.")
        return Headline(_("Later than promised"), line, "bad", "clock-exclamation")
    if "out" in states:
        return Headline(_("Out for delivery"), _("It should be with you today."), "good", "map-pin")
    if states & {"transit", "delivered"} or order.fulfilment in ("shipped", "partial"):
        return Headline(_("On its way"), "", "info", "truck")
    if order.paid_at:
        return Headline(_("Being prepared"), _("We are packing your order."), "info", "package")
    return Headline(_("Waiting for payment"), _("We pack it as soon as it is paid."), "warn", "clock")


def _steps(order: Order, parcels: list[Shipment]) -> list[Step]:
    shipped = min((one.shipped_at for one in parcels if one.shipped_at), default=None)
    delivered = max((one.delivered_at for one in parcels if one.delivered_at), default=None)
    is_out = any(one.state == "out" for one in parcels)
    is_delivered = order.fulfilment == Order.Fulfilment.DELIVERED
    is_shipped = is_delivered or bool(shipped) or order.fulfilment in ("shipped", "partial")
    reached = [True, bool(order.paid_at), is_shipped, is_out or is_delivered, is_delivered]
    labels = [
        (_("Ordered"), "shopping-cart", order.placed_at),
        (_("Paid"), "credit-card", order.paid_at),
        (_("On its way"), "truck", shipped),
        (_("Out for delivery"), "map-pin", None),
        (_("Delivered"), "home-check", delivered),
    ]
    furthest = max(index for index, done in enumerate(reached) if done)
    steps = []
    for index, (label, icon, at) in enumerate(labels):
        state = "done" if index < furthest or is_delivered else "current" if index == furthest else "ahead"
        steps.append(Step(label, icon, state, at))
    return steps


def _moments(order: Order, parcels: list[Shipment]) -> list[Moment]:
    moments = [Moment(order.placed_at, _("You ordered"), "shopping-cart")]
    if order.paid_at:
        moments.append(Moment(order.paid_at, _("Payment received"), "credit-card", "good"))
    if order.cancelled_at:
        moments.append(Moment(order.cancelled_at, _("Order cancelled"), "ban", "warn"))
    for parcel in parcels:
        moments += _parcel_moments(parcel, named=len(parcels) > 1)
    for refund in order.refunds.all():
        moments.append(
            Moment(
                refund.refunded_at,
                _("Refund sent"),
                "receipt-refund",
                "info",
                f"{refund.amount.normalize():f} {refund.currency}",
            )
        )
    for rma in order.returns.all():
        moments += _return_moments(rma)
    in_order = sorted(moments, key=lambda one: one.at)
    return in_order[::-1]


SCAN_ICONS = {
    "preparing": "box",
    "transit": "truck",
    "out": "map-pin",
    "delivered": "home-check",
    "exception": "alert-triangle",
    "returned": "arrow-back-up",
}
SCAN_TONES = {"delivered": "good", "exception": "bad", "returned": "warn", "out": "info"}


def _parcel_moments(parcel: Shipment, *, named: bool) -> list[Moment]:
    """The carrier's scans; where there are none, what the shop told."""
    tail = f" · {parcel.tracking_number}" if named and parcel.tracking_number else ""
    scans = [
        Moment(
            scan.happened_at,
            (scan.description or str(Shipment.State(scan.state).label)) + tail,
            SCAN_ICONS.get(scan.state, "truck"),
            SCAN_TONES.get(scan.state, ""),
            scan.location,
        )
        for scan in parcel.scans.all()
    ]
    scanned = {scan.state for scan in parcel.scans.all()}
    if parcel.shipped_at and "transit" not in scanned:
        scans.append(
            Moment(parcel.shipped_at, _("Handed to the carrier") + tail, "truck", body=parcel.carrier)
        )
    if parcel.delivered_at and "delivered" not in scanned:
        scans.append(Moment(parcel.delivered_at, _("Delivered") + tail, "home-check", "good"))
    return scans


def _return_moments(rma: Return) -> list[Moment]:
    moments = [
        Moment(rma.requested_at, _("You asked for return %(number)s") % {"number": rma}, "arrow-back-up")
    ]
    if rma.decided_at:
        tone = {"approved": "good", "rejected": "warn", "refunded": "good"}.get(rma.state, "")
        title = _("Return %(number)s: %(state)s") % {"number": rma, "state": rma.get_state_display()}
        moments.append(Moment(rma.decided_at, title, "package-import", tone, rma.decision_note))
    return moments
