"""The audit log answers: who saw or exported what, who changed it, about whom, and when."""

from datetime import UTC, datetime

import pytest
from django.db import transaction
from django.urls import reverse

from crm.accounts import events
from crm.accounts.exports import export
from crm.events.actor import acting
from crm.events.emitting import emit
from crm.events.models import Event
from crm.exports.registry import Ask, exporter_for
from crm.lib.tenancy import merchant_scope
from customers.services import customer_change
from tests.factories.accounts import make_member
from tests.factories.customers import make_address, make_customer
from tests.factories.fixtures import client_of


@pytest.fixture
def story(merchant, owner):
    """Li's addresses were shown to the owner, Wu's to an agent, who renamed Li; then a list was exported."""
    agent = make_member(merchant, "manager", name="Mia Manager")
    li, wu = make_customer(merchant, "Li"), make_customer(merchant, "Wu")
    for one in (li, wu):
        make_address(one)
    client_of(owner).post(reverse("customer_reveal", args=[li.pk, "addresses"]))
    client_of(agent).post(reverse("customer_reveal", args=[wu.pk, "identities"]))
    with merchant_scope(merchant), acting(f"user:{agent.user_id}"):
        customer_change(customer=li, source="staff", name="Li Si")
        with transaction.atomic():
            export(merchant=merchant, what="customers", columns=["id"], rows=[], count=7, format="csv")
    return {"agent": agent, "li": li, "wu": wu}


def found(client, **asked):
    """The kinds of the lines on the page, and whom they concern."""
    page = client.get(reverse("audit_log"), asked)
    assert page.status_code == 200
    return [(row.event.name.partition(".")[2], row.event.customer_id) for row in page.context["rows"]]


def test_who_saw_or_exported_this_persons_data(owner, story):
    client, li = client_of(owner), story["li"]
    assert found(client, customer=li.pk, sort="seen") == [("data_exported", None), ("pii_revealed", li.pk)]
    assert found(client, customer=li.pk, sort="changed") == [("customer_changed", li.pk)]
    link = f"{reverse('audit_log')}?customer={li.pk}&amp;sort=seen"
    assert link in client.get(reverse("customer_record", args=[li.pk])).content.decode()


def test_only_who_may_read_the_log_is_led_to_it(merchant, story, member_client):
    record = reverse("customer_record", args=[story["li"].pk])
    for client in (member_client("agent"), member_client("manager", region=story["li"].region or "X")):
        page = client.get(record)
        assert reverse("audit_log") not in page.content.decode()


def test_by_whom_when_and_in_which_words(owner, story):
    client, agent = client_of(owner), story["agent"]
    mine = found(client, actor=f"user:{agent.user_id}")
    assert [name for name, _customer in mine] == ["data_exported", "customer_changed", "pii_revealed"]
    assert found(client, name="accounts.pii_revealed", q="IDENT") == [("pii_revealed", story["wu"].pk)]
    assert found(client, since="2999-01-01") == []
    assert found(client, until="1999-01-01") == []
    assert len(found(client, since="31.2.2026", sort="nonsense", customer="x'")) == 4


def test_days_are_the_shops(merchant, owner):
    """Shanghai's 11 November ends at 16:00 UTC."""
    with merchant_scope(merchant), transaction.atomic(), acting(f"user:{owner.user_id}"):
        for changes in ("before", "after"):
            emit(events.SETTINGS_CHANGED, merchant=merchant, data={"changes": changes})
        before, after = Event.objects.order_by("pk")
        Event.objects.filter(pk=before.pk).update(created_at=datetime(2026, 11, 11, 15, 59, tzinfo=UTC))
        Event.objects.filter(pk=after.pk).update(created_at=datetime(2026, 11, 11, 16, 0, tzinfo=UTC))
    page = client_of(owner).get(reverse("audit_log"), {"since": "2026-11-11", "until": "2026-11-11"})
    assert [row.event.pk for row in page.context["rows"]] == [before.pk]


def test_as_a_file_for_those_who_may(merchant, owner, story, rival):
    exporter = exporter_for("audit")
    with merchant_scope(merchant):
        ask = Ask(merchant, owner, f"customer={story['li'].pk}&sort=seen")
        columns, rows = exporter.table(exporter.select(ask), whole=True)
        table = [dict(zip([one.name for one in columns], row, strict=True)) for row in rows]
        bound = make_member(merchant, "manager", visibility="own")
        assert not exporter.select(Ask(merchant, bound, "")).exists()
    assert [(one["event"], one["who"]) for one in table] == [
        ("accounts.data_exported", "Mia Manager"),
        ("accounts.pii_revealed", "Olga Owner"),
    ]
    with merchant_scope(rival):
        assert not exporter.select(Ask(rival, make_member(rival, "owner"), "")).exists()
