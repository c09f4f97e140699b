"""From a list to a file: reason, password, second person, worker, download, and the end after a day."""

from __future__ import annotations

import csv
import io
import os
import time
from datetime import timedelta

import duckdb
import openpyxl
import pytest
from django.utils import timezone

from crm.accounts import permissions
from crm.accounts.models import Membership
from crm.accounts.services import member_deactivate
from crm.events.models import Event
from crm.exports import housekeeping, services, working
from crm.exports.files import full_path
from crm.exports.models import Export
from crm.integrations.models import OutboundMail
from crm.lib.errors import Conflict, Forbidden, NotFound, Rejected
from crm.lib.tenancy import merchant_scope
from tests.exports.steps import State, again, ask, leave_once_running, people, rows_of, told, used_up, write
from tests.factories.accounts import make_key, make_member, make_team
from tests.factories.customers import make_customer
from tests.factories.fixtures import client_of, prove

# --- the way of a small list --------------------------------------------------------------------------------


def test_a_small_list_is_written_and_fetched_and_every_step_is_in_the_log(owner, merchant):
    make_customer(merchant, "=cmd()", email="a@example.com", stage="repeat", tags=["x", "y"], net="12.5")
    make_customer(merchant, "Left out", stage="lead")
    client = prove(client_of(owner))

    prepared = client.post("/settings/exports/prepare/", {"kind": "customers", "query": "stage=repeat"})
    page = client.get(prepared["Location"])
    asked = client.post(prepared["Location"], {"format": "csv", "reason": "Christmas cards"})
    with merchant_scope(merchant):
        export = Export.objects.get()
    write(export)
    record = client.get(asked["Location"])
    download = client.get(f"/settings/exports/{export.pk}/download/")
    logged = told(export)  # before the body is read
    rows = list(csv.DictReader(io.StringIO(b"".join(download.streaming_content).decode("utf-8-sig"))))

    assert "Stage: Repeat customer" in page.content.decode()
    assert f"/settings/exports/{export.pk}/download/" in record.content.decode()
    assert [row["name"] for row in rows] == ["'=cmd()"]
    assert (rows[0]["email"], rows[0]["tags"], rows[0]["net"]) == ("a@example.com", "x, y", "12.5000")
    assert logged == ["export_asked", "export_ready", "data_exported"]
    with merchant_scope(merchant):
        taken = Event.objects.get(name="accounts.data_exported")
    assert taken.data == {"what": "customers", "rows": 1, "format": "csv", "filters": "stage=repeat"}
    assert taken.actor == f"user:{owner.user_id}"
    assert "no-store" in download["Cache-Control"]


def test_ticked_rows_alone_are_exported(owner, merchant):
    people(merchant, 3)
    with merchant_scope(merchant):
        from customers.models import Customer

        chosen = list(Customer.objects.order_by("pk").values_list("pk", flat=True)[:2])
    export = write(ask(owner, ids=chosen))
    assert sorted(int(row["id"]) for row in rows_of(export)) == chosen


def test_without_the_password_of_the_last_minutes_nothing_is_shown(owner, merchant):
    people(merchant, 1)
    client = client_of(owner)
    prepared = client.post("/settings/exports/prepare/", {"kind": "customers"})
    page = client.get(prepared["Location"])
    posted = client.post(prepared["Location"], {"format": "csv", "reason": "Christmas cards"})

    assert page["Location"].startswith("/accounts/reauthenticate/?next=%2Fsettings%2Fexports%2Fnew")
    assert posted["Location"].startswith("/accounts/reauthenticate/")
    with merchant_scope(merchant):
        assert not Export.objects.exists()


def test_a_password_of_six_minutes_ago_is_no_proof(owner, merchant):
    people(merchant, 1)
    client = prove(client_of(owner))
    session = client.session
    session["account_authentication_methods"][0]["at"] -= 360
    session.save()
    prepared = client.post("/settings/exports/prepare/", {"kind": "customers"})
    assert client.get(prepared["Location"])["Location"].startswith("/accounts/reauthenticate/")


@pytest.mark.parametrize(
    "fields",
    [{"reason": " - "}, {"format": "exe"}, {"kind": "secrets"}, {"query": "stage=lapsed"}],
    ids=["no reason", "format", "kind", "empty list"],
)
def test_what_makes_no_sense_is_refused(fields, owner, merchant):
    people(merchant, 1)
    with pytest.raises(Rejected):
        ask(owner, **fields)
    with merchant_scope(merchant):
        assert not Export.objects.exists()


@pytest.mark.parametrize("role", ["marketer", "agent", "analyst", "viewer"])
def test_other_roles_export_nothing(role, merchant):
    people(merchant, 1)
    member = make_member(merchant, role)
    assert client_of(member).post("/settings/exports/prepare/", {"kind": "customers"}).status_code == 403
    with pytest.raises(Forbidden):
        ask(member)


# --- the file -----------------------------------------------------------------------------------------------


def test_each_format_holds_the_same_rows(owner, merchant):
    make_customer(merchant, "李晓梅", net="12.5", orders_count=3)
    make_customer(merchant, '=HYPERLINK("http://evil")', net="-1")
    files = {one: full_path(write(ask(owner, format=one)).file_path) for one in ("csv", "xlsx", "parquet")}

    sheet = openpyxl.load_workbook(io.BytesIO(files["xlsx"].read_bytes())).active
    heads = [cell.value for cell in sheet[1]]
    net = heads.index("net")
    assert sheet[3][net].value == 12.5
    assert sheet[2][1].value == '=HYPERLINK("http://evil")'
    assert sheet[2][1].data_type == "s"
    found = duckdb.sql(
        f"SELECT name, net, orders, created_at FROM read_parquet('{files['parquet']}') ORDER BY net"
    ).fetchall()
    assert [(name, str(net), orders) for name, net, orders, _at in found] == [
        ('=HYPERLINK("http://evil")', "-1.0000", 0),
        ("李晓梅", "12.5000", 3),
    ]
    assert "李晓梅" in files["csv"].read_text(encoding="utf-8-sig")


def test_nobody_else_can_read_the_file_on_disk(owner, merchant):
    people(merchant, 1)
    path = full_path(write(ask(owner)).file_path)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o077) == (0o600, 0)


def test_personal_data_is_masked_once_the_right_to_see_it_is_gone(owner, merchant):
    make_customer(merchant, email="wang@example.cn", phone="+8613800138000")
    export = ask(owner)
    Membership.objects.filter(pk=owner.pk).update(role="analyst")
    row = rows_of(write(export))[0]
    assert (row["email"], row["phone"]) == ("w•••@example.cn", "'+86•••8000")


def test_a_file_with_personal_data_is_closed_to_who_lost_that_right(owner, merchant, monkeypatch):
    people(merchant, 1)
    export = write(ask(owner))
    # No role exports and sees masked data; the table may be changed into one, so the file asks by itself.
    owners = permissions._BY_ROLE["owner"] - {"customers.pii"}
    monkeypatch.setitem(permissions._BY_ROLE, "owner", owners)
    assert client_of(owner).get(f"/settings/exports/{export.pk}/download/").status_code == 403
    assert again(export).downloads == 0


def test_the_list_is_read_with_the_requesters_eyes(manager, merchant):
    people(merchant, 2)
    make_customer(merchant, "Mine", owner=manager)
    Membership.objects.filter(pk=manager.pk).update(visibility="own")
    manager.refresh_from_db()
    assert [row["name"] for row in rows_of(write(ask(manager)))] == ["Mine"]


# --- the second person --------------------------------------------------------------------------------------


def test_a_large_list_waits_and_a_second_person_sets_it_going(owner, manager, merchant):
    used_up(owner, manager)
    people(merchant, 3)
    export = ask(manager)
    assert export.state == State.WAITING
    assert write(export).state == State.WAITING
    with merchant_scope(merchant):
        assert list(OutboundMail.objects.values_list("to", flat=True)) == ["owner@example.com"]

    answer = prove(client_of(owner)).post(f"/settings/exports/{export.pk}/approve/")
    assert answer["Location"] == f"/settings/exports/{export.pk}/"
    export = write(export)

    assert (export.state, export.approver, len(rows_of(export))) == (State.READY, owner, 3)
    assert told(export) == ["export_asked", "export_approved", "export_ready"]
    with merchant_scope(merchant):
        assert OutboundMail.objects.filter(to="mia@example.com", subject__contains="approved").exists()
    for member in (owner, manager):
        assert client_of(member).get(f"/settings/exports/{export.pk}/download/").status_code == 200


def test_nobody_agrees_to_their_own(owner, manager, merchant):
    used_up(owner, manager)
    people(merchant, 3)
    export = ask(manager)
    assert prove(client_of(manager)).post(f"/settings/exports/{export.pk}/approve/").status_code == 403
    with merchant_scope(merchant), pytest.raises(Forbidden):
        services.export_approve(export=export, membership=manager)
    assert (again(export).state, told(export)) == (State.WAITING, ["export_asked"])


def test_agreeing_asks_for_the_password_too(owner, manager, merchant):
    used_up(owner, manager)
    people(merchant, 3)
    export = ask(manager)
    answer = client_of(owner).post(f"/settings/exports/{export.pk}/approve/")
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert again(export).state == State.WAITING


def test_who_sees_a_part_of_the_shop_agrees_to_nothing(owner, manager, merchant):
    used_up(owner, manager)
    people(merchant, 3)
    export = ask(owner)
    Membership.objects.filter(pk=manager.pk).update(visibility="team")
    assert prove(client_of(manager)).post(f"/settings/exports/{export.pk}/approve/").status_code == 404


def test_it_is_decided_once(owner, manager, merchant):
    used_up(owner, manager)
    people(merchant, 3)
    export = ask(manager)
    with merchant_scope(merchant):
        services.export_refuse(export=export, membership=owner, why="Ask me first.")
        with pytest.raises(Conflict):
            services.export_approve(export=export, membership=owner)
    assert (again(export).state, write(export).state) == (State.REFUSED, State.REFUSED)
    assert again(export).file_path == ""


def test_what_one_person_takes_in_a_day_counts_together(owner, manager, merchant):
    used_up(owner, manager)
    people(merchant, 2)
    first = ask(manager)
    second = ask(manager, reason="the same once more")
    assert (first.state, second.state) == (State.QUEUED, State.WAITING)
    assert ask(owner).state == State.QUEUED  # another person's day


def test_yesterday_does_not_count(owner, manager, merchant):
    used_up(owner, manager)
    people(merchant, 2)
    first = ask(manager)
    with merchant_scope(merchant):
        Export.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(hours=25))
    assert ask(manager).state == State.QUEUED


def test_a_list_that_grew_beyond_the_limit_goes_back_to_waiting(owner, manager, merchant):
    used_up(owner, manager)
    people(merchant, 2)
    export = ask(manager)
    people(merchant, 1)
    export = write(export)
    assert (export.state, export.rows_asked, export.file_path) == (State.WAITING, 3, "")
    assert not list(full_path("exports").glob("*/*"))


def test_where_nobody_else_could_agree_nobody_is_waited_for(owner, merchant):
    used_up(owner)
    people(merchant, 3)
    assert ask(owner).state == State.QUEUED


def test_putting_the_other_manager_out_does_not_make_one_alone(owner, manager, merchant):
    used_up(owner, manager)
    people(merchant, 3)
    member_deactivate(membership=manager)
    assert ask(owner).state == State.WAITING


# --- the end ------------------------------------------------------------------------------------------------


def test_after_a_day_there_is_no_file(owner, merchant, django_capture_on_commit_callbacks):
    people(merchant, 1)
    export = write(ask(owner))
    path = full_path(export.file_path)
    with merchant_scope(merchant):
        Export.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    # Before beat comes round, the link is dead already.
    assert client_of(owner).get(f"/settings/exports/{export.pk}/download/").status_code == 409
    with django_capture_on_commit_callbacks(execute=True):
        assert housekeeping.expire() == 1
    assert (path.exists(), again(export).state) == (False, State.EXPIRED)
    assert told(export)[-1] == "export_expired"


def test_another_managers_file_is_not_for_me(owner, manager, merchant):
    people(merchant, 1)
    export = write(ask(owner))
    assert client_of(manager).get(f"/settings/exports/{export.pk}/download/").status_code == 404
    with merchant_scope(merchant), pytest.raises(NotFound):
        services.export_fetch(export=export, membership=manager)
    assert again(export).downloads == 0


def test_the_rivals_owner_finds_no_export(owner, merchant, rival_client):
    people(merchant, 1)
    export = write(ask(owner))
    for part in ("", "download/"):
        assert rival_client.get(f"/settings/exports/{export.pk}/{part}").status_code == 404


def test_withdrawing_deletes_the_file(owner, merchant, django_capture_on_commit_callbacks):
    people(merchant, 1)
    export = write(ask(owner))
    path = full_path(export.file_path)
    with django_capture_on_commit_callbacks(execute=True):
        client_of(owner).post(f"/settings/exports/{export.pk}/withdraw/")
    assert (again(export).state, path.exists()) == (State.EXPIRED, False)


def test_whoever_leaves_takes_nothing_along(owner, manager, merchant, django_capture_on_commit_callbacks):
    people(merchant, 1)
    ready, queued = write(ask(manager)), ask(manager)
    path = full_path(ready.file_path)
    secret_key = make_key(merchant)[0]
    with merchant_scope(merchant):
        type(secret_key).objects.filter(pk=secret_key.pk).update(created_by=manager.user)
    with django_capture_on_commit_callbacks(execute=True):
        member_deactivate(membership=manager)

    assert (again(ready).state, again(queued).state, path.exists()) == (State.EXPIRED, State.EXPIRED, False)
    assert client_of(manager).get(f"/settings/exports/{ready.pk}/download/").status_code == 302
    assert write(queued).file_path == ""
    with merchant_scope(merchant):
        assert type(secret_key).objects.get(pk=secret_key.pk).revoked_at is not None


def test_a_writer_stops_when_its_requester_leaves(owner, manager, merchant):
    """Deactivated behind our back, without the hook: the writer looks by itself after each chunk."""
    people(merchant, 3)
    export = ask(manager)
    leave_once_running(manager)
    write(export)
    assert not list(full_path("exports").glob("*/*"))
    assert told(export) == ["export_asked"]
    with merchant_scope(merchant):
        Export.objects.update(claimed_until=None)
    assert write(export).state == State.EXPIRED


def test_a_killed_writers_export_is_written_by_the_next(owner, merchant):
    people(merchant, 1)
    export = ask(owner)
    with merchant_scope(merchant):
        left_behind = working._claim(export.pk, "dead").file_path
        assert working._claim(export.pk, "other") is None  # held
        Export.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert housekeeping.sweep() == 1
    export = write(export)
    assert (export.state, export.attempts) == (State.READY, 2)
    assert not full_path(left_behind).exists()


def test_what_fails_every_time_is_given_up(owner, merchant):
    people(merchant, 1)
    export = ask(owner)
    with merchant_scope(merchant):
        Export.objects.update(attempts=working.MAX_ATTEMPTS)
    export = write(export)
    assert (export.state, told(export)[-1]) == (State.FAILED, "export_failed")


def test_a_broken_writer_leaves_no_file_and_says_so(owner, merchant, monkeypatch):
    people(merchant, 1)
    export = ask(owner)
    monkeypatch.setattr(working, "write", lambda **_fields: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(export)
    assert again(export).state == State.FAILED
    assert again(export).error == "Unexpected: ZeroDivisionError"


def test_a_file_that_no_export_knows_is_removed(owner, merchant):
    people(merchant, 1)
    export = write(ask(owner))
    stray = full_path(export.file_path).parent / "stray"
    stray.write_text("left behind")
    long_ago = time.time() - housekeeping.ORPHAN_SECONDS - 1
    for path in (stray, full_path(export.file_path)):
        os.utime(path, (long_ago, long_ago))
    housekeeping.expire()
    assert (stray.exists(), full_path(again(export).file_path).exists()) == (False, True)


# --- what a list doesn't know is not the whole list ---------------------------------------------------------


@pytest.mark.parametrize("kind", ["customers", "companies", "orders", "consents"])
@pytest.mark.parametrize("query", ["stgae=lead", "kind=nonsense&team=999999"])
def test_a_filter_that_means_nothing_is_never_the_whole_list(scoped, owner, kind, query):
    make_customer(scoped)
    with pytest.raises(Rejected) as refused:
        ask(owner, kind=kind, query=query)
    assert refused.value.code_name == "unknown_filter"


def test_what_loses_its_meaning_while_it_waits_fails_in_words(scoped, owner):
    team = make_team(scoped, "East")
    make_customer(scoped, team=team)
    make_customer(scoped, "Stranger")
    export = ask(owner, query=f"team={team.pk}")
    team.delete()
    write(export)
    export.refresh_from_db()
    assert export.state == State.FAILED and "team" in export.error


def test_an_address_that_would_be_cut_short_is_refused(scoped, owner):
    make_customer(scoped)
    for more, code in (
        ({"query": "q=" + "x" * 2_000}, "long_query"),
        ({"ids": range(1, 1_002)}, "too_many_ids"),
    ):
        with pytest.raises(Rejected) as refused:
            services.export_ask(
                merchant=scoped,
                membership=owner,
                kind="customers",
                reason="for the books",
                format="csv",
                **more,
            )
        assert refused.value.code_name == code
