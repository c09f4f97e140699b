"""Taking a batch back: what it made goes, what it changed is as before, what others have touched since stays.

"Touched" is a changed `updated_at`, or any row of any app that points at it. What stays is listed with its
reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.events.emitting import Draft, emit_many
from crm.events.models import Delivery, Event
from crm.imports.models import Change, ImportBatch, KeptRow
from crm.imports.registry import Step
from customers.models import Customer, DuplicatePair, Identity, MatchKeys, Metrics, SearchDocument
from orders import metrics
from orders.importing.changing import restore
from orders.importing.events import ORDER_WITHDRAWN
from orders.importing.refunding import settle
from orders.importing.tables import execute
from orders.models import Order, OrderLine, Product, Refund, RefundLine, SalesChannel, Variant

CHUNK = 500
# What the house keeps beside a customer by itself: no sign that anybody has touched them.
KEPT_BY_US: tuple[Any, ...] = (Identity, Metrics, SearchDocument, MatchKeys)
EVENT, DELIVERY = Event._meta.db_table, Delivery._meta.db_table


def steps(_batch: ImportBatch) -> Sequence[Step]:
    return [
        Step("undo_refunds", gettext_lazy("Taking back refunds"), 10, _size_of(Refund), undo_refunds),
        Step("undo_changes", gettext_lazy("Restoring changed orders"), 10, _changes, undo_changes),
        Step("undo_orders", gettext_lazy("Taking back orders"), 60, _size_of(Order), undo_orders),
        Step("undo_customers", gettext_lazy("Taking back customers"), 10, _size_of(Customer), undo_customers),
        Step("undo_products", gettext_lazy("Taking back products"), 10, _changes, undo_products),
    ]


def _size_of(model: Any) -> Any:
    def size(batch: ImportBatch) -> int:
        top = (
            model.objects.filter(import_batch_id=batch.pk)
            .order_by("-pk")
            .values_list("pk", flat=True)
            .first()
        )
        return int(top or 1)

    return size


def _changes(batch: ImportBatch) -> int:
    return int(Change.objects.filter(batch=batch).order_by("-pk").values_list("pk", flat=True).first() or 1)


def undo_refunds(batch: ImportBatch, cursor: int) -> int | None:
    found = list(
        Refund.objects.filter(import_batch_id=batch.pk, pk__gt=cursor)
        .order_by("pk")
        .values_list("pk", "order_id", "customer_id")[:CHUNK]
    )
    if not found:
        return None
    ids = [row[0] for row in found]
    orders = sorted({row[1] for row in found if row[1]})
    list(Order.objects.select_for_update().filter(pk__in=orders).order_by("pk").values_list("pk"))
    _forget_events(batch, "orders.refund", ids)
    _forget_refund_events(batch, ids)
    _raw_delete(RefundLine.objects.filter(refund_id__in=ids))
    _raw_delete(Refund.objects.filter(pk__in=ids))
    settle(batch, set(orders))
    _refresh(batch, (row[2] for row in found))
    return int(ids[-1])


def undo_changes(batch: ImportBatch, cursor: int) -> int | None:
    """Puts changed orders back as they were before the batch, unless somebody has changed them since."""
    changes = list(
        Change.objects.filter(
            batch=batch, model="orders.order", before__isnull=False, pk__gt=cursor
        ).order_by("pk")[: CHUNK // 5]
    )
    if not changes:
        return None
    orders = {
        order.pk: order
        for order in Order.objects.select_for_update()
        .filter(pk__in=[c.object_id for c in changes])
        .order_by("pk")
    }
    for change in changes:
        order = orders.get(change.object_id)
        if order is None:
            continue
        if change.stamp is not None and order.updated_at != change.stamp:
            _keep(batch, "orders.order", order.pk, order.number, _("changed since by somebody else"))
        else:
            restore(order, change.before or {})
    _refresh(batch, (order.customer_id for order in orders.values()))
    return int(changes[-1].pk)


def undo_orders(batch: ImportBatch, cursor: int) -> int | None:
    orders = list(
        Order.objects.select_for_update()
        .filter(import_batch_id=batch.pk, pk__gt=cursor)
        .order_by("pk")
        .only("pk", "number", "customer_id", "total", "currency", "created_at", "updated_at", "merchant_id")[
            :CHUNK
        ]
    )
    if not orders:
        return None
    ids = [order.pk for order in orders]
    reasons = _pointed_at(Order, ids, besides={OrderLine})
    line_ids = dict(OrderLine.objects.filter(order_id__in=ids).values_list("pk", "order_id"))
    for line_id, reason in _pointed_at(OrderLine, list(line_ids), besides=set()).items():
        reasons.setdefault(line_ids[line_id], reason)
    for order in orders:
        if order.updated_at != order.created_at:
            reasons.setdefault(order.pk, _("changed since by somebody else"))
    for order in orders:
        if order.pk in reasons:
            _keep(batch, "orders.order", order.pk, order.number, reasons[order.pk])
    gone = [order for order in orders if order.pk not in reasons]
    gone_ids = [order.pk for order in gone]
    _forget_events(batch, "orders.order", gone_ids)
    _raw_delete(OrderLine.objects.filter(order_id__in=gone_ids))
    _raw_delete(Order.objects.filter(pk__in=gone_ids))
    emit_many((_withdrawn(order) for order in gone), merchant=batch.merchant_id)
    _refresh(batch, (order.customer_id for order in gone))
    buyers = sorted({order.customer_id for order in gone if order.customer_id})
    metrics.stages_lower(merchant_id=batch.merchant_id, customer_ids=buyers)
    return int(ids[-1])


def _withdrawn(order: Order) -> Draft:
    data = {
        "number": order.number,
        "order_id": order.pk,
        "total": str(order.total),
        "currency": order.currency,
    }
    return Draft(ORDER_WITHDRAWN, order.customer_id, "orders.order", order.pk, data, str(order.pk))


def undo_customers(batch: ImportBatch, cursor: int) -> int | None:
    customers = list(
        Customer.objects.select_for_update()
        .filter(import_batch_id=batch.pk, pk__gt=cursor)
        .order_by("pk")
        .only("pk", "name", "email", "created_at", "updated_at", "merchant_id")[:CHUNK]
    )
    if not customers:
        return None
    ids = [customer.pk for customer in customers]
    reasons = _pointed_at(Customer, ids, besides={*KEPT_BY_US, DuplicatePair})
    decided = DuplicatePair.objects.exclude(state=DuplicatePair.State.OPEN)
    for pair in decided.filter(Q(low__in=ids) | Q(high__in=ids)):
        for pk in {pair.low_id, pair.high_id}.intersection(ids):
            reasons.setdefault(pk, _("somebody decided about a duplicate of it"))
    for customer in customers:
        if customer.updated_at != customer.created_at:
            reasons.setdefault(customer.pk, _("changed since by somebody else"))
        if customer.pk in reasons:
            _keep(batch, "customers.customer", customer.pk, str(customer), reasons[customer.pk])
    gone = [pk for pk in ids if pk not in reasons]
    _forget_events(batch, "customers.customer", gone)
    for model in KEPT_BY_US:
        _raw_delete(model.objects.filter(customer_id__in=gone))
    _raw_delete(DuplicatePair.objects.filter(Q(low__in=gone) | Q(high__in=gone)))
    _raw_delete(Customer.objects.filter(pk__in=gone))
    return int(ids[-1])


def undo_products(batch: ImportBatch, cursor: int) -> int | None:
    """Variants, then products, then the channel (they were made, and so are numbered, in the other order)."""
    top = cursor or _changes(batch) + 1
    changes = list(
        Change.objects.filter(batch=batch, before__isnull=True, pk__lt=top)
        .exclude(model="orders.order")
        .order_by("-pk")
        .values_list("pk", "model", "object_id")[: CHUNK * 10]
    )
    if not changes:
        return None
    for name, model in (
        ("orders.variant", Variant),
        ("orders.product", Product),
        ("orders.saleschannel", SalesChannel),
    ):
        ids = [object_id for _pk, kind, object_id in changes if kind == name]
        if ids:
            _drop_unused(batch, name, model, ids)
    return int(changes[-1][0])


def _drop_unused(batch: ImportBatch, name: str, model: Any, ids: list[int]) -> None:
    reasons = _pointed_at(model, ids, besides=set())
    for row in model.objects.filter(pk__in=list(reasons)):
        _keep(batch, name, row.pk, str(row), reasons[row.pk])
    _raw_delete(model.objects.filter(pk__in=[pk for pk in ids if pk not in reasons]))


# ------------------------------------------------------------------------------------------------ helpers
def _pointed_at(model: type[models.Model], ids: list[int], besides: set[Any]) -> dict[int, str]:
    """id → why it must stay: a row of another kind, in whatever app, that refers to it."""
    reasons: dict[int, str] = {}
    if not ids:
        return reasons
    # Hidden relations (related_name="+") too: a line points at its product without the product knowing.
    for relation in model._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ForeignObjectRel) or relation.related_model in besides:
            continue
        other: Any = relation.related_model
        name = relation.field.attname
        label = str(other._meta.verbose_name)
        for pk in other.objects.filter(**{f"{name}__in": ids}).values_list(name, flat=True).distinct():
            reasons.setdefault(pk, _("%(what)s depends on it") % {"what": label})
    return reasons


def _keep(batch: ImportBatch, model: str, object_id: int, label: str, reason: str) -> None:
    KeptRow.objects.get_or_create(
        merchant_id=batch.merchant_id,
        batch=batch,
        model=model,
        object_id=object_id,
        defaults={"label": label[:200], "reason": reason[:200]},
    )


def _raw_delete(queryset: models.QuerySet[Any]) -> None:
    """One DELETE without Django's own cascade: the caller has looked at everything that points here, and the
    database's keys refuse what it overlooked."""
    queryset._raw_delete(queryset.db)


def _forget_events(batch: ImportBatch, subject_type: str, ids: list[int]) -> None:
    """History that was only ever told by this import goes with it; the undo itself is announced."""
    values = [batch.merchant_id, subject_type, ids]
    where = "merchant_id = %s AND subject_type = %s AND subject_id = ANY(%s) AND backfill"
    execute(f"DELETE FROM {DELIVERY} WHERE event_id IN (SELECT id FROM {EVENT} WHERE {where})", values)
    execute(f"DELETE FROM {EVENT} WHERE {where}", values)


def _forget_refund_events(batch: ImportBatch, refund_ids: list[int]) -> None:
    """A refund's event has its order for a subject; its own id is the key under which it was announced
    once."""
    values = [batch.merchant_id, [str(pk) for pk in refund_ids]]
    where = "merchant_id = %s AND name = 'orders.order_refunded' AND dedupe_key = ANY(%s) AND backfill"
    execute(f"DELETE FROM {DELIVERY} WHERE event_id IN (SELECT id FROM {EVENT} WHERE {where})", values)
    execute(f"DELETE FROM {EVENT} WHERE {where}", values)


def _refresh(batch: ImportBatch, customer_ids: Iterable[int | None]) -> None:
    ids = sorted({pk for pk in customer_ids if pk})
    if ids:
        metrics.refresh(merchant_id=batch.merchant_id, customer_ids=ids)
