"""The customer's pages: theirs alone, the story right, returns within bounds, words only words."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from crm.events.models import Event
from crm.integrations.models import OutboundMail
from crm.lib.crypto import unsign
from crm.lib.errors import Conflict
from crm.lib.live import TOKEN_PURPOSE
from crm.lib.tenancy import merchant_scope
from customers.consent import consent_now
from customers.models import Consent, PortalSettings
from orders.models import Return, Shipment
from orders.returns import return_decide
from service.models import Entry, Ticket
from service.tickets import Words, ticket_answer, ticket_note
from tests.factories.accounts import make_member
from tests.factories.customers import make_customer
from tests.factories.orders import make_order, make_refund, make_return
from tests.factories.service import make_ticket
from tests.portal.conftest import enter

EVIL = "<script>alert(1)</script>"


def lines_of(order) -> list[int]:
    with merchant_scope(order.merchant):
        return list(order.lines.order_by("id").values_list("pk", flat=True))


def send_back(client, portal, order, quantities, **data):
    body = {f"line-{line}": pieces for line, pieces in quantities.items()}
    return client.post(portal(f"orders/{order.pk}/return/"), body | {"reason": "size", "key": "k1"} | data)


def returns_of(merchant) -> list[Return]:
    with merchant_scope(merchant):
        return list(Return.objects.order_by("id"))


# --- orders ------------------------------------------------------------------------------------------------


def test_the_story_of_an_order(buyer, portal, merchant, order):
    with merchant_scope(merchant):
        parcel = Shipment.objects.get()
        parcel.scans.create(
            merchant=merchant,
            state="out",
            description="With the courier",
            location="Pudong",
            happened_at=timezone.now(),
        )
    make_refund(order, "20")
    page = buyer.get(portal(f"orders/{order.pk}/")).content.decode()
    for words in (
        "Delivered",
        "You ordered",
        "Payment received",
        "With the courier",
        "Pudong",
        "Refund sent",
        "Teapot",
    ):
        assert words in page


@pytest.mark.parametrize(
    "path",
    [
        "orders/{order}/",
        "orders/{order}/return/",
        "orders/{order}/messages/",
        "messages/{ticket}/",
        "messages/{ticket}/thread/",
    ],
)
def test_anothers_things_are_not_there(buyer, portal, merchant, path):
    eve = make_customer(merchant, "Eve")
    order = make_order(merchant, eve)
    ticket = make_ticket(merchant, eve)
    assert buyer.get(portal(path.format(order=order.pk, ticket=ticket.number))).status_code == 404


@pytest.mark.parametrize(
    "path", ["orders/{order}/return/{rma}/cancel/", "messages/{ticket}/reply/", "orders/{order}/return/"]
)
def test_anothers_things_can_not_be_touched(buyer, portal, merchant, path):
    eve = make_customer(merchant, "Eve")
    order = make_order(merchant, eve, fulfilment="delivered")
    rma, ticket = make_return(order), make_ticket(merchant, eve)
    target = portal(path.format(order=order.pk, rma=rma.pk, ticket=ticket.number))
    body = {"text": "mine", "reason": "size", f"line-{lines_of(order)[0]}": "1"}
    assert buyer.post(target, body).status_code == 404
    with merchant_scope(merchant):
        assert Return.objects.get().state == "requested"
        assert Entry.objects.count() == 1


def test_ones_own_order_does_not_lend_its_address_to_anothers_return(buyer, portal, merchant, order):
    """The return's id must belong to the order in the address."""
    other = make_order(merchant, make_customer(merchant), fulfilment="delivered")
    rma = make_return(other)
    assert buyer.post(portal(f"orders/{order.pk}/return/{rma.pk}/cancel/")).status_code == 404


@pytest.mark.parametrize("path", ["", "orders/1/", "messages/", "preferences/"])
def test_strangers_are_sent_to_the_door(portal, merchant, path):
    answer = Client().get(portal(path))
    assert answer.status_code == 302
    assert answer["Location"].startswith(portal("sign-in/"))


# --- returns -----------------------------------------------------------------------------------------------


def test_a_return_is_asked_for_announced_and_mailed(buyer, portal, merchant, order):
    teapot, cup = lines_of(order)
    assert send_back(buyer, portal, order, {teapot: 1, cup: 0}, comment=EVIL).status_code == 302
    (rma,) = returns_of(merchant)
    with merchant_scope(merchant):
        assert [(line.order_line_id, line.quantity) for line in rma.lines.all()] == [(teapot, 1)]
        assert Event.objects.get(name="orders.return_requested").data["return_number"] == rma.number
        assert OutboundMail.objects.filter(purpose="return").count() == 1
    page = buyer.get(portal(f"orders/{order.pk}/")).content.decode()
    assert str(rma) in page
    assert EVIL not in page


def test_the_same_form_sent_twice_is_one_return(buyer, portal, merchant, order):
    teapot, _cup = lines_of(order)
    for _ in range(2):
        assert send_back(buyer, portal, order, {teapot: 1}).status_code == 302
    assert len(returns_of(merchant)) == 1


def test_no_more_than_was_bought_over_all_returns(buyer, portal, merchant, order):
    teapot, _cup = lines_of(order)
    assert send_back(buyer, portal, order, {teapot: 2}).status_code == 302
    assert send_back(buyer, portal, order, {teapot: 1}, key="k2").status_code == 422
    with merchant_scope(merchant):
        return_decide(merchant=merchant, rma=Return.objects.get(), state="rejected", note="No.")
    assert send_back(buyer, portal, order, {teapot: 2}, key="k3").status_code == 302


@pytest.mark.parametrize(
    "pieces, status",
    [("3", 422), ("-1", 422), ("1.5", 422), ("x", 422), ("", 422), ("0", 422), ("9" * 30, 422)],
)
def test_wrong_numbers(buyer, portal, merchant, order, pieces, status):
    teapot, _cup = lines_of(order)
    assert send_back(buyer, portal, order, {teapot: pieces}).status_code == status
    assert returns_of(merchant) == []


def test_a_line_of_another_order_is_refused(buyer, portal, merchant, order):
    strange = lines_of(make_order(merchant, make_customer(merchant), fulfilment="delivered"))[0]
    assert send_back(buyer, portal, order, {strange: 1}).status_code == 422
    assert returns_of(merchant) == []


def test_a_reason_is_needed(buyer, portal, merchant, order):
    teapot, _cup = lines_of(order)
    assert send_back(buyer, portal, order, {teapot: 1}, reason="because").status_code == 422
    assert returns_of(merchant) == []


@pytest.mark.parametrize(
    "case, days_ago, window, status",
    [
        ("the last day", 30, 30, 302),
        ("a day later", 32, 30, 422),
        ("a generous shop", 90, 100, 302),
        ("no returns", 0, 0, 422),
    ],
)
def test_the_window(buyer, portal, merchant, order, case, days_ago, window, status):
    with merchant_scope(merchant):
        PortalSettings.objects.create(merchant=merchant, return_days=window)
        Shipment.objects.update(delivered_at=timezone.now() - timedelta(days=days_ago))
    assert send_back(buyer, portal, order, {lines_of(order)[0]: 1}).status_code == status, case


def test_a_customer_may_keep_it_after_all_until_it_arrived(buyer, portal, merchant, order):
    send_back(buyer, portal, order, {lines_of(order)[0]: 1})
    (rma,) = returns_of(merchant)
    assert buyer.post(portal(f"orders/{order.pk}/return/{rma.pk}/cancel/")).status_code == 302
    (rma,) = returns_of(merchant)
    assert rma.state == "cancelled"
    with merchant_scope(merchant), pytest.raises(Conflict):
        return_decide(merchant=merchant, rma=rma, state="approved")


# --- messages ----------------------------------------------------------------------------------------------


def test_a_question_about_an_order_and_its_answer(buyer, portal, merchant, order):
    data = {"order": order.pk, "subject": "Broken", "text": f"The spout broke. {EVIL}", "key": "q1"}
    for _ in range(2):
        assert buyer.post(portal("messages/new/"), data).status_code == 302
    with merchant_scope(merchant):
        ticket = Ticket.objects.get()
        assert (ticket.order, ticket.customer, ticket.channel) == (order, order.customer, "portal")
        agent = make_member(merchant, "agent", name="Wang Lei")
        ticket_note(ticket=ticket, words=Words("Do not tell: our fault."), author=agent)
        ticket_answer(merchant=merchant, ticket=ticket, words=Words("We send a new one."), author=agent)
    page = buyer.get(portal(f"messages/{ticket.number}/")).content.decode()
    assert "We send a new one." in page
    assert "Do not tell" not in page
    assert EVIL not in page


def test_an_order_of_somebody_else_is_not_attached(buyer, portal, merchant):
    strange = make_order(merchant, make_customer(merchant))
    buyer.post(portal("messages/new/"), {"order": strange.pk, "text": "Give me that", "key": "q1"})
    with merchant_scope(merchant):
        assert not Ticket.objects.filter(order=strange).exists()


def test_a_reply_sent_twice_is_said_once(buyer, portal, merchant, mei):
    ticket = make_ticket(merchant, mei)
    for _ in range(2):
        buyer.post(portal(f"messages/{ticket.number}/reply/"), {"text": "And now?", "key": "r1"})
    with merchant_scope(merchant):
        assert Entry.objects.filter(text="And now?").count() == 1


def test_what_we_noticed_ourselves_is_not_theirs_to_read(buyer, portal, merchant, mei, order):
    ticket = make_ticket(merchant, mei, order=order, cause="late_parcel", channel="watch")
    assert buyer.get(portal(f"messages/{ticket.number}/")).status_code == 404


def test_anybody_may_write_by_the_form(merchant, portal):
    data = {"name": "Tom", "email": "tom@example.com", "text": "Do you ship to Spain?", "key": "c1"}
    assert Client().post(portal("contact/"), data).status_code == 302
    with merchant_scope(merchant):
        ticket = Ticket.objects.get()
        assert (ticket.contact_email, ticket.customer_id, ticket.channel) == ("tom@example.com", None, "form")
        assert OutboundMail.objects.get(purpose="ticket_receipt").to == "tom@example.com"


def test_a_program_that_fills_every_field_is_thanked_and_forgotten(merchant, portal):
    data = {
        "name": "Bot",
        "email": "bot@example.com",
        "text": "Buy",
        "key": "c1",
        "website": "https://spam.example",
    }
    assert Client().post(portal("contact/"), data).status_code == 302
    with merchant_scope(merchant):
        assert not Ticket.objects.exists()


def test_a_closed_form_is_not_there(merchant, portal):
    with merchant_scope(merchant):
        PortalSettings.objects.create(merchant=merchant, contact_form=False)
    assert Client().get(portal("contact/")).status_code == 404


def test_who_wrote_by_the_form_signs_in_with_the_tickets_number(merchant, portal):
    data = {"name": "Tom", "email": "tom@example.com", "text": "Do you ship to Spain?", "key": "c1"}
    Client().post(portal("contact/"), data)
    client = enter(Client(), merchant, "#1", "tom@example.com")
    assert "Do you ship to Spain?" in client.get(portal("messages/1/")).content.decode()


# --- preferences and data ----------------------------------------------------------------------------------


def test_withdrawing_is_as_easy_as_giving(buyer, portal, merchant, mei):
    for granted in ("yes", "no"):
        buyer.post(
            portal("preferences/consent/"), {"channel": "email", "purpose": "marketing", "granted": granted}
        )
        with merchant_scope(merchant):
            assert consent_now(customer=mei, channel="email") is (granted == "yes")
    with merchant_scope(merchant):
        given, taken = Consent.objects.order_by("id")
        assert given.wording.text in buyer.get(portal("preferences/")).content.decode()
        assert (given.source, given.wording_version) == ("portal", given.wording.label)
    assert given.proof["text_sha256"] == given.wording.digest
    assert given.proof["ip"] and taken.proof["ip"], "a withdrawal is provable too"


def test_everything_off_at_once(buyer, portal, merchant, mei):
    for purpose in ("marketing", "reviews"):
        buyer.post(portal("preferences/consent/"), {"channel": "email", "purpose": purpose, "granted": "yes"})
    buyer.post(portal("preferences/none/"))
    with merchant_scope(merchant):
        assert consent_now(customer=mei, channel="email", purpose="marketing") is False
        assert consent_now(customer=mei, channel="email", purpose="reviews") is False


def test_a_strange_channel_is_refused(buyer, portal, merchant):
    answer = buyer.post(
        portal("preferences/consent/"), {"channel": "pigeon", "purpose": "marketing", "granted": "yes"}
    )
    assert answer.status_code == 422
    with merchant_scope(merchant):
        assert not Consent.objects.exists()


def test_pages_carry_the_strict_policy_and_are_never_cached(buyer, portal):
    answer = buyer.get(portal(""))
    assert "script-src 'self';" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "no-store" in answer["Cache-Control"]


def test_a_live_token_hears_of_ones_own_things_only(buyer, portal, merchant, mei):
    ticket = make_ticket(merchant, mei)
    page = buyer.get(portal(f"messages/{ticket.number}/")).content.decode()
    token = re.search(r'live-token" content="([^"]+)"', page)[1]
    assert unsign(token, purpose=TOKEN_PURPOSE) == {"m": merchant.pk, "t": [f"service.ticket:{ticket.pk}"]}


def test_three_languages(merchant, portal):
    for language in ("en", "zh-hans", "zh-hant"):
        page = Client(headers={"accept-language": language}).get(portal("sign-in/")).content.decode()
        assert f'<html lang="{language}"' in page
