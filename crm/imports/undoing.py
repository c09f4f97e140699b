"""What every importer's undo needs: who points at a row, what stays and why, and rows that go for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.utils.translation import gettext as _

from crm.events.models import Delivery, Event

from .models import ImportBatch, KeptRow
from .sql import execute

EVENT, DELIVERY = Event._meta.db_table, Delivery._meta.db_table


def pointed_at(model: type[models.Model], ids: list[int], besides: set[Any]) -> dict[int, str]:
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


def restore(row: models.Model, before: Mapping[str, Any]) -> None:
    """Puts the columns back as a `Change` keeps them (unsaved)."""
    for name, value in before.items():
        field: Any = row._meta.get_field(name)
        setattr(row, field.attname, field.to_python(value) if value is not None else None)


def keep(batch: ImportBatch, model: str, object_id: int, label: str, reason: str) -> None:
    KeptRow.objects.get_or_create(
        merchant_id=batch.merchant_id,
        batch=batch,
        model=model,
        object_id=object_id,
        defaults={"label": label[:200], "reason": reason[:200]},
    )


def raw_delete(queryset: models.QuerySet[Any]) -> None:
    """One DELETE without Django's own cascade: the caller has looked at everything that points here, and the
    database's keys refuse what it overlooked."""
    queryset._raw_delete(queryset.db)


def forget_events(batch: ImportBatch, subject_type: str, ids: list[int]) -> None:
    """History that was only ever told by this import goes with it; the undo itself is announced."""
    values = [batch.merchant_id, subject_type, ids]
    where = "merchant_id = %s AND subject_type = %s AND subject_id = ANY(%s) AND backfill"
    execute(f"DELETE FROM {DELIVERY} WHERE event_id IN (SELECT id FROM {EVENT} WHERE {where})", values)
    execute(f"DELETE FROM {EVENT} WHERE {where}", values)
