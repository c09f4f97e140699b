"""The words in which reviews are filtered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

from customers.visibility import for_everybody, seen_by

if TYPE_CHECKING:
    from crm.accounts.models import Membership


class ReviewQuerySet(models.QuerySet[Any]):
    def visible_to(self, membership: Membership) -> ReviewQuerySet:
        """Those of the customers that the member sees, and those that belong to no customer."""
        condition = seen_by(membership, "customer__")
        if condition is None:
            return self
        return self.filter(condition | for_everybody(membership, Q(customer__isnull=True)))

    def pending(self) -> ReviewQuerySet:
        return self.filter(state="pending")

    def published(self) -> ReviewQuerySet:
        return self.filter(state="published")

    def unanswered(self) -> ReviewQuerySet:
        """Published or waiting, without the shop's reply."""
        return self.exclude(state="withheld").filter(reply__isnull=True)
