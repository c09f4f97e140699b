"""Writes: merchants, members, keys, rates. Every one leaves its mark in the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts import events
from crm.accounts.handover.opening import handover_open
from crm.accounts.leaving import end_everything
from crm.accounts.models import ApiKey, ExchangeRate, Membership, Merchant, Team, User
from crm.accounts.permissions import PART_SCOPES, SCOPES, Role
from crm.events import emitting
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope


@transaction.atomic
def merchant_create(*, slug: str, name: str, base_currency: str = "CNY", **fields: object) -> Merchant:
    """A new merchant without members. Raises Rejected when the slug is taken or a value is wrong."""
    if Merchant.objects.filter(slug=slug).exists():
        raise Rejected(
            _("A shop with the short name %(slug)s exists already.") % {"slug": slug}, code="slug_taken"
        )
    merchant = Merchant(slug=slug, name=name, base_currency=base_currency, **fields)
    merchant.full_clean()
    merchant.save()
    return merchant


@transaction.atomic
def member_add(
    *,
    merchant: Merchant,
    email: str,
    role: str,
    name: str = "",
    password: str | None = None,
    team: Team | None = None,
    visibility: str = Membership.Visibility.ALL,
    region: str = "",
) -> Membership:
    """Makes the user when needed and gives them a place; without a password they set one by the invitation.

    Raises Conflict when they are a member already.
    """
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        user = User.objects.create_user(email, password, name=name)
    if Membership.objects.filter(merchant=merchant, user=user).exists():
        raise Conflict(_("%(email)s works here already.") % {"email": email}, code="member_exists")
    membership = Membership.objects.create(
        merchant=merchant,
        user=user,
        role=role,
        team=team,
        visibility=visibility,
        region=region.strip(),
    )
    emitting.emit(
        events.MEMBER_INVITED, merchant=merchant, data={"email": user.email, "role": Role(role).value}
    )
    return membership


@transaction.atomic
def member_deactivate(*, membership: Membership) -> None:
    """Ends the member's access at once: StaffMiddleware looks at every request; keys that they made and
    whatever apps registered (crm/accounts/leaving.py) end in the same transaction. What they hold stands in
    an open transfer from then on (crm/accounts/handover). The last owner can't go."""
    if membership.role == Role.OWNER:
        check_owner_stays(membership)
    membership.is_active = False
    membership.deactivated_at = timezone.now()
    membership.save(update_fields=["is_active", "deactivated_at"])
    with merchant_scope(membership.merchant):
        _keys_end(membership)
        end_everything(membership)
        handover_open(membership=membership)
    emitting.emit(
        events.MEMBER_DEACTIVATED, merchant=membership.merchant, data={"email": membership.user.email}
    )


def check_owner_stays(membership: Membership) -> None:
    """Must be called in the transaction in which this owner goes: all owners are locked until its end, by id,
    so that two who go at once don't wait for each other. Raises Rejected when there is no other."""
    owners = Membership.objects.select_for_update(no_key=True).filter(
        merchant=membership.merchant_id, role=Role.OWNER, is_active=True
    )
    if not set(owners.order_by("pk").values_list("pk", flat=True)) - {membership.pk}:
        raise Rejected(_("A shop needs an owner. Make somebody else owner first."), code="last_owner")


def _keys_end(membership: Membership) -> None:
    """A key that somebody could have copied is no safer than its maker's password."""
    for key in ApiKey.objects.usable().filter(created_by=membership.user_id):
        apikey_revoke(key=key)


@transaction.atomic
def apikey_create(
    *,
    merchant: Merchant,
    name: str,
    scopes: Iterable[str],
    actor: User | None = None,
    expires_at: datetime | None = None,
    bound: str = "",
    team: Team | None = None,
    region: str = "",
) -> tuple[ApiKey, str]:
    """(the key's row, its secret). The secret is never shown again. `bound` to "team" or "region", it sees
    that part of the shop. Raises Rejected for an unknown scope, or one that such a key can't have."""
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        message = (
            _("Unknown scope: %(names)s") % {"names": ", ".join(unknown)} if unknown else _("Choose a scope.")
        )
        raise Rejected(message, code="bad_scope", fields={"scopes": [message]})
    part = _part_of_shop(wanted, bound, team, region)
    prefix, secret, digest = ApiKey.fresh_secret()
    with merchant_scope(merchant):
        key = ApiKey.objects.create(
            merchant=merchant,
            name=name,
            prefix=prefix,
            digest=digest,
            scopes=wanted,
            created_by=actor,
            expires_at=expires_at,
            **part,
        )
        emitting.emit(
            events.APIKEY_CREATED, merchant=merchant, subject=key, data={"name": name, "scopes": wanted}
        )
    return key, secret


def _part_of_shop(scopes: list[str], bound: str, team: Team | None, region: str) -> dict[str, Any]:
    """The key's columns that bind it; empty for the whole shop. Whoever names a part and forgets to say that
    the key is bound to it gets no key for everything."""
    if not bound and team is None and not region.strip():
        return {}
    if not bound:
        raise _key_fault("bound", _("Choose one of the list."))
    more = sorted(set(scopes) - PART_SCOPES)
    if more:
        text = _("A key for a part of the shop only reads. It can't have: %(names)s")
        raise _key_fault("scopes", text % {"names": ", ".join(more)})
    if bound == ApiKey.Bound.TEAM and team is not None:
        return {"bound": bound, "team": team}
    if bound == ApiKey.Bound.REGION and region.strip():
        return {"bound": bound, "region": region.strip()}
    raise _key_fault("bound", _("Choose the team, or name the region."))


def _key_fault(name: str, message: str) -> Rejected:
    return Rejected(message, code="bad_key", fields={name: [message]})


@transaction.atomic
def apikey_revoke(*, key: ApiKey) -> None:
    """The key stops working with the next request."""
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    emitting.emit(events.APIKEY_REVOKED, merchant=key.merchant_id, subject=key, data={"name": key.name})


def rate_to_base(*, merchant: Merchant, currency: str, on: date) -> Decimal | None:
    """Units of base currency for one of `currency` on that day (the newest rate not after it, else the
    oldest); None when the merchant has no rate for it. One query, none for the base currency itself."""
    if currency == merchant.base_currency:
        return Decimal(1)
    rates = ExchangeRate.objects.filter(currency=currency)
    newest = rates.filter(valid_from_on__lte=on).order_by("-valid_from_on").first()
    chosen = newest or rates.order_by("valid_from_on").first()
    return chosen.rate if chosen else None
