"""Visits by API: told by the shop's server, and the browser recognised when its customer signs in there."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from crm.events.models import Event
from customers.models import Identity, Visit
from tests.api.test_orders import FULL
from tests.factories.customers import make_customer

ME = "a" * 32


def told(**more: object) -> dict[str, object]:
    return {"visits": [{"visitor": ME, "kind": "cart", "title": "Tie Guan Yin", **more}]}


def test_programs_tell_and_recognise(insider, outsider, merchant, scoped):
    mei = make_customer(merchant)
    yesterday = timezone.now() - timedelta(days=1)
    assert insider.post_json("visits/", told(at=yesterday.isoformat())).json() == {"kept": 1}
    path = f"customers/{mei.pk}/visitor/"
    assert outsider.post_json(path, {"visitor": ME}).status_code == 404
    assert insider.post_json(path, {"visitor": "me"}).status_code == 422
    assert insider.post_json(path, {"visitor": ME}).json() == {"visits": 1}
    put = Event.objects.get(name="customers.cart_filled")
    assert (put.customer_id, put.occurred_at) == (mei.pk, yesterday)
    assert not Visit.objects.exists()


def test_an_order_names_its_browser(insider, merchant, scoped):
    insider.post_json("visits/", told())
    bought = FULL | {"contact": {"email": "mei@example.com", "visitor": ME}}
    assert insider.post_json("orders/", bought).status_code == 201
    assert Identity.objects.get(kind="visitor").customer.email == "mei@example.com"
    assert Event.objects.filter(name="customers.cart_filled").count() == 1


def test_old_and_coming_visits_are_refused(insider, scoped):
    for at in ("2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"):
        assert insider.post_json("visits/", told(at=at)).status_code == 422
    assert not Visit.objects.exists()


def test_a_key_needs_the_scope(key_with):
    assert key_with("customers.write").post_json("visits/", told()).status_code == 403
