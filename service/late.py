"""A late parcel opens its own ticket before the customer writes (promise 9)."""

from __future__ import annotations

from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.lib.ui.formats import day_text
from orders import events as order_events
from orders.models import Order
from service.models import Ticket
from service.priority import desk_settings
from service.tickets import Words, ticket_open

# Older ones are history that was imported, or were settled long ago.
NEWEST_DAYS = 30
# One sweep's worth for one shop; the next comes in a minute.
PER_SWEEP = 100


def late_tickets_open(*, merchant: Merchant, today: date | None = None) -> int:
    """Tickets opened, one an order promised before `today` (the shop's day) and not delivered."""
    if not desk_settings().late_parcels:
        return 0
    today = today or timezone.localtime(timezone.now(), merchant.zone).date()
    known = Ticket.objects.filter(order=OuterRef("pk"), cause=Ticket.Cause.LATE_PARCEL)
    late = Order.objects.late(today).filter(
        ~Exists(known), promised_on__gte=today - timedelta(days=NEWEST_DAYS), import_batch_id__isnull=True
    )
    opened = 0
    for order in late.select_related("customer").order_by("promised_on", "id")[:PER_SWEEP]:
        opened += _open(merchant, order)
    return opened


def _open(merchant: Merchant, order: Order) -> int:
    with override(merchant.locale):
        day = day_text(order.promised_on) if order.promised_on else ""
        subject = _("Order %(number)s is late") % {"number": order.number}
        text = _("Promised for %(day)s and not delivered. Nobody has written yet: be first.") % {"day": day}
    try:
        with transaction.atomic():
            ticket_open(
                merchant=merchant,
                subject=subject,
                words=Words(text),
                channel=Ticket.Channel.WATCH,
                customer=order.customer,
                order=order,
                cause=Ticket.Cause.LATE_PARCEL,
            )
            emit(
                order_events.PARCEL_LATE,
                merchant=merchant,
                customer=order.customer_id,
                subject=order,
                data={"number": order.number, "order_id": order.pk, "promised_on": str(order.promised_on)},
                dedupe_key=f"{order.pk}",
            )
    except IntegrityError:  # another sweeper was faster: the unique index keeps it to one
        return 0
    return 1
