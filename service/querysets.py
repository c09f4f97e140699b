"""The words in which tickets are filtered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from customers.visibility import for_everybody, in_region, of_member, seen_by

if TYPE_CHECKING:
    from crm.accounts.models import Membership


class TicketQuerySet(models.QuerySet[Any]):
    def open(self) -> TicketQuerySet:
        """The ball is in our court."""
        return self.filter(status="open")

    def unsolved(self) -> TicketQuerySet:
        return self.filter(status__in=["open", "pending", "snoozed"])

    def unassigned(self) -> TicketQuerySet:
        return self.filter(assignee__isnull=True)

    def assigned_to(self, membership: Membership) -> TicketQuerySet:
        return self.filter(assignee=membership)

    def overdue(self) -> TicketQuerySet:
        return self.open().filter(due_at__lt=timezone.now())

    def visible_to(self, membership: Membership) -> TicketQuerySet:
        """All; or one's own, those of the customers one sees, and what is nobody's; or the team's too.

        Nobody's: unassigned, of a stranger or of a customer whom nobody looks after (in the member's region,
        where they are bound to one)."""
        theirs = seen_by(membership, "customer__")
        if theirs is None:
            return self
        unkept = Q(customer__owner__isnull=True, customer__team__isnull=True)
        if membership.region:
            unkept &= in_region(membership.region, "customer__")
        nobodys = Q(assignee__isnull=True) & (Q(customer__isnull=True) | unkept)
        mine = of_member(membership, "assignee") | for_everybody(membership, nobodys)
        if membership.visibility == "team" and membership.team_id:
            mine |= Q(assignee__team=membership.team_id)
        return self.filter(mine | theirs)

    def about(self, words: str) -> TicketQuerySet:
        """By number, or words in the subject, the person's name or address."""
        words = words.strip()
        bare = words.lstrip("#")
        hit = (
            Q(subject__icontains=words) | Q(contact_email__icontains=words) | Q(contact_name__icontains=words)
        )
        hit |= Q(customer__name__icontains=words) | Q(customer__email__icontains=words)
        hit |= Q(order__number__iexact=words)
        if bare.isdecimal() and len(bare) < 10:
            hit |= Q(number=int(bare))
        return self.filter(hit)
