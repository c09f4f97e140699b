"""Taking a batch back: what it made goes, what it changed is as before, what others have touched since stays.

"Touched" is a changed `updated_at`, or any row of any app that points at it. What stays is listed with its
reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.events.emitting import Draft, emit_many
from crm.imports.models import Change, ImportBatch
from crm.imports.registry import Step
from crm.imports.sql import execute
from crm.imports.undoing import DELIVERY, EVENT, forget_events, keep, pointed_at, raw_delete
from customers.importing.undoing import undo_customers
from customers.models import Customer
from orders import metrics
from orders.importing.changing import restore
from orders.importing.events import ORDER_WITHDRAWN
from orders.importing.refunding import settle
from orders.models import Order, OrderLine, Product, Refund, RefundLine, SalesChannel, Variant

CHUNK = 500


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
    forget_events(batch, "orders.refund", ids)
    _forget_refund_events(batch, ids)
    raw_delete(RefundLine.objects.filter(refund_id__in=ids))
    raw_delete(Refund.objects.filter(pk__in=ids))
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
            keep(batch, "orders.order", order.pk, order.number, _("changed since by somebody else"))
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
    reasons = pointed_at(Order, ids, besides={OrderLine})
    line_ids = dict(OrderLine.objects.filter(order_id__in=ids).values_list("pk", "order_id"))
    for line_id, reason in pointed_at(OrderLine, list(line_ids), besides=set()).items():
        reasons.setdefault(line_ids[line_id], reason)
    for order in orders:
        if order.updated_at != order.created_at:
            reasons.setdefault(order.pk, _("changed since by somebody else"))
    for order in orders:
        if order.pk in reasons:
            keep(batch, "orders.order", order.pk, order.number, reasons[order.pk])
    gone = [order for order in orders if order.pk not in reasons]
    gone_ids = [order.pk for order in gone]
    forget_events(batch, "orders.order", gone_ids)
    raw_delete(OrderLine.objects.filter(order_id__in=gone_ids))
    raw_delete(Order.objects.filter(pk__in=gone_ids))
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
    reasons = pointed_at(model, ids, besides=set())
    for row in model.objects.filter(pk__in=list(reasons)):
        keep(batch, name, row.pk, str(row), reasons[row.pk])
    raw_delete(model.objects.filter(pk__in=[pk for pk in ids if pk not in reasons]))


# ------------------------------------------------------------------------------------------------ helpers
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
