"""Whose customers a member sees: one answer for pages, search, counts, charts, exports and live notices.

Everything that hangs on a customer (orders, tickets, reviews, mails) is narrowed by the same words.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from crm.accounts.models import Membership
from customers.models.region import Region
from customers.regions.naming import place_key

Visibility = Membership.Visibility


def in_region(region: str, prefix: str = "") -> Q:
    """Customers of the region that a membership names: by the word, or anywhere in the regions of the tree
    that go by it. One query."""
    named = Region.objects.filter(keys__contains=[place_key(region)]).values_list("path", flat=True)
    condition = Q(**{f"{prefix}region__iexact": region})
    for path in named:
        inside = Region.objects.filter(path__startswith=path)
        condition |= Q(**{f"{prefix}located_in__in": inside.values("pk")})
    return condition


def of_member(membership: Membership, path: str) -> Q:
    """Rows that are the member's by that column; none for who is nobody in particular, such as an API key
    (never "is NULL")."""
    return Q(**{path: membership.pk}) if membership.pk is not None else Q(pk__in=[])


def for_everybody(membership: Membership, condition: Q) -> Q:
    """Rows that are nobody's and so for whoever works here; none for an API key that is bound to a part of
    the shop, for they lie in no part."""
    return condition if membership.pk is not None else Q(pk__in=[])


def seen_by(membership: Membership, prefix: str = "") -> Q | None:
    """The condition on a customer (at `prefix`, such as "customer__"), None for who sees everything.

    One's own customers always; beyond them the team's (theirs by name, or a teammate's) or everybody's, and
    of those only the region's where the member is bound to one.
    """
    if membership.sees_everything:
        return None
    own = of_member(membership, f"{prefix}owner")
    if membership.visibility == Visibility.ALL:
        return own | in_region(membership.region, prefix)
    if membership.visibility != Visibility.TEAM or not membership.team_id:
        return own
    mates = Membership.objects.filter(merchant=membership.merchant_id, team=membership.team_id)
    ours = Q(**{f"{prefix}team": membership.team_id}) | Q(**{f"{prefix}owner__in": mates.values("pk")})
    return own | (ours & in_region(membership.region, prefix) if membership.region else ours)


def narrowed(rows: QuerySet[Any], membership: Membership, prefix: str = "") -> QuerySet[Any]:
    """The rows whose customer the member sees."""
    condition = seen_by(membership, prefix)
    return rows if condition is None else rows.filter(condition)
