"""The words in which orders are filtered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from customers.visibility import seen_by

if TYPE_CHECKING:
    from crm.accounts.models import Membership


class OrderQuerySet(models.QuerySet[Any]):
    def placed(self) -> OrderQuerySet:
        """Real sales: everything that was not cancelled."""
        return self.filter(cancelled_at__isnull=True)

    def paid(self) -> OrderQuerySet:
        return self.filter(paid_at__isnull=False)

    def guest(self) -> OrderQuerySet:
        return self.filter(customer__isnull=True)

    def late(self, on: Any) -> OrderQuerySet:
        """Promised before that merchant-local date and not delivered."""
        return self.placed().filter(promised_on__lt=on).exclude(fulfilment="delivered")

    def visible_to(self, membership: Membership) -> OrderQuerySet:
        """Orders of the customers that the member sees; guests' orders only for who sees everything."""
        condition = seen_by(membership, "customer__")
        return self if condition is None else self.filter(condition)
