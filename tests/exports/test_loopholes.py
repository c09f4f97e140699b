"""Ways around the second person and the requester's bounds, each of them closed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

from crm.accounts.changes import member_change
from crm.accounts.services import apikey_create
from crm.exports import services
from crm.exports.files import full_path
from crm.exports.models import Export
from crm.lib.tenancy import merchant_scope
from tests.exports.steps import State, again, ask, leave_once_running, people, used_up, write
from tests.factories.customers import make_customer
from tests.factories.fixtures import client_of, prove


def test_a_list_that_grew_while_its_requester_left_stops_quietly(owner, manager, merchant):
    used_up(manager)
    people(merchant, 2)
    export = ask(manager)
    people(merchant, 1)
    leave_once_running(manager)
    write(export)
    assert not list(full_path("exports").glob("*/*"))
    assert again(export).state != State.WAITING


def test_two_lists_that_grow_together_do_not_pass_the_limit_one_by_one(owner, manager, merchant):
    used_up(manager)
    make_customer(merchant, "Repeat", stage="repeat")
    make_customer(merchant, "Lead", stage="lead")
    first, second = ask(manager, query="stage=repeat"), ask(manager, query="stage=lead")
    make_customer(merchant, "Another", stage="repeat")
    assert (write(first).state, write(second).state) == (State.WAITING, State.READY)


def test_what_grew_counts_as_it_was_written(owner, manager, merchant):
    used_up(manager, left=3)
    people(merchant, 1)
    first = ask(manager)
    people(merchant, 2)
    assert (write(first).rows, ask(manager).state) == (3, State.WAITING)


def test_a_key_of_ones_own_is_no_second_person(owner, manager, merchant):
    people(merchant, 3)
    keys = [
        apikey_create(merchant=merchant, name=name, scopes=["exports.write"], actor=manager.user)[0]
        for name in ("one", "two")
    ]
    used_up(keys[0])
    fields = {"kind": "customers", "reason": "nightly copy", "format": "csv"}
    with merchant_scope(merchant):
        type(keys[1]).objects.update(scopes=["exports.write", "customers.read"])
        keys[1].refresh_from_db()
        by_key = services.export_ask(merchant=merchant, key=keys[1], **fields)
    states = [by_key.state, ask(manager).state, ask(owner).state]
    assert states == [State.WAITING, State.WAITING, State.QUEUED]


@pytest.mark.parametrize(
    "bounds", [{"visibility": "own"}, {"visibility": "all", "region": "West"}], ids=["own", "region"]
)
def test_whoever_sees_less_from_now_on_keeps_no_file_of_before(
    bounds, owner, manager, merchant, django_capture_on_commit_callbacks
):
    people(merchant, 2)
    export, waits = write(ask(manager)), ask(manager)
    path = full_path(export.file_path)
    with django_capture_on_commit_callbacks(execute=True):
        member_change(membership=manager, role="manager", team=None, actor=owner, **bounds)
    assert client_of(manager).get(f"/settings/exports/{export.pk}/download/").status_code == 409
    assert (path.exists(), again(export).state, again(waits).state) == (False, State.EXPIRED, State.QUEUED)
    assert write(waits).rows == 0  # read with the eyes of now


def test_a_new_role_alone_takes_no_file(owner, manager, merchant):
    people(merchant, 1)
    export = write(ask(manager))
    member_change(membership=manager, role="owner", team=None, visibility="all", actor=owner)
    assert again(export).state == State.READY


def test_who_agreed_and_sees_less_since_gets_no_file(owner, manager, merchant):
    used_up(owner)
    people(merchant, 3)
    export = ask(owner)
    with merchant_scope(merchant):
        services.export_approve(export=export, membership=manager)
    write(export)
    path = f"/settings/exports/{export.pk}/"
    assert client_of(manager).get(f"{path}download/").status_code == 200
    member_change(membership=manager, role="manager", team=None, visibility="own", actor=owner)
    assert [client_of(manager).get(path + part).status_code for part in ("", "download/")] == [404, 404]
    assert again(export).downloads == 1


def test_a_file_that_is_not_there_is_told(owner, merchant):
    """Lost with a disk, or deleted between the answer's two halves."""
    people(merchant, 1)
    export = write(ask(owner))
    full_path(export.file_path).unlink()
    assert client_of(owner).get(f"/settings/exports/{export.pk}/download/").status_code == 409


def test_whoever_has_a_second_factor_proves_it(owner, merchant):
    TOTP.activate(owner.user, generate_totp_secret())
    people(merchant, 1)
    client = prove(client_of(owner))
    prepared = client.post("/settings/exports/prepare/", {"kind": "customers"})
    by_password = client.get(prepared["Location"])
    session = client.session
    record_authentication(SimpleNamespace(session=session), owner.user, method="mfa")
    session.save()
    assert by_password["Location"].startswith("/accounts/2fa/reauthenticate/?next=%2Fsettings%2Fexports")
    assert client.get(prepared["Location"]).status_code == 200
    with merchant_scope(merchant):
        assert not Export.objects.exists()
