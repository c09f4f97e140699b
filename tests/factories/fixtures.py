"""Fixtures that every app's tests may ask for; tests/conftest.py loads this as a plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from allauth.account.internal.flows.login import record_authentication
from django.test import Client

from crm.accounts.models import Membership, Merchant
from crm.lib.tenancy import merchant_scope
from tests.factories.accounts import make_member, make_merchant

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def merchant(db: None) -> Merchant:
    """The shop under test, in CNY; nobody works there yet."""
    return make_merchant("qinghe", name="Qinghe Tea")


@pytest.fixture
def rival(db: None) -> Merchant:
    """Another shop of the same installation, which must never see or touch the first one's rows."""
    return make_merchant("rival", name="Rival Coffee")


@pytest.fixture
def scoped(merchant: Merchant) -> Iterator[Merchant]:
    """The shop under test, and the whole test inside its scope."""
    with merchant_scope(merchant):
        yield merchant


@pytest.fixture
def owner(merchant: Merchant) -> Membership:
    return make_member(merchant, "owner", email="owner@example.com", name="Olga Owner")


def client_of(membership: Membership) -> Client:
    """A browser in which the member is signed in to that shop; carries `membership` and `merchant`."""
    client = Client()
    client.force_login(membership.user, backend=BACKEND)
    session = client.session
    session["merchant_id"] = membership.merchant_id
    session.save()
    client.membership = membership  # type: ignore[attr-defined]
    client.merchant = membership.merchant  # type: ignore[attr-defined]
    return client


def prove(client: Client) -> Client:
    """The browser as it is right after its user typed the password."""
    user, session = client.membership.user, client.session  # type: ignore[attr-defined]
    record_authentication(SimpleNamespace(session=session), user, method="password")
    session.save()
    return client


@pytest.fixture
def member_client(merchant: Merchant) -> Callable[..., Client]:
    """`member_client("agent")`: a signed-in browser of a new member with that role in the shop under test;
    `member_client("agent", merchant=rival, visibility="own")` for others."""

    def make(role: str = "owner", **fields: object) -> Client:
        return client_of(make_member(fields.pop("merchant", merchant), role, **fields))  # type: ignore[arg-type]

    return make


@pytest.fixture
def rival_client(rival: Merchant) -> Client:
    """The rival's owner, signed in."""
    return client_of(make_member(rival, "owner", email="owner@rival.example"))
