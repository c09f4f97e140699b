"""Writes behind the settings pages: shop, profile, members, teams, rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm.accounts import events
from crm.accounts.handover.opening import handover_end
from crm.accounts.leaving import end_what_other_eyes_saw
from crm.accounts.models import AssignmentRule, ExchangeRate, Membership, Merchant, Team, User
from crm.accounts.permissions import Role
from crm.accounts.services import check_owner_stays
from crm.events import emitting
from crm.lib.errors import Conflict, Forbidden, Rejected
from crm.lib.tenancy import merchant_scope

# What the settings page may change. Not the base currency: every frozen rate in the books refers to it.
MERCHANT_FIELDS = frozenset(
    {"name", "time_zone", "locale", "country", "brand_color", "website"}
    | {"sender_name", "sender_email", "support_email", "postal_address"}
)


@transaction.atomic
def merchant_change(*, merchant: Merchant, changes: dict[str, Any]) -> list[str]:
    """The names of the fields that changed. Raises ValidationError for a wrong value."""
    locked = Merchant.objects.select_for_update().get(pk=merchant.pk)
    changed = [
        name for name in sorted(changes) if name in MERCHANT_FIELDS and getattr(locked, name) != changes[name]
    ]
    for name in changed:
        setattr(locked, name, changes[name])
    if changed:
        locked.full_clean()
        locked.save(update_fields=changed)
        _settings_changed(merchant, changed)
    return changed


def profile_change(*, user: User, name: str, language: str, time_zone: str = "") -> None:
    user.name, user.language, user.time_zone = name, language, time_zone
    user.save(update_fields=["name", "language", "time_zone"])


def user_language_set(*, user: User, language: str) -> None:
    user.language = language
    user.save(update_fields=["language"])


@transaction.atomic
def member_change(
    *,
    membership: Membership,
    role: str,
    team: Team | None,
    visibility: str,
    actor: Membership,
    region: str = "",
) -> list[str]:
    """The names of what changed.

    Raises Forbidden when somebody else than an owner changes one, Rejected when the last owner would go.
    """
    _check_rank(actor, membership.role, role)
    if membership.role == Role.OWNER and role != Role.OWNER:
        check_owner_stays(membership)
    wanted = {
        "role": role,
        "team_id": team.pk if team else None,
        "visibility": visibility,
        "region": region.strip(),
    }
    changed = [name for name, value in wanted.items() if getattr(membership, name) != value]
    for name in changed:
        setattr(membership, name, wanted[name])
    if changed:
        membership.save(update_fields=changed)
        _member_changed(membership, changed)
    if {"team_id", "visibility", "region"} & set(changed):
        with merchant_scope(membership.merchant):
            end_what_other_eyes_saw(membership)
    return changed


@transaction.atomic
def member_reactivate(*, membership: Membership, actor: Membership) -> None:
    """A former member may sign in here again, with the role they had; what nobody took over yet is theirs."""
    _check_rank(actor, membership.role, membership.role)
    membership.is_active, membership.deactivated_at = True, None
    membership.save(update_fields=["is_active", "deactivated_at"])
    with merchant_scope(membership.merchant):
        handover_end(membership=membership)
    _member_changed(membership, ["is_active"])


def check_may_name(actor: Membership, role: str) -> None:
    """Only an owner invites an owner. Raises Forbidden."""
    _check_rank(actor, role, role)


def _check_rank(actor: Membership, *roles: str) -> None:
    if Role.OWNER in roles and actor.role != Role.OWNER:
        raise Forbidden(_("Only an owner can make, change or deactivate an owner."))


@transaction.atomic
def team_save(*, merchant: Merchant, name: str, team: Team | None = None) -> Team:
    """The new or renamed team. Raises Conflict when the name is taken."""
    team = team or Team(merchant=merchant)
    team.name = name.strip()
    try:
        with transaction.atomic():
            team.save()
    except IntegrityError as error:
        text = _("There is a team of this name already.")
        raise Conflict(text, code="team_exists", fields={"name": [text]}) from error
    _settings_changed(merchant, ["teams"])
    return team


@transaction.atomic
def team_delete(*, team: Team) -> None:
    """Its members stay, without a team."""
    merchant = team.merchant
    rules = AssignmentRule.objects.select_for_update(of=("self",), no_key=True).filter(team=team)
    list(rules.order_by("pk"))  # before the members, as whoever gives something by a rule does
    theirs = Membership.objects.select_for_update(no_key=True).filter(merchant=merchant, team=team)
    left = list(theirs.order_by("pk"))
    team.delete()
    for membership in left:
        if membership.visibility == Membership.Visibility.TEAM:
            end_what_other_eyes_saw(membership)
    _settings_changed(merchant, ["teams"])


@transaction.atomic
def rate_set(*, merchant: Merchant, currency: str, rate: Decimal, valid_from_on: date) -> ExchangeRate:
    """The rate from that day on; orders that are in the books keep the rate they were frozen with."""
    if currency == merchant.base_currency:
        text = _("This is the currency of the books; its rate is always 1.")
        raise Rejected(text, code="base_currency", fields={"currency": [text]})
    row, _created = ExchangeRate.objects.update_or_create(
        merchant=merchant, currency=currency, valid_from_on=valid_from_on, defaults={"rate": rate}
    )
    _settings_changed(merchant, [f"rate {currency}"])
    return row


@transaction.atomic
def rate_delete(*, rate: ExchangeRate) -> None:
    merchant, currency = rate.merchant, rate.currency
    rate.delete()
    _settings_changed(merchant, [f"rate {currency}"])


def _settings_changed(merchant: Merchant, names: list[str]) -> None:
    emitting.emit(events.SETTINGS_CHANGED, merchant=merchant, data={"changes": ", ".join(names)})


def _member_changed(membership: Membership, names: list[str]) -> None:
    data = {"email": membership.user.email, "changes": ", ".join(names)}
    emitting.emit(events.MEMBER_CHANGED, merchant=membership.merchant_id, data=data)
