"""Goods that come back: asked for by the customer, decided by staff. Each step is announced and mailed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Max, Sum
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.accounts.numbering import next_number
from crm.events.emitting import emit
from crm.events.models import Event
from crm.events.types import EventType
from crm.integrations import mail
from crm.lib.errors import Conflict, Rejected
from customers.models import PortalSettings
from orders import events
from orders.models import Order, OrderLine, RefundLine, Return, ReturnLine, Shipment

State = Return.State
# What may follow a state; staff decide, the customer may only withdraw.
NEXT: dict[str, tuple[str, ...]] = {
    State.REQUESTED: (State.APPROVED, State.REJECTED, State.CANCELLED),
    State.APPROVED: (State.RECEIVED, State.CANCELLED),
    State.RECEIVED: (State.REFUNDED,),
}
# The customer's own words travel no further than a page.
COMMENT_CHARS = 2_000


@dataclass(frozen=True)
class ReturnableLine:
    """`left` is what can still be sent back: bought less asked for, and less refunded outside of a return;
    `chosen` what a form has chosen of it."""

    line: OrderLine
    left: int
    chosen: int = 0

    @property
    def choices(self) -> range:
        return range(self.left + 1)


@dataclass(frozen=True)
class Returnable:
    """Whether the order's goods can be sent back now, and if not, why in words for the customer."""

    lines: list[ReturnableLine]
    until_on: date | None
    refusal: str = ""

    @property
    def possible(self) -> bool:
        return not self.refusal and any(one.left for one in self.lines)


def returnable(order: Order) -> Returnable:
    """At most five queries. The window counts the shop's days from the last delivery, else from shipping."""
    settings = PortalSettings.objects.first() or PortalSettings()
    lines = _left(order)
    start = _window_start(order)
    until = (
        (timezone.localtime(start, order.merchant.zone) + timedelta(days=settings.return_days)).date()
        if start
        else None
    )
    today = timezone.localtime(timezone.now(), order.merchant.zone).date()
    refusal = ""
    if order.is_cancelled:
        refusal = _("This order was cancelled.")
    elif settings.return_days == 0:
        refusal = _("This shop takes no returns here. Write to us and we will see what we can do.")
    elif until is None:
        refusal = _("This order has not been sent yet. Write to us to change or cancel it.")
    elif until < today:
        refusal = _("The time to send something back has passed. Write to us and we will see what we can do.")
    elif not any(one.left for one in lines):
        refusal = _("Everything in this order was already sent back or refunded.")
    return Returnable(lines, until, refusal)


def _window_start(order: Order) -> datetime | None:
    if order.fulfilment == Order.Fulfilment.OPEN:
        return None
    times = Shipment.objects.filter(order=order).aggregate(got=Max("delivered_at"), sent=Max("shipped_at"))
    return times["got"] or times["sent"] or order.placed_at


def _left(order: Order) -> list[ReturnableLine]:
    asked = ReturnLine.objects.filter(rma__order=order).exclude(
        rma__state__in=(State.REJECTED, State.CANCELLED)
    )
    open_asked = dict(asked.values_list("order_line").annotate(Sum("quantity")))
    # What a refunded return gave back is counted as asked already; other refunds have no return behind them.
    back = dict(
        RefundLine.objects.filter(refund__order=order).values_list("order_line").annotate(Sum("quantity"))
    )
    lines = order.lines.order_by("id").select_related("product")
    return [
        ReturnableLine(line, max(0, line.quantity - max(open_asked.get(line.pk, 0), back.get(line.pk, 0))))
        for line in lines
    ]


@transaction.atomic
def return_request(
    *,
    merchant: Merchant,
    order: Order,
    quantities: Mapping[int, int],
    reason: str,
    comment: str = "",
    key: str = "",
) -> Return:
    """The new return, or the one that this `key` (a form's own) made before.

    `quantities` maps order line ids to pieces. Locks the order, so that two requests can't ask for the same
    piece. Raises Rejected outside the window, for a strange line, for too many pieces and for none.
    """
    order = Order.objects.select_for_update(of=("self",)).get(pk=order.pk)
    once = f"return:{key}" if key else None
    if once and (before := Event.objects.filter(name=events.RETURN_REQUESTED.name, dedupe_key=once).first()):
        known = Return.objects.filter(pk=before.data.get("return_id"), order=order).first()
        if known is not None:
            return known
    state = returnable(order)
    if state.refusal:
        raise Rejected(state.refusal, code="not_returnable")
    _check_quantities(state, quantities)
    if reason not in Return.Reason.values:
        text = _("Choose a reason.")
        raise Rejected(text, code="bad_reason", fields={"reason": [text]})
    rma = Return.objects.create(
        merchant=merchant,
        order=order,
        customer=order.customer,
        number=next_number(merchant_id=merchant.pk, series="return"),
        reason=reason,
        comment=comment.strip()[:COMMENT_CHARS],
    )
    chosen = {line_id: pieces for line_id, pieces in quantities.items() if pieces}
    for line_id, pieces in chosen.items():
        ReturnLine.objects.create(merchant=merchant, rma=rma, order_line_id=line_id, quantity=pieces)
    _announce(events.RETURN_REQUESTED, rma, {"reason": reason, "pieces": sum(chosen.values())}, once=once)
    _mail(merchant, rma, "requested")
    return rma


def _check_quantities(state: Returnable, quantities: Mapping[int, int]) -> None:
    left = {one.line.pk: one.left for one in state.lines}
    if not any(quantities.values()):
        raise Rejected(_("Choose what you want to send back."), code="nothing_chosen")
    for line_id, pieces in quantities.items():
        if line_id not in left:
            raise Rejected(_("This item isn't part of the order."), code="strange_line")
        if not 0 <= pieces <= left[line_id]:
            text = _("You can send back at most %(left)s of this item.") % {"left": left[line_id]}
            raise Rejected(text, code="too_many_pieces", fields={f"line-{line_id}": [text]})


@transaction.atomic
def return_decide(*, merchant: Merchant, rma: Return, state: str, note: str = "") -> Return:
    """The return in its next state. Saying the same twice changes nothing.

    Locks the return. Raises Conflict when somebody decided otherwise in the meantime.
    """
    rma = Return.objects.select_for_update(of=("self",)).select_related("order").get(pk=rma.pk)
    if rma.state == state:
        return rma
    if state not in NEXT.get(rma.state, ()):
        now = rma.get_state_display()
        text = _("Return %(number)s is “%(state)s” now; that can't be done any more.")
        raise Conflict(text % {"number": rma, "state": now}, code="return_moved_on")
    rma.state, rma.decided_at = state, timezone.now()
    if note.strip():
        rma.decision_note = note.strip()[:500]
    rma.save(update_fields=["state", "decided_at", "decision_note", "updated_at"])
    label = str(Return.State(state).label)
    _announce(events.RETURN_DECIDED, rma, {"state": label, "code": state}, once=f"{rma.pk}:{state}")
    if state != State.CANCELLED:
        _mail(merchant, rma, state)
    return rma


def _announce(kind: EventType, rma: Return, data: dict[str, object], *, once: str | None) -> None:
    order = rma.order
    facts = {"number": order.number, "return_number": rma.number, "return_id": rma.pk, "order_id": order.pk}
    emit(
        kind,
        merchant=rma.merchant_id,
        customer=rma.customer_id,
        subject=order,
        data=facts | data,
        dedupe_key=once,
    )


def _mail(merchant: Merchant, rma: Return, step: str) -> None:
    """Tells the customer in the transaction of the step; who left no address reads it in the portal."""
    order = rma.order
    customer = rma.customer
    address = order.email or (customer.email if customer else "")
    if not address or "*" in address:
        return
    with translation.override((customer.language if customer else "") or merchant.locale):
        settings = PortalSettings.objects.first() or PortalSettings()
        lines = rma.lines.select_related("order_line")
        context = {
            "shop": merchant,
            "rma": rma,
            "order": order,
            "lines": lines,
            "step": step,
            "settings": settings,
        }
        subject = _("Your return %(number)s of order %(order)s: %(state)s") % {
            "number": rma,
            "order": order.number,
            "state": rma.get_state_display(),
        }
        mail.post(
            merchant=merchant,
            to=address,
            purpose="return",
            subject=subject,
            text=render_to_string("portal/mail/return.txt", context),
            html=render_to_string("portal/mail/return.html", context),
            dedupe_key=f"return:{rma.pk}:{step}",
        )
