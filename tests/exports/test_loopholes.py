"""Ways around the second person and the requester's bounds, each of them closed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

from crm.accounts.changes import member_change
from crm.exports.files import full_path
from crm.exports.models import Export
from crm.lib.tenancy import merchant_scope
from tests.exports.steps import State, again, ask, people, write
from tests.factories.fixtures import client_of, prove


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
