"""Ways around the second person and the requester's bounds, each of them closed."""

from __future__ import annotations

from types import SimpleNamespace

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

from crm.exports.models import Export
from crm.lib.tenancy import merchant_scope
from tests.exports.steps import people
from tests.factories.fixtures import client_of, prove


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
