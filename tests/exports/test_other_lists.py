"""Every list that can be exported, and programs that export."""

from __future__ import annotations

import csv
import io

import pytest

from crm.accounts.services import apikey_create
from crm.exports import registry, working
from crm.exports.files import full_path
from crm.exports.models import Export
from crm.lib.tenancy import merchant_scope
from tests.api.conftest import ApiClient
from tests.exports.steps import used_up
from tests.factories.accounts import make_key, make_member
from tests.factories.customers import make_customer
from tests.factories.fixtures import client_of, prove
from tests.factories.world import make_world

QUERIES = {
    "audit": lambda world: f"customer={world.row('events.Event').customer_id}",
    "handover": lambda world: f"move={world.row('accounts.HandoverMove').pk}",
    "customers": lambda world: "",
    "companies": lambda world: "",
    "company_contacts": lambda world: "",
    "consents": lambda world: "",
    "consent_ledger": lambda world: "",
    "orders": lambda world: "",
    "reviews": lambda world: "state=all",
    "tickets": lambda world: "view=open",
    "segment_people": lambda world: f"segment={world.row('marketing.Segment').pk}",
    "campaign_people": lambda world: f"campaign={world.row('marketing.Campaign').pk}",
}


def test_every_exporter_is_tried_below():
    assert sorted(QUERIES) == registry.kinds()


@pytest.mark.parametrize("kind", sorted(QUERIES))
def test_a_list_becomes_a_file_for_who_sees_it_and_for_nobody_else(kind, db):
    world, rival = make_world("victim"), make_world("rival")
    query = QUERIES[kind](world)
    client = prove(client_of(world.member))
    prepared = client.post("/settings/exports/prepare/", {"kind": kind, "query": query})
    assert client.get(prepared["Location"]).status_code == 200
    answer = client.post(prepared["Location"], {"format": "csv", "reason": "to look at it"})
    with merchant_scope(world.merchant):
        export = Export.objects.order_by("-pk").first()
    assert answer["Location"] == f"/settings/exports/{export.pk}/"
    working.work_on(merchant_id=world.merchant.pk, export_id=export.pk)
    with merchant_scope(world.merchant):
        export.refresh_from_db()
        rows = list(csv.DictReader(io.StringIO(full_path(export.file_path).read_text("utf-8-sig"))))
    assert len(rows) == 1
    assert world.canary in str(rows)
    # The rival names the same ids and gets nothing: a list that isn't theirs, or only their own rows.
    asker = prove(client_of(rival.member))
    prepared = asker.post("/settings/exports/prepare/", {"kind": kind, "query": query})
    page = asker.get(prepared["Location"])
    assert world.canary not in page.content.decode()


@pytest.mark.parametrize("kind", sorted(set(QUERIES)))
def test_a_member_bound_to_their_own_customers_exports_nobody_elses(kind, db):
    world = make_world("victim")
    colleague = make_member(world.merchant, "manager", visibility="own")
    with merchant_scope(world.merchant):
        from service.models import Ticket

        Ticket.objects.update(assignee=world.member)
        ask = registry.Ask(world.merchant, colleague, QUERIES[kind](world))
        assert registry.exporter_for(kind).select(ask).count() == 0
        everyone = registry.Ask(world.merchant, world.member, QUERIES[kind](world))
        assert registry.exporter_for(kind).select(everyone).count() == 1


# --- programs -----------------------------------------------------------------------------------------------


def test_a_program_asks_waits_and_fetches(merchant):
    make_customer(merchant, "Repeat", stage="repeat")
    make_customer(merchant, "Lead", stage="lead")
    program = ApiClient(make_key(merchant, "exports.read", "exports.write", "customers.read")[1])
    body = {"kind": "customers", "reason": "nightly copy", "query": "stage=repeat", "format": "csv"}
    asked = program.post_json("exports/", body)
    assert (asked.status_code, asked.json()["state"], asked.json()["rows_asked"]) == (202, "queued", 1)
    pk = asked.json()["id"]
    assert program.get(f"exports/{pk}/download/").status_code == 409

    working.work_on(merchant_id=merchant.pk, export_id=pk)
    assert program.get(f"exports/{pk}/").json()["state"] == "ready"
    file = program.get(f"exports/{pk}/download/")
    assert b"Repeat" in b"".join(file.streaming_content)

    other = ApiClient(make_key(merchant)[1])  # the same shop, another key
    assert [other.get(f"exports/{pk}/{part}").status_code for part in ("", "download/")] == [404, 404]
    assert other.get("exports/").json()["results"] == []


@pytest.mark.parametrize(
    "scopes, status",
    [
        (("exports.write",), 403),
        (("exports.read", "customers.read"), 403),
        (("exports.write", "orders.read"), 403),
        (("exports.write", "customers.read"), 202),
    ],
    ids=str,
)
def test_a_key_needs_the_lists_scope_and_the_exports(scopes, status, merchant):
    make_customer(merchant)
    program = ApiClient(make_key(merchant, *scopes)[1])
    answer = program.post_json("exports/", {"kind": "customers", "reason": "nightly copy"})
    assert answer.status_code == status


@pytest.mark.parametrize("body", [{}, {"kind": "customers"}, {"kind": "customers", "reason": "x"}], ids=str)
def test_a_program_gives_a_reason_too(body, merchant):
    make_customer(merchant)
    assert ApiClient(make_key(merchant)[1]).post_json("exports/", body).status_code == 422


def test_who_made_the_key_does_not_agree_to_its_export(merchant, owner, manager):
    make_customer(merchant)
    scopes = ["exports.write", "customers.read"]
    key, secret = apikey_create(merchant=merchant, name="sync", scopes=scopes, actor=owner.user)
    used_up(key, left=0)
    body = {"kind": "customers", "reason": "nightly copy"}
    pk = ApiClient(secret).post_json("exports/", body).json()["id"]
    path = f"/settings/exports/{pk}/approve/"
    assert prove(client_of(owner)).post(path).status_code == 403
    assert prove(client_of(manager)).post(path).status_code == 302
    with merchant_scope(merchant):
        assert Export.objects.get(pk=pk).approver == manager


def test_a_revoked_keys_export_is_not_written(merchant):
    make_customer(merchant)
    key, secret = make_key(merchant)
    pk = ApiClient(secret).post_json("exports/", {"kind": "customers", "reason": "nightly copy"}).json()["id"]
    with merchant_scope(merchant):
        from crm.accounts.services import apikey_revoke

        apikey_revoke(key=key)
    working.work_on(merchant_id=merchant.pk, export_id=pk)
    with merchant_scope(merchant):
        assert Export.objects.get(pk=pk).state == Export.State.EXPIRED
