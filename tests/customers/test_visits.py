"""Visits of the shop's pages: nameless until somebody signs in with the same browser; walls and wishes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.events.models import Event
from crm.lib.retention import KINDS
from customers.consent import consent_record
from customers.handlers import follow_nobody
from customers.identities import Contact, resolve
from customers.merging.services import customers_merge
from customers.models import Identity, Visit, VisitSettings
from customers.privacy.erasing import customer_erase
from customers.visits.services import COOKIE, MOST_BROUGHT, Seen, visitor_recognise, visits_take
from customers.visits.views import PER_MINUTE
from tests.factories.customers import make_customer

ME, OTHER = "a" * 32, "b" * 32
TOLD = ("customers.visited", "customers.product_viewed", "customers.cart_filled", "customers.searched")


def seen(kind: str = "product", title: str = "Tie Guan Yin", *, visitor: str = ME, days: float = 0) -> Seen:
    return Seen(visitor, kind, timezone.now() - timedelta(days=days), title=title, path="/tea")


def story(customer) -> list[tuple[str, str]]:
    rows = Event.objects.filter(customer_id=customer.pk, name__in=TOLD).order_by("occurred_at", "pk")
    return [(row.name.partition(".")[2], row.data["title"]) for row in rows]


def browse(shop, body: object, *, origin: str = "https://shop.example.com", **headers: str):
    return Client().post(
        reverse("visit_take", args=[shop.slug]),
        body if isinstance(body, str | bytes) else json.dumps(body),
        content_type="text/plain;charset=UTF-8",
        headers={"Origin": origin, **headers},
    )


@pytest.fixture
def open_door(scoped):
    VisitSettings.objects.create(merchant=scoped, is_on=True, hosts=["shop.example.com"])
    return scoped


@pytest.fixture
def mei(scoped):
    return make_customer(scoped, "Mei")


def known_as(customer, visitor: str = ME) -> int:
    return visitor_recognise(merchant=customer.merchant, customer=customer, visitor=visitor, source="portal")


# --- recognising --------------------------------------------------------------------------------------------


def test_what_was_nameless_is_theirs_once_they_sign_in(scoped, mei):
    visits_take(merchant=scoped, seen=[seen(days=2), seen("search", "oolong", days=1), seen(visitor=OTHER)])
    assert story(mei) == []
    assert known_as(mei) == 2
    assert story(mei) == [("product_viewed", "Tie Guan Yin"), ("searched", "oolong")]
    assert Visit.objects.get().visitor == OTHER
    said = Event.objects.get(name="customers.visitor_recognised")
    assert said.data == {"visits": 2, "source": "portal"}
    visits_take(merchant=scoped, seen=[seen("cart", "Longjing")])
    assert story(mei)[-1] == ("cart_filled", "Longjing")
    assert known_as(mei) == 0
    assert Event.objects.filter(name="customers.visitor_recognised").count() == 1


def test_a_page_counts_once_a_day(scoped, mei):
    known_as(mei)
    kept = visits_take(merchant=scoped, seen=[seen("page", "Home"), seen("page", "About"), seen()])
    assert (kept, {name for name, _title in story(mei)}) == (2, {"visited", "product_viewed"})


def test_a_browser_of_two_people_is_the_last_one_s(scoped, mei):
    bo = make_customer(scoped, "Bo")
    visits_take(merchant=scoped, seen=[seen(title="one")])
    known_as(mei)
    known_as(bo)
    visits_take(merchant=scoped, seen=[seen(title="two")])
    assert (story(mei), story(bo)) == ([("product_viewed", "one")], [("product_viewed", "two")])
    assert Identity.objects.get(kind="visitor").customer == bo


def test_an_order_recognises_its_browser_and_the_browser_alone_nobody(scoped):
    visits_take(merchant=scoped, seen=[seen()])
    assert resolve(merchant=scoped, contact=Contact(visitor=ME), source="shop").customer is None
    contact = Contact(email="mei@example.com", visitor=ME)
    found = resolve(merchant=scoped, contact=contact, source="shop").customer
    assert story(found) == [("product_viewed", "Tie Guan Yin")]
    assert not Visit.objects.exists()


def test_who_is_merged_away_is_the_survivor(scoped, mei):
    twin = make_customer(scoped, "Mei Li")
    known_as(twin)
    customers_merge(survivor=mei, absorbed=twin)
    visits_take(merchant=scoped, seen=[seen()])
    assert story(mei) == [("product_viewed", "Tie Guan Yin")]


def test_only_the_newest_of_the_last_ninety_days_come_in(scoped, mei):
    Visit.objects.bulk_create(
        Visit(merchant=scoped, visitor=ME, kind="product", title=str(number), at=timezone.now())
        for number in range(MOST_BROUGHT + 3)
    )
    old = timezone.now() - timedelta(days=91)
    Visit.objects.create(merchant=scoped, visitor=ME, kind="cart", title="old", at=old)
    assert known_as(mei) == MOST_BROUGHT
    titles = {title for _name, title in story(mei)}
    assert titles == {str(number) for number in range(3, MOST_BROUGHT + 3)}
    assert not Visit.objects.exists()


@pytest.mark.parametrize("visitor", ["", "short", "x" * 65, "a b" * 8, "é" * 20, ME + "\n"])
def test_what_is_no_id_recognises_nobody(mei, visitor):
    assert known_as(mei, visitor) == 0
    assert not Identity.objects.filter(kind="visitor").exists()


# --- wishes -------------------------------------------------------------------------------------------------


def answer(customer, purpose: str, *, granted: bool) -> None:
    consent_record(
        merchant=customer.merchant,
        customer=customer,
        channel="email",
        purpose=purpose,
        granted=granted,
        source="portal",
    )


def test_who_is_not_to_be_profiled_is_not_followed(scoped, mei):
    known_as(mei)
    answer(mei, "profiling", granted=False)
    assert visits_take(merchant=scoped, seen=[seen()]) == 0
    follow_nobody(Event.objects.get(name="customers.consent_withdrawn"))
    assert not Identity.objects.filter(kind="visitor").exists()
    visits_take(merchant=scoped, seen=[seen()])
    mei.refresh_from_db()
    assert known_as(mei) == 0
    assert story(mei) == []
    assert not Visit.objects.exists()


def test_at_a_shared_browser_their_visits_are_not_the_other_one_s(scoped, mei):
    bo = make_customer(scoped, "Bo")
    known_as(bo)
    answer(mei, "profiling", granted=False)
    mei.refresh_from_db()
    assert known_as(mei) == 0
    visits_take(merchant=scoped, seen=[seen(title="hers")])
    assert story(bo) == story(mei) == []


def test_a_withdrawal_of_mail_changes_nothing_here(mei):
    known_as(mei)
    answer(mei, "marketing", granted=True)
    answer(mei, "marketing", granted=False)
    follow_nobody(Event.objects.get(name="customers.consent_withdrawn"))
    assert Identity.objects.filter(kind="visitor").exists()


def test_an_erasure_takes_browser_and_words(scoped, mei):
    known_as(mei)
    visits_take(merchant=scoped, seen=[seen(title="Ring for Eve")])
    customer_erase(customer=mei, reason="asked", by="")
    assert not Identity.objects.filter(kind="visitor").exists()
    assert [event.data for event in Event.objects.filter(name__in=TOLD)] == [{}]


def test_nameless_visits_have_their_time(scoped):
    visits_take(merchant=scoped, seen=[seen(days=40), seen(days=10)])
    kind, border = KINDS["customers.visits"], timezone.now() - timedelta(days=31)
    assert (kind.count(border), kind.purge(border, 10), kind.purge(border, 10)) == (1, 1, 0)
    assert Visit.objects.count() == 1


# --- the browser's door -------------------------------------------------------------------------------------

PAGE = {"visitor": ME, "visits": [{"kind": "page", "title": "茶", "path": "/茶"}]}


def test_a_browser_tells(open_door):
    assert browse(open_door, PAGE).status_code == 204
    kept = Visit.objects.get()
    assert (kept.visitor, kept.kind, kept.title, kept.path) == (ME, "page", "茶", "/茶")


@pytest.mark.parametrize("wish", ["Sec-GPC", "DNT"])
def test_a_browser_that_asks_not_to_be_followed_is_not(open_door, wish):
    assert browse(open_door, PAGE, **{wish: "1"}).status_code == 204
    assert not Visit.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("{", id="no JSON"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param("[" * 20_000, id="deep"),
        pytest.param([], id="a list"),
        pytest.param(PAGE | {"visits": []}, id="no visits"),
        pytest.param(PAGE | {"visits": [{"kind": "page", "title": "x"}] * 21}, id="too many"),
        pytest.param(PAGE | {"visits": [{"kind": "love", "title": "x"}]}, id="an unknown kind"),
        pytest.param(PAGE | {"visits": [{"kind": "page"}]}, id="nothing looked at"),
        pytest.param(PAGE | {"visits": [{"kind": "page", "title": "x\0"}]}, id="a NUL"),
        pytest.param(PAGE | {"visitor": "me"}, id="no id"),
        pytest.param(PAGE | {"more": "z" * 40_000}, id="too large"),
    ],
)
def test_refusals_keep_nothing(open_door, body):
    assert browse(open_door, body).status_code == 422
    assert not Visit.objects.exists()


def test_only_pages_of_the_shop_tell(open_door, rival):
    for origin in ("https://evil.example.net", "null", "", "https://shop.example.com.evil.net", "http://[x"):
        assert browse(open_door, PAGE, origin=origin).status_code == 403, origin
    assert browse(rival, PAGE).status_code == 404
    VisitSettings.objects.update(is_on=False)
    assert browse(open_door, PAGE).status_code == 404
    assert not Visit.objects.exists()


def test_a_flood_is_held_back(open_door):
    assert browse(open_door, PAGE).status_code == 204
    refused = {browse(open_door, "{").status_code for _ in range(PER_MINUTE - 2)}
    assert refused == {422}
    assert [browse(open_door, PAGE).status_code for _ in range(3)] == [204, 429, 429]
    assert Visit.objects.count() == 2


def test_the_script_stands_at_an_address_that_stays():
    script = Client().get("/t/visits.js")
    assert script["Content-Type"].startswith("text/javascript")
    assert COOKIE in script.content.decode()


# --- settings -----------------------------------------------------------------------------------------------


def test_the_settings_are_kept_and_told(merchant, scoped, member_client):
    owner, path = member_client("owner"), reverse("visit_settings")
    assert owner.post(path, {"is_on": "on", "hosts": ""}).status_code == 422
    assert owner.post(path, {"is_on": "on", "hosts": "not a host!"}).status_code == 422
    typed = "https://Shop.example.com/tea\n茶.example.cn\nshop.example.com"
    assert owner.post(path, {"is_on": "on", "hosts": typed}).status_code == 302
    assert VisitSettings.objects.get().hosts == ["shop.example.com", "xn--cl1a.example.cn"]
    assert Event.objects.get(name="customers.visit_settings_changed").data["is_on"] is True
    assert reverse("visit_take", args=[merchant.slug]) in owner.get(path).content.decode()
    assert member_client("agent").post(path, {"hosts": "evil.example.net"}).status_code == 403
