"""Page-shaped reads of members, teams and keys."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from crm.accounts.models import ApiKey, ExchangeRate, Membership, Merchant, Team, User
from crm.accounts.permissions import TABLE, Role


def memberships_of(user: User) -> QuerySet[Membership]:
    """The user's active places in active shops."""
    mine = Membership.objects.select_related("merchant")
    return mine.filter(user=user, is_active=True, merchant__is_active=True)


def membership_by_slug(*, user: User, slug: str) -> Membership | None:
    """The user's active place in the shop with that short name."""
    return memberships_of(user).filter(merchant__slug=slug).first()


def member_list(*, merchant: Merchant) -> QuerySet[Membership]:
    """Everybody who works or worked here: active first, owners first, then by name."""
    rank = Case(*(When(role=role, then=Value(n)) for n, role in enumerate(Role)), output_field=IntegerField())
    members = Membership.objects.select_related("user", "team").filter(merchant=merchant)
    return members.order_by("-is_active", rank, "user__name", "user__email")


def team_list() -> QuerySet[Team]:
    """The shop's teams with the number of their active members."""
    return Team.objects.annotate(size=Count("memberships", filter=Q(memberships__is_active=True))).order_by(
        "name"
    )


def apikey_list() -> QuerySet[ApiKey]:
    """Keys that work first, newest first."""
    return ApiKey.objects.select_related("created_by", "team").order_by("revoked_at", "-created_at")


def rate_list() -> QuerySet[ExchangeRate]:
    return ExchangeRate.objects.order_by("currency", "-valid_from_on")


@dataclass(frozen=True)
class PermissionRow:
    name: str
    label: object
    allowed: list[bool]


@dataclass(frozen=True)
class PermissionArea:
    name: str
    rows: list[PermissionRow]


def permission_areas() -> list[PermissionArea]:
    """The permission table by area, a yes or no for each role in the order of `Role`."""
    areas: dict[str, list[PermissionRow]] = {}
    for name, (label, roles) in TABLE.items():
        row = PermissionRow(name, label, [role in roles for role in Role])
        areas.setdefault(name.partition(".")[0], []).append(row)
    return [PermissionArea(name, rows) for name, rows in areas.items()]


def actor_names(*, merchant: Merchant, actors: set[str] | None) -> dict[str, str]:
    """Who stands behind "user:7" and "key:3", by that text; None for everybody whom the shop knows.
    Two queries. In the merchant's scope."""
    if actors is None:
        everybody = User.objects.filter(memberships__merchant=merchant)
        names = {f"user:{user.pk}": user.get_full_name() for user in everybody}
        return names | {f"key:{key.pk}": key.name for key in ApiKey.objects.all()}
    ids: dict[str, set[int]] = {"user": set(), "key": set()}
    for actor in actors:
        kind, _, number = actor.partition(":")
        if kind in ids and number.isdigit():
            ids[kind].add(int(number))
    users = User.objects.filter(pk__in=ids["user"], memberships__merchant=merchant)
    keys = ApiKey.objects.filter(pk__in=ids["key"])
    names = {f"user:{user.pk}": user.get_full_name() for user in users}
    return names | {f"key:{key.pk}": key.name for key in keys}
