"""Who may have somebody erased, and what has to be proved before."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from crm.integrations.models import OutboundMail
from crm.lib.tenancy import merchant_scope
from customers.models import Customer, Erasure
from customers.portal_door import SESSION_KEY
from customers.privacy.erasing import erasure_ask, erasure_work
from tests.api.conftest import ApiClient, make_key
from tests.factories.customers import make_customer
from tests.factories.orders import make_order
from tests.portal.conftest import enter

pytestmark = pytest.mark.django_db


@pytest.fixture
def mei(merchant) -> Customer:
    return make_customer(merchant, "Mei Lin", email="mei@example.com")


def proved(client: Client) -> Client:
    """As somebody whose password was just seen."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(client.membership.user_id)  # type: ignore[attr-defined]
    session.save()
    return client


def erasures(merchant) -> list[Erasure]:
    with merchant_scope(merchant):
        return list(Erasure.objects.order_by("pk"))


@pytest.mark.parametrize("role, status", [("owner", 200), ("manager", 200), ("agent", 403), ("viewer", 403)])
def test_owners_and_managers_erase(member_client, merchant, mei, role, status) -> None:
    assert proved(member_client(role)).get(f"/customers/{mei.pk}/erase/").status_code == status


def test_the_password_is_asked_for_first(member_client, merchant, mei) -> None:
    client = member_client("owner", password="correct horse battery")
    for answer in (
        client.get(f"/customers/{mei.pk}/erase/"),
        client.post(f"/customers/{mei.pk}/erase/", {"reason": "asked", "typed": "Mei Lin"}),
    ):
        assert answer.status_code == 302 and "reauthenticate" in answer["Location"]
    assert erasures(merchant) == []


@pytest.mark.parametrize("typed, count", [("Mei", 0), ("", 0), (" mei  LIN ", 1)])
def test_the_name_is_typed_once_more(member_client, merchant, mei, typed, count) -> None:
    client = proved(member_client())
    client.post(f"/customers/{mei.pk}/erase/", {"reason": "asked", "typed": typed})
    asked = erasures(merchant)
    assert len(asked) == count
    if asked:
        assert asked[0].requested_by.startswith("user:")
        with merchant_scope(merchant):
            assert erasure_work(erasure_id=asked[0].pk)
        assert b"This person was erased" in client.get(f"/customers/{mei.pk}/").content


def test_what_is_still_open_is_said(member_client, merchant, mei) -> None:
    make_order(merchant, mei, fulfilment="shipped")
    assert b"delivered yet" in proved(member_client()).get(f"/customers/{mei.pk}/erase/").content


def test_the_list_shows_requests_and_takes_them_back(member_client, merchant, mei) -> None:
    with merchant_scope(merchant):
        asked = erasure_ask(customer=mei, reason="asked", by=f"customer:{mei.pk}", wait=timedelta(days=7))
    client = member_client()
    page = client.get("/settings/erasures/").content.decode()
    assert f"#{mei.pk}" in page and "Mei Lin" not in page
    assert client.post(f"/settings/erasures/{asked.pk}/cancel/").status_code == 302
    assert erasures(merchant)[0].state == "cancelled"


# --- the portal --------------------


@pytest.fixture
def buyer(merchant, mei) -> Client:
    make_order(merchant, mei, number="1001", email="mei@example.com")
    return enter(Client(), merchant, "1001", "mei@example.com")


def test_a_customer_asks_waits_and_takes_it_back(buyer, merchant, mei) -> None:
    path = f"/portal/{merchant.slug}/erase/"
    assert buyer.post(path, {}).status_code == 422
    assert buyer.post(path, {"sure": "yes"}).status_code == 302
    assert buyer.post(path, {"sure": "yes"}).status_code == 302
    (asked,) = erasures(merchant)
    assert asked.state == "waiting" and asked.due_at > timezone.now() + timedelta(days=6)
    with merchant_scope(merchant):
        assert OutboundMail.objects.get(purpose="erasure_asked").to == "mei@example.com"
        assert not erasure_work(erasure_id=asked.pk)
    assert buyer.post(f"{path}cancel/").status_code == 302
    assert [one.state for one in erasures(merchant)] == ["cancelled"]


def test_after_the_week_they_are_gone_and_signed_out(buyer, merchant, mei) -> None:
    buyer.post(f"/portal/{merchant.slug}/erase/", {"sure": "yes"})
    with merchant_scope(merchant):
        Erasure.objects.update(due_at=timezone.now())
        assert erasure_work(erasure_id=erasures(merchant)[0].pk)
    answer = buyer.get(f"/portal/{merchant.slug}/")
    assert answer.status_code == 302 and "sign-in" in answer["Location"]


def test_an_open_browser_is_not_enough(buyer, merchant) -> None:
    session = buyer.session
    session[SESSION_KEY][str(merchant.pk)]["started"] -= 16 * 60
    session.save()
    answer = buyer.post(f"/portal/{merchant.slug}/erase/", {"sure": "yes"})
    assert "sign-in" in answer["Location"] and erasures(merchant) == []


# --- the API --------------------


def test_a_program_needs_the_scope_of_its_own(merchant, mei) -> None:
    writer = ApiClient(make_key(merchant, "customers.write")[1])
    assert writer.post_json(f"customers/{mei.pk}/erase/", {"reason": "asked"}).status_code == 403
    assert erasures(merchant) == []


def test_a_program_erases_and_follows_it(merchant, mei) -> None:
    client = ApiClient(make_key(merchant, "customers.erase", "customers.read")[1])
    answer = client.post_json(f"customers/{mei.pk}/erase/", {"reason": "asked"})
    assert answer.status_code == 202, answer.content
    asked = answer.json()
    with merchant_scope(merchant):
        assert erasure_work(erasure_id=asked["id"])
    told = client.get(f"erasures/{asked['id']}/").json()
    assert (told["state"], told["customer"], told["requested_by"][:4]) == ("done", mei.pk, "key:")
    assert client.get(f"customers/{mei.pk}/").status_code == 404
