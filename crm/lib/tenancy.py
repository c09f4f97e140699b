"""The walls between merchants.

1. `TenantManager`: a query outside `merchant_scope(...)` raises, inside it sees one merchant only.
2. Constraints and hot indexes lead with `merchant`.
3. `MerchantForeignKey`: every join repeats the merchant, and the database holds a composite key
   (crm/lib/postgres/base.py).
4. tests/test_tenancy.py walks everything as a rival.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import models
from django.db.models.expressions import Col
from django.db.models.lookups import Exact
from django_scopes import get_scope, scope, scopes_disabled
from django_scopes.manager import DisabledQuerySet

M_co = TypeVar("M_co", bound=models.Model, covariant=True)
_ST = TypeVar("_ST")
_GT = TypeVar("_GT")


class TenantManager(models.Manager[M_co]):
    """Rows of the scope's merchant. Outside any scope every use raises django_scopes.ScopeError."""

    def get_queryset(self) -> models.QuerySet[M_co]:
        active = get_scope()
        queryset = super().get_queryset()
        if not active.get("_enabled", True):
            return queryset
        if "merchant" not in active:
            disabled: models.QuerySet[M_co] = DisabledQuerySet(
                self.model, using=self._db, missing_scopes=["merchant"]
            )
            return disabled
        return queryset.filter(merchant=active["merchant"])


class MerchantKey(models.ForeignKey[_ST, _GT]):
    """The `merchant` column itself; tells the schema editor that the table is tenant-owned."""

    tenant_key = True


class _SameMerchant:
    """What makes a relation stay inside its merchant."""

    same_merchant = True
    model: type[models.Model]
    remote_field: Any

    def get_extra_restriction(self, alias: Any, related_alias: Any) -> Any:
        """`alias.merchant_id = related_alias.merchant_id`; alias is the target, related_alias this table."""
        theirs: Any = self.remote_field.model._meta.get_field("merchant")
        ours: Any = self.model._meta.get_field("merchant")
        return Exact(Col(alias, theirs), Col(related_alias, ours))


class MerchantForeignKey(_SameMerchant, models.ForeignKey[_ST, _GT]):
    """A foreign key that can't leave the merchant, in joins and in the database."""


class MerchantOneToOneField(_SameMerchant, models.OneToOneField[_ST, _GT]):
    """The same, one to one; as primary key it makes a 1:1 side table."""


class TenantModel(models.Model):
    """A row that belongs to one merchant."""

    tenant_owned = True

    merchant: MerchantKey[Any, Any] = MerchantKey(
        "accounts.Merchant", on_delete=models.CASCADE, related_name="+", db_index=False
    )

    objects = TenantManager()

    class Meta:
        abstract = True


@contextmanager
def merchant_scope(merchant: Any) -> Iterator[None]:
    """Every query inside sees only this merchant (a Merchant or its id)."""
    with scope(merchant=merchant):
        yield


def scoped_merchant() -> Any:
    """The scope's merchant (object or id), or None outside any scope."""
    return get_scope().get("merchant")


def scoped_merchant_id() -> int:
    """The scope's merchant id. Raises LookupError outside a scope."""
    merchant = scoped_merchant()
    if merchant is None:
        raise LookupError("no merchant in scope")
    return int(getattr(merchant, "pk", merchant))


@contextmanager
def all_merchants(*, reason: str) -> Iterator[None]:
    """Lifts the wall: sweepers, migrations and look-ups by a global secret. Say why; grep finds them all."""
    if not reason:
        raise ValueError("say why the wall is lifted")
    with scopes_disabled():
        yield
