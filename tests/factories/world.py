"""A shop with one row of every tenant model, made by looking at the models, so that a new one is in at once.

Every text is a canary: `world.canary` must not turn up in anything that another shop is shown.
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.utils import timezone

from crm.accounts.models import Membership, Merchant
from crm.lib.tenancy import merchant_scope
from tests.factories.accounts import make_member, make_merchant

# What looking can't guess: a column that must make sense to a page, or satisfy a check of the database.
# (model label, field) → value, or a function of the world.
SENSE: dict[tuple[str, str], Any] = {
    ("orders.Order", "payment"): "paid",
    ("orders.Order", "rate"): Decimal(1),
    ("orders.Order", "cancelled_at"): None,
    ("customers.Note", "mentions"): [],
    ("accounts.Notice", "href"): "/",
    ("accounts.Handover", "state"): "open",
    ("accounts.HandoverMove", "state"): "done",
    ("accounts.HandoverMove", "how"): "even",
    ("accounts.HandoverMove", "kinds"): ["customers"],
    ("accounts.HandoverMove", "ids"): None,
    ("accounts.HandoverMove", "people"): [],
    ("accounts.HandoverMove", "receipt"): {},
    ("accounts.HandoverMove", "loads"): {},
    ("accounts.HandoverRow", "kind"): "customers",
    ("accounts.AssignmentRule", "subject"): "tickets",
    ("accounts.AssignmentRule", "conditions"): {},
    ("accounts.AssignmentRule", "people"): [],
    ("accounts.Notice", "read_at"): None,
    ("customers.Task", "assignee"): lambda world: world.member,
    ("customers.Task", "done_at"): None,
    ("customers.Task", "rule"): "FREQ=DAILY",
    ("customers.Task", "zone"): "UTC",
    ("customers.Company", "archived_at"): None,
    ("customers.Company", "owner"): lambda world: world.member,
    ("customers.CompanyContact", "roles"): ["buyer"],
    ("customers.Customer", "erased_at"): None,
    ("customers.BulkChange", "state"): "done",
    ("customers.BulkChange", "ids"): None,
    ("customers.FieldDefinition", "key"): lambda world: world.canary[:40],
    ("customers.FieldDefinition", "archived_at"): None,
    ("customers.FieldDefinition", "deleting_at"): None,
    ("accounts.SavedView", "list_key"): "customers",
    ("accounts.SavedView", "audience"): "all",
    ("accounts.SavedView", "query"): lambda world: f"q={world.canary}",
    ("accounts.DefaultView", "list_key"): "orders",
    # No region lies above it; the number is nobody's.
    ("customers.Region", "path"): "/0/",
    ("customers.Region", "country"): "",
    ("customers.Customer", "owner"): lambda world: world.member,
    ("customers.Customer", "email"): lambda world: f"{world.canary}@example.com",
    # One that was taken back: the world has no second customer whom it could give anything to.
    ("customers.MergeRecord", "state"): "undone",
    ("customers.DataPackage", "file_path"): "",
    ("customers.Identity", "kind"): "email",
    ("customers.Identity", "scope"): "",
    ("accounts.ApiKey", "revoked_at"): None,
    ("accounts.ApiKey", "expires_at"): None,
    ("accounts.ApiKey", "bound"): "",
    ("accounts.ApiKey", "prefix"): lambda world: world.canary[-10:],
    ("marketing.Segment", "archived_at"): None,
    ("marketing.Version", "letter"): "B",
    ("marketing.PaceLimit", "kind"): "domain",
    ("marketing.PaceLimit", "removed_at"): None,
    ("marketing.WarmupPlan", "amounts"): [50, 100, 200],
    ("marketing.Template", "archived_at"): None,
    ("integrations.Connection", "platform"): "shopify",
    ("imports.ImportBatch", "kind"): "orders",
    ("exports.Export", "kind"): "customers",
    ("exports.Export", "query"): "",
    ("exports.Export", "ids"): [],
    ("exports.Export", "approver"): None,
    ("exports.Export", "file_path"): "",
    ("exports.Export", "state"): "waiting_approval",
    ("exports.Export", "claimed_until"): None,
    ("service.BusinessHours", "closes"): datetime.time(18),
    # A number that no other shop's row has, so that finding it there is a leak and no coincidence.
    ("service.Ticket", "number"): lambda world: 7_000 + world.merchant.pk,
    ("orders.Return", "number"): lambda world: 7_000 + world.merchant.pk,
}


def tenant_models() -> list[type[models.Model]]:
    """Every model whose rows belong to a merchant."""
    return [model for model in apps.get_models() if getattr(model, "tenant_owned", False)]


def tenant_keys(model: type[models.Model]) -> list[Any]:
    """The foreign keys of the model that point at rows of merchants."""
    return [
        one
        for one in model._meta.local_fields
        if one.is_relation and getattr(one.related_model, "tenant_owned", False)
    ]


@dataclass
class World:
    merchant: Merchant
    member: Membership
    canary: str
    rows: dict[type[models.Model], models.Model] = field(default_factory=dict)

    def row(self, label: str) -> Any:
        """The row of the model "app.Model"."""
        return self.rows[apps.get_model(label)]

    def snapshot(self) -> dict[str, str]:
        """A digest of this shop's rows in every tenant table; one query."""
        rows = "(SELECT to_jsonb(t)::text AS one FROM {table} t WHERE merchant_id = %(merchant)s) r"
        one = f"SELECT '{{table}}', md5(coalesce(string_agg(one, '|' ORDER BY one), '')) FROM {rows}"
        sql = " UNION ALL ".join(one.format(table=model._meta.db_table) for model in tenant_models())
        with connection.cursor() as cursor:
            cursor.execute(sql, {"merchant": self.merchant.pk})
            return dict(cursor.fetchall())


def make_world(slug: str) -> World:
    """A merchant with an owner and a row of each tenant model, its relations filled."""
    canary = f"zz{slug}canary{uuid.uuid4().hex[:8]}"
    merchant = make_merchant(slug)
    world = World(
        merchant,
        make_member(merchant, "owner", email=f"{canary}@staff.example.com", name=canary, password=canary),
        canary,
    )
    with merchant_scope(merchant):
        for model in tenant_models():
            _row(world, model)
    return world


def _row(world: World, model: type[models.Model]) -> models.Model:
    if model in world.rows:
        return world.rows[model]
    values = {
        one.name: _value(world, model, one)
        for one in model._meta.local_fields
        if one.name != "merchant" and not (one.primary_key and not one.is_relation)
    }
    row: models.Model = model(merchant=world.merchant, **values)
    row.save(force_insert=True)
    world.rows[model] = row
    return row


def _value(world: World, model: type[models.Model], one: Any) -> Any:
    known = SENSE.get((model._meta.label, one.name), KeyError)
    if known is not KeyError:
        return known(world) if callable(known) else known
    if one.is_relation:
        return _related(world, model, one)
    if one.choices:
        return one.default if one.has_default() else one.choices[0][0]
    return _plain(world, one)


def _related(world: World, model: type[models.Model], one: Any) -> Any:
    target = one.related_model
    if target is model:
        return None
    if getattr(target, "tenant_owned", False):
        return _row(world, target)
    if target is Membership:
        return world.member
    return world.member.user if target is type(world.member.user) else None


def _plain(world: World, one: Any) -> Any:
    if isinstance(one, models.JSONField):
        return one.get_default() if one.has_default() else {}
    if isinstance(one, ArrayField):
        return (
            [world.canary[: one.base_field.max_length]]
            if isinstance(one.base_field, models.CharField)
            else []
        )
    if isinstance(one, models.BooleanField):
        return one.get_default() if one.has_default() else True
    if isinstance(one, models.UUIDField):
        return uuid.uuid4()
    if isinstance(one, models.DateTimeField):
        return timezone.now()
    if isinstance(one, models.DateField):
        return timezone.localdate()
    if isinstance(one, models.TimeField):
        return datetime.time(9)
    if isinstance(one, models.DecimalField | models.FloatField):
        return Decimal(1) if isinstance(one, models.DecimalField) else 1.0
    if isinstance(one, models.IntegerField):
        return one.get_default() if one.has_default() else 1
    if isinstance(one, models.EmailField):
        return f"{world.canary}@example.com"
    if isinstance(one, models.URLField):
        return f"https://{world.canary}.example.com/"
    if isinstance(one, models.BinaryField):
        return world.canary.encode()
    return _text(world, one)


def _text(world: World, one: Any) -> str:
    short = one.max_length is not None and one.max_length <= 10
    if one.name in ("currency", "base_currency"):
        return "CNY"
    if one.name in ("country", "language", "time_zone") or short:
        return one.get_default() if one.has_default() else world.canary[: one.max_length]
    return world.canary[: one.max_length or 500]
