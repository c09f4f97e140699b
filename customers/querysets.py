"""The words in which customers are filtered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from customers.visibility import of_member, seen_by

if TYPE_CHECKING:
    from crm.accounts.models import Membership


class CustomerQuerySet(models.QuerySet[Any]):
    def present(self) -> CustomerQuerySet:
        """Neither erased nor absorbed by another customer."""
        return self.filter(erased_at__isnull=True, merged_into__isnull=True)

    def visible_to(self, membership: Membership) -> CustomerQuerySet:
        """What the member's visibility and region let them see (customers/visibility.py)."""
        condition = seen_by(membership)
        return self if condition is None else self.filter(condition)

    def tagged(self, tag: str) -> CustomerQuerySet:
        return self.filter(tags__contains=[tag])


class CompanyQuerySet(models.QuerySet[Any]):
    def active(self) -> CompanyQuerySet:
        """Neither archived nor taken up by another."""
        return self.filter(archived_at__isnull=True)

    def visible_to(self, membership: Membership) -> CompanyQuerySet:
        """By the same rule as customers (customers/visibility.py)."""
        condition = seen_by(membership)
        return self if condition is None else self.filter(condition)


class TaskQuerySet(models.QuerySet[Any]):
    def open(self) -> TaskQuerySet:
        return self.filter(done_at__isnull=True)

    def visible_to(self, membership: Membership) -> TaskQuerySet:
        """Their own (given to them or written by them); with `team` those of the team's members; or all, but
        for a member bound to a region only those about customers and companies whom they see."""
        condition = seen_by(membership)
        if condition is None:
            return self
        mine = of_member(membership, "assignee") | of_member(membership, "creator")
        if membership.visibility == "team" and membership.team_id:
            mine |= models.Q(assignee__team=membership.team_id)
        if membership.visibility == "all":
            for about in ("customer", "company"):
                condition = seen_by(membership, f"{about}__")
                assert condition is not None
                mine |= models.Q(**{f"{about}__isnull": False}) & condition
        return self.filter(mine)
