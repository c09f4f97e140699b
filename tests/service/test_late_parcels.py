"""A late parcel opens its own ticket, once, before the customer writes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from crm.events.models import Event
from service.late import late_tickets_open
from service.models import ServiceSettings, Ticket
from service.sweeping import sweep
from tests.factories.customers import make_customer
from tests.factories.orders import make_order

TODAY = date(2026, 11, 22)


def late_order(merchant, **fields):
    usual = {"fulfilment": "shipped", "promised_on": TODAY - timedelta(days=2)}
    return make_order(merchant, make_customer(merchant), **usual | fields)


def test_one_ticket_an_order_however_often_it_looks(scoped):
    order = late_order(scoped)
    assert late_tickets_open(merchant=scoped, today=TODAY) == 1
    assert late_tickets_open(merchant=scoped, today=TODAY) == 0
    ticket = Ticket.objects.get()
    assert (ticket.order, ticket.customer, ticket.channel, ticket.priority) == (
        order,
        order.customer,
        "watch",
        "high",
    )
    assert Event.objects.filter(name="orders.parcel_late").count() == 1


@pytest.mark.parametrize(
    "case, fields",
    [
        ("promised for today", {"promised_on": TODAY}),
        ("delivered", {"fulfilment": "delivered"}),
        ("history", {"promised_on": TODAY - timedelta(days=90)}),
        ("imported", {"import_batch_id": 7}),
        ("no promise", {"promised_on": None}),
    ],
)
def test_not_for(scoped, case, fields):
    late_order(scoped, **fields)
    assert late_tickets_open(merchant=scoped, today=TODAY) == 0, case
    assert not Ticket.objects.exists()


def test_not_where_the_shop_does_not_want_it(scoped):
    late_order(scoped)
    ServiceSettings.objects.create(merchant=scoped, late_parcels=False)
    assert late_tickets_open(merchant=scoped, today=TODAY) == 0


def test_the_sweep_visits_every_shop(merchant, rival):
    for shop in (merchant, rival):
        make_order(
            shop,
            make_customer(shop),
            promised_on=timezone.localdate() - timedelta(days=3),
            fulfilment="shipped",
        )
    assert sweep()["late"] == 2
