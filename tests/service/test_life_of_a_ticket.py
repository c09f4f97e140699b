"""Open, answered, replied, snoozed, solved: states, clocks, events and mail move together."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from crm.events.models import Event
from crm.integrations.models import OutboundMail
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope
from customers.registries import HOLDS
from service import events, tickets
from service.handlers import update_metrics
from service.models import Draft, Entry, Ticket
from service.tickets import Stranger, Words
from tests.factories.accounts import make_member
from tests.factories.customers import make_customer
from tests.factories.orders import make_order
from tests.factories.service import fresh, make_ticket

Status = Ticket.Status


@pytest.fixture
def agent(scoped):
    return make_member(scoped, "agent", name="Wang Lei")


@pytest.fixture
def ticket(scoped):
    return make_ticket(scoped, make_customer(scoped, "Mei", email="mei@example.com"))


def names_of(ticket: Ticket) -> list[str]:
    return list(
        Event.objects.filter(subject_type="service.ticket", subject_id=ticket.pk)
        .order_by("id")
        .values_list("name", flat=True)
    )


def answer(ticket, agent, text="It is on its way.", **more):
    return tickets.ticket_answer(
        merchant=ticket.merchant,
        ticket=ticket,
        words=Words(text, key=more.pop("key", "")),
        author=agent,
        **more,
    )


def test_a_new_ticket_waits_for_us_under_both_clocks(ticket):
    assert ticket.status == Status.OPEN
    assert ticket.number == 1
    assert ticket.first_response_due_at < ticket.resolve_due_at
    assert ticket.due_at == ticket.first_response_due_at
    assert ticket.waiting_since is not None
    assert names_of(ticket) == [events.TICKET_OPENED.name]
    assert "Where is my parcel" not in str(Event.objects.get().data)  # no words of anybody travel in events


def test_numbers_count_up_in_each_shop(scoped, rival):
    first, second = make_ticket(scoped), make_ticket(scoped)
    theirs = make_ticket(rival)
    assert [first.number, second.number, theirs.number] == [1, 2, 1]


def test_an_answer_leaves_by_mail_in_its_own_transaction_and_stops_the_clock(ticket, agent):
    entry = answer(ticket, agent)
    after = fresh(ticket)
    assert after.status == Status.PENDING
    assert after.due_at is None
    assert after.resolve_seconds_left > 0
    assert after.first_responded_at is not None
    assert after.assignee == agent
    mail = OutboundMail.objects.get()
    assert (mail.to, entry.mail_id, entry.message_id) == ("mei@example.com", mail.pk, mail.message_id)
    assert mail.headers["Reply-To"].startswith(f"ticket+{ticket.pk}-")
    assert mail.headers["Auto-Submitted"] == "no"


def test_an_answer_that_does_not_commit_sends_nothing(ticket, agent):
    def die_after_answering() -> None:
        with transaction.atomic():
            answer(ticket, agent)
            raise RuntimeError("the worker dies here")

    with pytest.raises(RuntimeError):
        die_after_answering()
    assert OutboundMail.objects.count() == 0
    assert Entry.objects.filter(kind="outbound").count() == 0
    assert fresh(ticket).status == Status.OPEN


def test_a_button_pressed_twice_answers_once(ticket, agent):
    first = answer(ticket, agent, key="form-1")
    second = answer(ticket, agent, key="form-1")
    assert first.pk == second.pk
    assert OutboundMail.objects.count() == 1


def test_nobody_answers_what_they_have_not_read(ticket, agent):
    seen = Entry.objects.get().pk
    tickets.ticket_receive(
        merchant=ticket.merchant, ticket=ticket, words=Words("One more thing"), channel="portal"
    )
    with pytest.raises(Conflict):
        answer(ticket, agent, seen_entry_id=seen)
    assert OutboundMail.objects.count() == 0


def test_a_thread_carries_references(ticket, agent):
    first = answer(ticket, agent)
    tickets.ticket_receive(
        merchant=ticket.merchant,
        ticket=ticket,
        words=Words("And?", message_id="<reply@example.com>"),
        channel="email",
    )
    answer(fresh(ticket), agent, "Tomorrow.")
    headers = OutboundMail.objects.order_by("-id").first().headers
    assert headers["In-Reply-To"] == "<reply@example.com>"
    assert headers["References"].split() == [first.message_id, "<reply@example.com>"]


def test_a_reply_opens_again_and_the_rest_of_the_clock_runs_on(ticket, agent):
    answer(ticket, agent)
    left = fresh(ticket).resolve_seconds_left
    tickets.ticket_receive(
        merchant=ticket.merchant, ticket=ticket, words=Words("Thanks, but"), channel="portal"
    )
    after = fresh(ticket)
    assert (after.status, after.unread, after.resolve_seconds_left) == (Status.OPEN, True, None)
    assert after.due_at is not None
    assert left > 0
    assert names_of(ticket)[-1] == events.CUSTOMER_REPLIED.name


def test_a_word_after_the_solution_opens_it_again(ticket, agent):
    answer(ticket, agent, solve=True)
    assert fresh(ticket).status == Status.SOLVED
    tickets.ticket_receive(
        merchant=ticket.merchant, ticket=ticket, words=Words("Not really"), channel="portal"
    )
    after = fresh(ticket)
    assert (after.status, after.solved_at) == (Status.OPEN, None)
    assert after.resolve_due_at > timezone.now()
    assert names_of(ticket)[-2:] == [events.CUSTOMER_REPLIED.name, events.TICKET_REOPENED.name]


def test_snoozing_sleeps_until_its_time_or_their_word(ticket):
    until = timezone.now() + timedelta(days=2)
    tickets.ticket_snooze(merchant=ticket.merchant, ticket=ticket, until=until)
    assert not tickets.ticket_wake(merchant=ticket.merchant, ticket=ticket)
    tickets.ticket_receive(merchant=ticket.merchant, ticket=ticket, words=Words("Hello?"), channel="portal")
    assert fresh(ticket).status == Status.OPEN
    tickets.ticket_snooze(merchant=ticket.merchant, ticket=ticket, until=until)
    Ticket.objects.filter(pk=ticket.pk).update(snoozed_until=timezone.now() - timedelta(seconds=1))
    assert tickets.ticket_wake(merchant=ticket.merchant, ticket=ticket)
    assert fresh(ticket).status == Status.OPEN


def test_the_past_is_no_time_to_snooze_to(ticket):
    with pytest.raises(Rejected):
        tickets.ticket_snooze(
            merchant=ticket.merchant, ticket=ticket, until=timezone.now() - timedelta(minutes=1)
        )
    assert fresh(ticket).status == Status.OPEN


def test_a_note_is_never_mailed_and_changes_no_state(ticket, agent):
    tickets.ticket_note(ticket=ticket, words=Words("She is a journalist."), author=agent)
    assert OutboundMail.objects.count() == 0
    assert fresh(ticket).status == Status.OPEN


@pytest.mark.parametrize(
    "who", ["analyst", "viewer", "rival"], ids=["may only look", "may only look too", "works elsewhere"]
)
def test_only_who_can_answer_here_is_given_a_ticket(ticket, rival, who):
    member = make_member(rival, "owner") if who == "rival" else make_member(ticket.merchant, who)
    with pytest.raises(Rejected):
        tickets.ticket_assign(ticket=ticket, assignee=member)
    assert fresh(ticket).assignee_id is None


def test_a_draft_is_kept_and_goes_with_the_answer(ticket, agent):
    tickets.draft_save(ticket=ticket, author=agent, text="Dear", kind="outbound")
    assert Draft.objects.get().text == "Dear"
    answer(ticket, agent)
    assert not Draft.objects.exists()


def test_the_customers_figures_follow(ticket, agent):
    update_metrics(Event.objects.filter(name=events.TICKET_OPENED.name).get())
    ticket.customer.metrics.refresh_from_db()
    assert (ticket.customer.metrics.open_tickets, ticket.customer.metrics.tickets_count) == (1, 1)
    answer(ticket, agent, solve=True)
    update_metrics(Event.objects.filter(name=events.TICKET_SOLVED.name).get())
    ticket.customer.metrics.refresh_from_db()
    assert (ticket.customer.metrics.open_tickets, ticket.customer.metrics.tickets_count) == (0, 1)


def test_an_open_ticket_holds_promotions_back(ticket, agent):
    def held() -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(HOLDS["open_complaint"].sql, {"merchant_id": ticket.merchant_id})
            return [row[0] for row in cursor.fetchall()]

    assert held() == [ticket.customer_id]
    answer(ticket, agent, solve=True)
    assert held() == []


def test_a_stranger_with_a_known_address_is_that_customer_and_nobody_is_invented(scoped):
    known = make_customer(scoped, "Mei", email="mei@example.com")
    theirs = make_ticket(scoped, contact=Stranger("Someone", "MEI@example.com"))
    strange = make_ticket(scoped, contact=Stranger("Someone", "nobody@example.com"))
    assert theirs.customer == known
    assert strange.customer is None


@pytest.mark.parametrize(
    "tier, price, cause, priority, codes",
    [
        ("", "10", "asked", "normal", []),
        ("Gold", "10", "asked", "high", ["tier"]),
        ("", "1000", "asked", "high", ["big_order"]),
        ("gold", "5000", "asked", "urgent", ["tier", "big_order"]),
        ("Bronze", "10", "late_parcel", "high", ["late_parcel"]),
        ("Gold", "5000", "late_parcel", "urgent", ["tier", "big_order", "late_parcel"]),
    ],
)
def test_tier_and_worth_become_priority_and_say_why(scoped, tier, price, cause, priority, codes):
    customer = make_customer(scoped, tier=tier)
    order = make_order(scoped, customer, lines=(("Tea", 1, price),))
    made = make_ticket(scoped, customer, order=order, cause=cause)
    assert made.priority == priority
    assert [reason["code"] for reason in made.priority_reasons] == codes


def test_empty_words_are_refused_and_leave_nothing(ticket, agent):
    with pytest.raises(Rejected):
        answer(ticket, agent, " \n\u0007 ")
    assert Entry.objects.count() == 1


def test_a_rival_never_sees_it(ticket, rival):
    with merchant_scope(rival):
        assert not Ticket.objects.exists()
        assert not Entry.objects.exists()
