"""Retention: what has had its time goes, chunk by chunk, counted before, written down after; nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.accounts.models import Notice
from crm.events.emitting import emit
from crm.events.models import Delivery as Owed
from crm.events.models import Event
from crm.lib.errors import Rejected
from crm.lib.retention import KINDS
from crm.lib.tenancy import merchant_scope
from customers import events
from customers.models import Customer, Erasure, Metrics, RetentionRule, RetentionRun
from customers.privacy.erasing import erasure_work
from customers.retention import services
from marketing.models import Delivery, Engagement
from service.models import Entry, Ticket
from tests.factories.accounts import make_member
from tests.factories.customers import make_customer
from tests.factories.marketing_mail import make_campaign
from tests.factories.orders import make_order
from tests.factories.service import make_ticket

LONG_AGO = timezone.now() - timedelta(days=900)


def keep(merchant, key: str, months: int | None) -> None:
    with merchant_scope(merchant):
        services.rule_set(merchant=merchant, key=key, months=months)


def would_go(merchant, key: str, months: int) -> int:
    with merchant_scope(merchant):
        return services.would_go(key=key, months=months)[0]


def age(person: Customer) -> Customer:
    """As if everything about them had happened long ago."""
    with merchant_scope(person.merchant):
        Customer.objects.filter(pk=person.pk).update(created_at=LONG_AGO)
        Event.objects.filter(customer_id=person.pk).update(occurred_at=LONG_AGO)
    return person


def notices(merchant, count: int, at) -> None:
    member = make_member(merchant, "agent")
    with merchant_scope(merchant):
        Notice.objects.bulk_create(
            Notice(merchant=merchant, member=member, kind="task", title="t", href="/", dedupe_key=f"{at}{n}",
                   created_at=at) for n in range(count)
        )  # fmt: skip


def test_nothing_goes_before_a_shop_chose(merchant):
    notices(merchant, 3, LONG_AGO)
    assert would_go(merchant, "accounts.notices", 12) == 3
    gone = services.work(merchant=merchant)
    assert sum(gone.values()) == 0 and "accounts.notices" not in gone
    with merchant_scope(merchant):
        assert Notice.objects.count() == 3 and not RetentionRun.objects.exists()


def test_the_night_takes_what_the_dry_run_counted_once_and_writes_it_down(merchant, rival, monkeypatch):
    monkeypatch.setattr(services, "CHUNK", 2)
    for shop in (merchant, rival):
        notices(shop, 5, LONG_AGO)
        notices(shop, 1, timezone.now() - timedelta(days=20))
    keep(merchant, "accounts.notices", 12)
    counted = would_go(merchant, "accounts.notices", 12)

    assert services.work(merchant=merchant)["accounts.notices"] == counted == 5
    assert services.work(merchant=merchant)["accounts.notices"] == 0
    with merchant_scope(merchant):
        assert Notice.objects.count() == 1
        run = RetentionRun.objects.get()
        assert run.rows == 5 and run.finished_at is not None
        told = Event.objects.get(name="customers.retention_run")
        assert told.data["rows"] == 5 and told.actor
    with merchant_scope(rival):
        assert Notice.objects.count() == 6


def test_a_night_that_was_cut_off_is_finished_by_the_next(merchant, monkeypatch):
    monkeypatch.setattr(services, "CHUNK", 2)
    notices(merchant, 5, LONG_AGO)
    keep(merchant, "accounts.notices", 12)
    kind, purge = KINDS["accounts.notices"], KINDS["accounts.notices"].purge
    calls = []

    def dies(border, limit):
        calls.append(limit)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return purge(border, limit)

    broken = type(kind)(**{**kind.__dict__, "purge": dies})
    with monkeypatch.context() as patch:
        patch.setitem(KINDS, "accounts.notices", broken)
        with pytest.raises(KeyboardInterrupt):
            services.work(merchant=merchant)
    with merchant_scope(merchant):
        assert Notice.objects.count() == 3
        assert list(RetentionRun.objects.values_list("rows", "finished_at")) == [(2, None)]
    assert services.work(merchant=merchant)["accounts.notices"] == 3


@pytest.mark.parametrize(
    ("key", "months"), [("events.log", 11), ("customers.prospects", 1), ("nonsense", 12), ("events.log", 999)]
)
def test_less_than_the_minimum_is_refused(merchant, key, months):
    with pytest.raises(Rejected):
        keep(merchant, key, months)
    with merchant_scope(merchant):
        assert not RetentionRule.objects.exists()


def test_forgotten_prospects_are_erased_and_everybody_else_stays(merchant):
    gone = age(make_customer(merchant, "Gone", email="gone@example.com"))
    buyer = make_customer(merchant, "Buyer")
    make_order(merchant, buyer)
    with merchant_scope(merchant):
        Metrics.objects.filter(customer=buyer).update(orders_count=1)
    heard = age(make_customer(merchant, "Heard"))
    with merchant_scope(merchant):
        emit(events.NOTE_ADDED, merchant=merchant, customer=heard, subject=heard, data={"author": "x"})
    opened = age(make_customer(merchant, "Opened", last_opened_at=timezone.now()))
    owned = age(make_customer(merchant, "Owned", owner=make_member(merchant, "agent")))
    supplier = age(make_customer(merchant, "Supplier", kind="supplier"))
    new = make_customer(merchant, "New")
    stay = [age(buyer), heard, opened, owned, supplier, new]

    assert would_go(merchant, "customers.prospects", 24) == 1
    keep(merchant, "customers.prospects", 24)
    services.work(merchant=merchant)
    with merchant_scope(merchant):
        request = Erasure.objects.get()
        assert (request.customer_id, request.reason) == (gone.pk, "retention")
        assert erasure_work(erasure_id=request.pk)
        gone.refresh_from_db()
        assert gone.erased_at is not None and gone.email == ""
        assert not Customer.objects.filter(pk__in=[one.pk for one in stay], erased_at__isnull=False).exists()
    assert services.work(merchant=merchant)["customers.prospects"] == 0


def test_solved_tickets_lose_their_words_and_keep_their_figures(merchant):
    person = make_customer(merchant, "Mei")
    old, fresh, open_one = (make_ticket(merchant, person, text=f"words {n}") for n in range(3))
    with merchant_scope(merchant):
        figures = (
            "number",
            "status",
            "opened_at",
            "solved_at",
            "first_responded_at",
            "customer_id",
            "updated_at",
        )
        Ticket.objects.filter(pk=old.pk).update(status="solved", solved_at=LONG_AGO, last_at=LONG_AGO)
        Ticket.objects.filter(pk=fresh.pk).update(status="solved", solved_at=timezone.now())
        Ticket.objects.filter(pk=open_one.pk).update(last_at=LONG_AGO)
        before = Ticket.objects.filter(pk=old.pk).values(*figures).get()
    keep(merchant, "service.tickets", 12)
    assert would_go(merchant, "service.tickets", 12) == 1
    assert services.work(merchant=merchant)["service.tickets"] == 1
    with merchant_scope(merchant):
        texts = dict(Entry.objects.values_list("ticket_id", "text"))
        assert texts == {old.pk: "—", fresh.pk: "words 1", open_one.pk: "words 2"}
        assert Ticket.objects.filter(pk=old.pk).values(*figures).get() == before
        told = Event.objects.filter(subject_type="service.ticket", subject_id=old.pk)
        assert told.exists() and not told.filter(data__has_key="subject").exists()


def test_opens_and_clicks_lose_the_reader_and_keep_the_count(merchant):
    person = make_customer(merchant, "Mei", email="mei@example.com")
    campaign = make_campaign(merchant)
    with merchant_scope(merchant):
        mail = Delivery.objects.create(
            merchant=merchant, campaign=campaign, customer=person, address="mei@example.com", state="sent",
            message_id="<1@x>", receipt="250 ok", opened_at=LONG_AGO, created_at=LONG_AGO,
        )  # fmt: skip
        Engagement.objects.create(
            merchant=merchant, delivery=mail, kind="open", user_agent="Mail 7", at=LONG_AGO
        )
    keep(merchant, "marketing.tracking", 12)
    assert services.work(merchant=merchant)["marketing.tracking"] == 1
    assert services.work(merchant=merchant)["marketing.tracking"] == 0
    with merchant_scope(merchant):
        mail.refresh_from_db()
        assert (mail.address, mail.receipt, mail.opened_at) == ("", "", LONG_AGO)
        assert list(Engagement.objects.values_list("kind", "user_agent")) == [("open", "")]


def test_the_log_goes_but_no_timeline(merchant):
    person = make_customer(merchant, "Mei")
    with merchant_scope(merchant):
        emit(events.NOTE_ADDED, merchant=merchant, customer=person, subject=person, data={"author": "x"})
        services.rule_set(merchant=merchant, key="events.log", months=12)
        Event.objects.update(created_at=LONG_AGO)
        assert services.would_go(key="events.log", months=12)[0] == 0, "somebody has to react to it still"
        Owed.objects.update(state="done")
        shown = Event.objects.filter(name="customers.note_added").count()
    assert services.work(merchant=merchant)["events.log"] >= 1
    with merchant_scope(merchant):
        assert Event.objects.filter(name="customers.note_added").count() == shown
        assert not Event.objects.filter(name="customers.retention_set").exists()


@pytest.mark.parametrize("key", sorted(KINDS))
def test_every_kind_counts_and_takes_nothing_of_an_empty_shop(merchant, key):
    with merchant_scope(merchant):
        assert KINDS[key].count(timezone.now()) == 0
        assert KINDS[key].purge(timezone.now(), 10) == 0


def test_the_page_counts_before_it_saves(member_client, merchant):
    notices(merchant, 3, LONG_AGO)
    owner = member_client("owner")
    page = owner.post("/settings/retention/accounts.notices/", {"months": "12", "try": "1"}).content.decode()
    assert "3 rows from before" in page
    with merchant_scope(merchant):
        assert not RetentionRule.objects.exists()
    assert owner.post("/settings/retention/accounts.notices/", {"months": "12"}).status_code == 302
    assert owner.post("/settings/retention/events.log/", {"months": "1"}).status_code == 422
    assert owner.post("/settings/retention/nonsense/", {"months": "12"}).status_code == 404
    assert member_client("agent").get("/settings/retention/").status_code == 403
    with merchant_scope(merchant):
        rule = RetentionRule.objects.get()
        assert (rule.months, rule.set_by) == (12, f"user:{owner.membership.user_id}")


def test_trying_to_keep_for_ever_saves_nothing_either(member_client, merchant):
    keep(merchant, "accounts.notices", 12)
    owner = member_client("owner")
    before = owner.get("/settings/retention/").content.decode()
    page = owner.post("/settings/retention/accounts.notices/", {"months": "", "try": "1"})
    words = "Nothing goes by itself."
    assert page.status_code == 200 and page.content.decode().count(words) == before.count(words) + 1
    with merchant_scope(merchant):
        assert RetentionRule.objects.get().months == 12
