"""The inbox over HTTP: who may, whose, what the fragments show, and that words stay words."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.integrations.models import OutboundMail
from crm.lib.tenancy import merchant_scope
from service.bodies import clean_html
from service.models import Draft, Entry, Macro, Ticket
from tests.factories.accounts import make_member
from tests.factories.customers import make_customer
from tests.factories.fixtures import client_of
from tests.factories.orders import make_order
from tests.factories.service import fresh, make_macro, make_ticket

HX = {"headers": {"HX-Request": "true"}}
EVIL = '<script>alert(1)</script><img src=x onerror=alert(2)> "><svg onload=alert(3)>'


@pytest.fixture
def customer(merchant):
    return make_customer(merchant, "Mei", email="mei@example.com")


@pytest.fixture
def ticket(merchant, customer):
    return make_ticket(merchant, customer, order=make_order(merchant, customer))


@pytest.fixture
def agent(member_client):
    return member_client("agent", name="Wang Lei")


def url(name, ticket, *more):
    return reverse(name, args=[ticket.number, *more])


def say(client, ticket, **data):
    return client.post(
        url("ticket_say", ticket), {"text": "On its way.", "kind": "outbound", "key": "k1"} | data, **HX
    )


def test_the_page_shows_queue_conversation_and_order(agent, ticket):
    page = agent.get(url("ticket", ticket)).content.decode()
    for words in (
        ticket.subject,
        "Where is my parcel?",
        "mei@example.com",
        ticket.order.number,
        "inbox-columns",
    ):
        assert words in page


def test_a_clicked_row_gets_the_pane_alone(agent, ticket):
    pane = agent.get(
        url("ticket", ticket), headers={"HX-Request": "true", "HX-Target": "inbox-pane"}
    ).content.decode()
    assert pane.lstrip().startswith("<section")
    assert "inbox-columns" not in pane


def test_going_back_gets_the_whole_page(agent, ticket):
    headers = {"HX-Request": "true", "HX-Target": "inbox-pane", "HX-History-Restore-Request": "true"}
    assert "<!doctype html>" in agent.get(url("ticket", ticket), headers=headers).content.decode()


def test_an_answer_reaches_the_outbox_and_the_page(agent, ticket):
    response = say(agent, ticket)
    assert response.status_code == 200
    assert "On its way." in response.content.decode()
    with merchant_scope(ticket.merchant):
        assert OutboundMail.objects.get().to == "mei@example.com"


def test_a_double_press_sends_once(agent, ticket):
    say(agent, ticket)
    say(agent, ticket)
    with merchant_scope(ticket.merchant):
        assert OutboundMail.objects.count() == 1


def test_unread_words_refuse_the_answer_and_keep_the_draft(agent, ticket):
    with merchant_scope(ticket.merchant):
        seen = Entry.objects.get().pk
        Entry.objects.create(
            merchant=ticket.merchant, ticket=ticket, kind="inbound", channel="portal", text="Wait!"
        )
    response = say(agent, ticket, seen=seen)
    assert response.status_code == 409
    with merchant_scope(ticket.merchant):
        assert Draft.objects.get().text == "On its way."
        assert not OutboundMail.objects.exists()


def test_a_note_is_for_us_alone(agent, ticket):
    say(agent, ticket, kind="note", text="Careful: a journalist.")
    with merchant_scope(ticket.merchant):
        assert not OutboundMail.objects.exists()
        assert Entry.objects.filter(kind="note").count() == 1


def test_a_draft_comes_back_and_does_not_outlive_the_answer(agent, ticket):
    agent.post(url("ticket_draft", ticket), {"text": "Dear Mei", "kind": "outbound", "key": "k1"}, **HX)
    assert "Dear Mei" in agent.get(url("ticket", ticket)).content.decode()
    say(agent, ticket)
    agent.post(url("ticket_draft", ticket), {"text": "Dear Mei", "kind": "outbound", "key": "k1"}, **HX)
    with merchant_scope(ticket.merchant):
        assert not Draft.objects.exists()  # a draft that was under way when the answer left


def test_a_macro_is_filled_with_facts(agent, ticket):
    macro = make_macro(
        ticket.merchant, "Dear {{customer.name}}, {{ order.number }} {{order.tracking}} {{agent.name}}"
    )
    text = agent.post(url("ticket_macro", ticket, macro.pk), **HX).content.decode()
    assert text == f"Dear Mei, {ticket.order.number} […] Wang Lei"
    with merchant_scope(ticket.merchant):
        assert Macro.objects.get().used_count == 1


@pytest.mark.parametrize(
    "action, data, field, value",
    [
        ("ticket_solve", {}, "status", "solved"),
        ("ticket_snooze", {"until": "2099-01-01T09:00+08:00"}, "status", "snoozed"),
        ("ticket_prioritise", {"priority": "urgent"}, "priority", "urgent"),
    ],
)
def test_actions(agent, ticket, action, data, field, value):
    assert agent.post(url(action, ticket), data, **HX).status_code == 200
    assert getattr(fresh(ticket), field) == value


def test_taking_it_makes_it_mine(agent, ticket):
    agent.post(url("ticket_assign", ticket), {"assignee": "me"}, **HX)
    assert fresh(ticket).assignee == agent.membership
    assert f'data-talk="{ticket.number}"' in agent.get(reverse("inbox"), {"view": "mine"}).content.decode()


@pytest.mark.parametrize(
    "until", ["", "tomorrow", "2020-01-01T00:00+00:00", "2099-99-99T00:00+00:00", "2099-01-01T09:00"]
)
def test_a_wrong_time_is_refused(agent, ticket, until):
    assert agent.post(url("ticket_snooze", ticket), {"until": until}, **HX).status_code == 422
    assert fresh(ticket).status == "open"


@pytest.mark.parametrize(
    "role, sees, answers",
    [
        ("owner", 200, 200),
        ("manager", 200, 200),
        ("agent", 200, 200),
        ("analyst", 200, 403),
        ("viewer", 200, 403),
        ("marketer", 403, 403),
    ],
)
def test_who_may(member_client, ticket, role, sees, answers):
    client = member_client(role)
    assert client.get(url("ticket", ticket)).status_code == sees
    assert say(client, ticket).status_code == answers


def test_an_analyst_sees_no_address(member_client, ticket):
    assert "mei@example.com" not in member_client("analyst").get(url("ticket", ticket)).content.decode()


NAMES = ["ticket", "ticket_thread", "ticket_head", "ticket_beside"]
POSTS = [
    "ticket_say",
    "ticket_draft",
    "ticket_solve",
    "ticket_reopen",
    "ticket_snooze",
    "ticket_assign",
    "ticket_prioritise",
    "ticket_presence",
]


@pytest.mark.parametrize("name", NAMES + POSTS)
def test_a_rival_finds_nothing_and_changes_nothing(rival_client, ticket, name):
    data = {"text": "mine now", "until": "2099-01-01T09:00+08:00", "assignee": "me", "priority": "low"}
    response = (
        rival_client.post(url(name, ticket), data) if name in POSTS else rival_client.get(url(name, ticket))
    )
    assert response.status_code == 404
    after = fresh(ticket)
    assert (after.status, after.priority, after.assignee_id) == ("open", "normal", None)
    with merchant_scope(ticket.merchant):
        assert Entry.objects.count() == 1


def test_own_visibility_hides_a_colleagues_ticket(merchant, member_client, ticket):
    other = member_client("agent")
    other.post(url("ticket_assign", ticket), {"assignee": "me"}, **HX)
    assert member_client("agent", visibility="own").get(url("ticket", ticket)).status_code == 404


@pytest.mark.parametrize("place", ["subject", "text", "name"])
def test_words_stay_words(merchant, agent, place):
    customer = make_customer(merchant, EVIL if place == "name" else "Mei")
    ticket = make_ticket(
        merchant,
        customer,
        **{"subject": EVIL} if place == "subject" else {},
        text=EVIL if place == "text" else "hi",
    )
    for page in (agent.get(url("ticket", ticket)), agent.get(reverse("inbox"))):
        body = page.content.decode()
        assert "<script>alert" not in body
        assert "onerror=alert" not in body.replace("&lt;img src=x onerror=alert(2)&gt;", "")
        assert "<svg onload" not in body


def test_a_mails_own_look_can_run_and_load_nothing(agent, ticket):
    html = clean_html(
        '<p onclick="x()">Hi <a href="javascript:alert(1)">there</a><img src="https://spy.example/p.gif"></p><script>1</script><style>p{}</style>'
    )
    with merchant_scope(ticket.merchant):
        entry = Entry.objects.create(
            merchant=ticket.merchant, ticket=ticket, kind="inbound", channel="email", text="Hi", html=html
        )
    response = agent.get(url("ticket_original", ticket, entry.pk))
    body, policy = response.content.decode(), response["Content-Security-Policy"]
    assert "onclick" not in body
    assert "javascript:" not in body
    assert "<script" not in body
    assert "img-src data:;" in policy
    assert policy.startswith("sandbox allow-popups; default-src 'none'")


def test_presence_names_the_others_and_forgets_who_left(merchant, agent, ticket):
    sarah = client_of(make_member(merchant, "agent", name="Sarah"))
    assert "Wang Lei" not in agent.post(url("ticket_presence", ticket)).content.decode()
    assert (
        "Wang Lei is looking too"
        in sarah.post(url("ticket_presence", ticket), {"writing": "yes"}).content.decode()
    )
    assert "Sarah is writing" in agent.post(url("ticket_presence", ticket)).content.decode()
    sarah.post(url("ticket_presence", ticket), {"gone": "yes"})
    assert "Sarah" not in agent.post(url("ticket_presence", ticket)).content.decode()


def test_the_list_asks_the_same_number_of_queries_for_2_and_for_30(
    merchant, agent, django_assert_num_queries
):
    for _ in range(2):
        make_ticket(merchant, make_customer(merchant))
    agent.get(reverse("inbox_list"))
    with CaptureQueriesContext(connection) as few:
        agent.get(reverse("inbox_list"))
    for _ in range(28):
        make_ticket(merchant, make_customer(merchant))
    with CaptureQueriesContext(connection) as many:
        agent.get(reverse("inbox_list"))
    assert len(few) == len(many)


@pytest.mark.parametrize(
    "words, found", [("#1", True), ("parcel", False), ("Mei", True), ("mei@example", True), ("nobody", False)]
)
def test_search(agent, ticket, words, found):
    page = agent.get(reverse("inbox_list"), {"q": words}).content.decode()
    assert (f'data-talk="{ticket.number}"' in page) is found


def test_a_call_is_written_down_in_the_customers_name(agent, ticket):
    customer = ticket.customer
    data = {"customer": customer.pk, "channel": "phone", "text": "Called about an invoice.", "key": "x1"}
    for _ in range(2):
        assert agent.post(reverse("ticket_new"), data).status_code == 302
    with merchant_scope(ticket.merchant):
        made = Ticket.objects.filter(channel="phone").get()
    assert made.customer_id == customer.pk


def test_a_rivals_customer_can_not_be_named(rival_client, ticket):
    data = {"customer": ticket.customer_id, "channel": "phone", "text": "Called.", "key": "x1"}
    assert rival_client.post(reverse("ticket_new"), data).status_code == 422


def test_the_desks_cards_stand_on_the_customers_and_the_orders_page(agent, ticket):
    for page, card in (("customer_record", "customer_tickets"), ("order_record", "order_tickets")):
        pk = ticket.customer_id if page == "customer_record" else ticket.order_id
        href = reverse(card, args=[pk])
        assert href in agent.get(reverse(page, args=[pk])).content.decode()
        assert ticket.subject in agent.get(href).content.decode()
