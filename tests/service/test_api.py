"""Tickets by REST: scopes, walls, idempotency, and words that reach the customer."""

from __future__ import annotations

import pytest
from django.test import Client

from crm.integrations.models import OutboundMail
from crm.lib.tenancy import merchant_scope
from service.models import Ticket
from tests.factories.accounts import make_key
from tests.factories.customers import make_customer
from tests.factories.service import fresh, make_ticket

PATH = "/api/v1/tickets/"


@pytest.fixture
def ticket(merchant):
    return make_ticket(merchant, make_customer(merchant, "Mei", email="mei@example.com"))


def program(merchant, *scopes) -> Client:
    _key, secret = make_key(merchant, *scopes)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def post(client, path, data, **headers):
    return client.post(path, data, content_type="application/json", headers=headers)


def test_list_filter_and_detail(merchant, ticket):
    client = program(merchant, "tickets.read")
    make_ticket(merchant)
    listed = client.get(PATH, {"customer": ticket.customer_id}).json()["results"]
    assert [one["number"] for one in listed] == [ticket.number]
    detail = client.get(f"{PATH}{ticket.pk}/").json()
    assert detail["entries"][0]["text"] == "Where is my parcel?"


def test_opening_twice_with_one_key_opens_once(merchant):
    client = program(merchant, "tickets.write")
    data = {"text": "Do you ship to Spain?", "email": "tom@example.com"}
    answers = [post(client, PATH, data, **{"Idempotency-Key": "abc-1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    with merchant_scope(merchant):
        assert Ticket.objects.count() == 1


def test_an_answer_is_mailed(merchant, ticket):
    answer = post(
        program(merchant, "tickets.write"), f"{PATH}{ticket.pk}/reply/", {"text": "Soon.", "solve": True}
    )
    assert answer.status_code == 200, answer.content
    assert answer.json()["status"] == "solved"
    with merchant_scope(merchant):
        assert OutboundMail.objects.get().to == "mei@example.com"


@pytest.mark.parametrize("scopes", [("tickets.read",), ("orders.write",)])
def test_writing_needs_its_scope(merchant, ticket, scopes):
    client = program(merchant, *scopes)
    assert post(client, PATH, {"text": "x"}).status_code == 403
    assert post(client, f"{PATH}{ticket.pk}/reply/", {"text": "x"}).status_code == 403
    assert fresh(ticket).status == "open"


def test_a_rivals_key_finds_nothing(rival, merchant, ticket):
    client = program(rival)
    assert client.get(f"{PATH}{ticket.pk}/").status_code == 404
    assert post(client, f"{PATH}{ticket.pk}/reply/", {"text": "x"}).status_code == 404
    assert post(client, PATH, {"text": "x", "customer": ticket.customer_id}).status_code == 422
    assert client.get(PATH).json()["results"] == []


@pytest.mark.parametrize(
    "data", [{}, {"text": ""}, {"text": "x", "status": "solved"}, {"text": 5}, {"text": "x", "email": "no"}]
)
def test_wrong_bodies_are_refused(merchant, data):
    assert post(program(merchant, "tickets.write"), PATH, data).status_code == 422
    with merchant_scope(merchant):
        assert not Ticket.objects.exists()
