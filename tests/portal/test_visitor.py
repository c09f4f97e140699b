"""Signing in to the portal recognises the browser."""

from __future__ import annotations

from django.test import Client
from django.utils import timezone

from crm.events.models import Event
from crm.lib.tenancy import merchant_scope
from customers.visits.services import COOKIE, Seen, visits_take
from tests.portal.conftest import enter


def test_signing_in_brings_the_browser_s_visits(merchant, order):
    with merchant_scope(merchant):
        visits_take(merchant=merchant, seen=[Seen("a" * 32, "product", timezone.now(), title="Teapot")])
    client = Client()
    client.cookies[COOKIE] = "a" * 32
    enter(client, merchant, "T-100", "mei@example.com")
    with merchant_scope(merchant):
        assert Event.objects.get(name="customers.product_viewed").customer_id == order.customer_id
