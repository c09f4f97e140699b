"""Which colleague, customer or company a value means, by id or by a name that only one has. None: nobody."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from crm.accounts.models import Membership
from crm.lib.tenancy import scoped_merchant_id
from customers.models import Company, Customer
from customers.normalising import normalise_email


def _members() -> QuerySet[Membership]:
    """Who works here. Memberships are not scoped, so the merchant is named."""
    return Membership.objects.filter(merchant_id=scoped_merchant_id(), is_active=True)


def member_by_id(pk: int) -> int | None:
    return _members().filter(pk=pk).values_list("pk", flat=True).first()


def member_named(text: str) -> int | None:
    return _members().filter(user__email__iexact=text).values_list("pk", flat=True).first()


def customer_by_id(pk: int) -> int | None:
    """Of a merged one, whoever they are now."""
    now = Customer.objects.filter(pk=pk).values("merged_into_id")
    rows = Customer.objects.present().filter(Q(pk=pk) | Q(pk__in=now))
    found: int | None = rows.values_list("pk", flat=True).first()
    return found


def customer_named(text: str) -> int | None:
    email = normalise_email(text)
    if not email:
        return None
    rows = Customer.objects.present().filter(identities__kind="email", identities__value=email)
    found: int | None = rows.values_list("pk", flat=True).first()
    return found


def company_by_id(pk: int) -> int | None:
    rows = Company.objects.filter(pk=pk, merged_into__isnull=True)
    return rows.values_list("pk", flat=True).first()


def company_named(text: str) -> int | None:
    named = Company.objects.filter(name__iexact=text, merged_into__isnull=True)
    rows = list(named.values_list("pk", flat=True)[:2])
    return rows[0] if len(rows) == 1 else None
