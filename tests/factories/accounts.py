"""Merchants, members, teams, API keys, rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

from crm.accounts.models import ApiKey, ExchangeRate, Membership, Merchant, Team, User
from crm.accounts.permissions import SCOPES, Role
from crm.accounts.services import apikey_create
from crm.lib.tenancy import merchant_scope

_numbers = count(1)


def make_merchant(slug: str = "", **fields: Any) -> Merchant:
    """A shop that keeps its books in CNY, in Shanghai, in English; no members."""
    slug = slug or f"shop-{next(_numbers)}"
    fields.setdefault("name", slug.replace("-", " ").title())
    return Merchant.objects.create(slug=slug, **fields)


def make_user(email: str = "", *, password: str | None = None, **fields: Any) -> User:
    """Without a password (hashing is slow) the user signs in by `client.force_login` only."""
    return User.objects.create_user(email or f"staff{next(_numbers)}@example.com", password, **fields)


def make_member(
    merchant: Merchant, role: str = Role.OWNER, *, user: User | None = None, **fields: Any
) -> Membership:
    """A member; `email`, `name` and `password` go to the user, the rest to the membership."""
    known = {name: fields.pop(name) for name in ("email", "name", "password", "language") if name in fields}
    return Membership.objects.create(merchant=merchant, user=user or make_user(**known), role=role, **fields)


def make_team(merchant: Merchant, name: str = "") -> Team:
    with merchant_scope(merchant):
        return Team.objects.create(merchant=merchant, name=name or f"Team {next(_numbers)}")


def make_key(merchant: Merchant, *scopes: str, name: str = "test") -> tuple[ApiKey, str]:
    """(row, secret); every scope unless some are named."""
    return apikey_create(merchant=merchant, name=name, scopes=scopes or tuple(SCOPES))


def make_rate(merchant: Merchant, currency: str, rate: str, on: date = date(2020, 1, 1)) -> ExchangeRate:
    with merchant_scope(merchant):
        return ExchangeRate.objects.create(
            merchant=merchant, currency=currency, rate=Decimal(rate), valid_from_on=on
        )
