"""Making and changing the shop's fields. What customers have in them is never lost by a slip."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg2.extras import Json, execute_values

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.lib.errors import Conflict, Rejected
from customers import events
from customers.fields import selectors
from customers.fields.checking import CHANGEABLE, changed_by, fault, fill
from customers.fields.values import Misfit, Reader, clean_value
from customers.models import FieldDefinition

Type = FieldDefinition.Type
KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
# A form of more fields than this is a questionnaire.
MOST_FIELDS = 200
# Values that one request rewrites; a second or two. More are a new field's business.
MOST_CONVERTED = 50_000
SAMPLE = 20
CHUNK = 5_000


def field_create(
    *, merchant: Merchant, label: str, type: str, key: str = "", **values: Any
) -> FieldDefinition:
    """A new field at the end of the form. Without a key it gets one from its label.

    Raises Rejected with the input's name for what makes no sense, Conflict when the key is taken.
    """
    made = FieldDefinition(merchant=merchant, type=type, applies_to=values.pop("applies_to", "customer"))
    if made.applies_to not in selectors.HOLDERS:
        raise fault("applies_to", _("Choose what the field belongs to."))
    made.key = key.strip() or key_of(label)
    if not KEY.fullmatch(made.key):
        raise fault("key", _("A key is small letters of English, digits and _, and starts with a letter."))
    fill(made, values | {"label": label})
    return _add(merchant, made)


@transaction.atomic
def _add(merchant: Merchant, made: FieldDefinition) -> FieldDefinition:
    siblings = FieldDefinition.objects.filter(applies_to=made.applies_to)
    places = list(siblings.values_list("position", flat=True)[: MOST_FIELDS + 1])
    if len(places) >= MOST_FIELDS:
        raise Rejected(
            _("A shop can have at most %(most)s fields.") % {"most": MOST_FIELDS}, code="too_many_fields"
        )
    made.position = max(places, default=0) + 1
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        text = _("There is a field with the key “%(key)s” already; archived ones count too.") % {
            "key": made.key
        }
        raise Conflict(text, code="field_exists", fields={"key": [text]}) from error
    emit(events.FIELD_CREATED, merchant=merchant, subject=made, data=_facts(made))
    return made


def key_of(label: str) -> str:
    """`Favourite tea` → `favourite_tea`; of a label without Latin letters `field_<number>`."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    key = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40].rstrip("_")
    if key and key[0].isalpha():
        return key
    taken = FieldDefinition.objects.filter(key__startswith="field_").values_list("key", flat=True)
    numbers = [int(one[6:]) for one in taken if one[6:].isdigit()]
    return f"field_{max(numbers, default=0) + 1}"


# --- changing -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Holder:
    """Somebody whose value doesn't fit what the field is to become."""

    id: int
    name: str
    value: Any
    reason: str


@dataclass(frozen=True)
class Trial:
    """What a change would do to the values that are there. `misfits` holds the first of them."""

    values: int
    fitting: int
    misfits: list[Holder]

    @property
    def lost(self) -> int:
        return self.values - self.fitting


def field_try(*, definition: FieldDefinition, changes: Mapping[str, Any]) -> Trial:
    """The dry run of `field_change`: nothing is written. Reads every value once, in constant memory.

    Raises Rejected as `field_change` does.
    """
    wanted = changed_by(definition, changes)
    reader = Reader(definition.merchant)
    misfits: list[Holder] = []
    values = fitting = 0
    rows = selectors.holders(definition).order_by("pk").iterator(chunk_size=CHUNK)
    for row in rows:
        values += 1
        old = row.attributes[definition.key]
        try:
            clean_value(wanted, converted(definition, wanted, old), reader)
            fitting += 1
        except Misfit as misfit:
            if len(misfits) < SAMPLE:
                misfits.append(Holder(row.pk, str(row), old, str(misfit)))
    return Trial(values, fitting, misfits)


@transaction.atomic
def field_change(
    *, definition: FieldDefinition, changes: Mapping[str, Any], drop_misfits: bool = False
) -> list[str]:
    """The names of what changed. A new type, list or rule brings the values that are there into the new form.

    Values that don't fit raise Conflict ("values_dont_fit") and nothing changes, unless `drop_misfits` says
    that they may go. Locks the definition. Raises Rejected for what makes no sense.
    """
    stored = FieldDefinition.objects.select_for_update().get(pk=definition.pk)
    wanted = changed_by(stored, changes)
    changed = sorted(name for name in CHANGEABLE if getattr(stored, name) != getattr(wanted, name))
    if not changed:
        return []
    if {"type", "rules", "choices"} & set(changed):
        _convert(stored, wanted, drop_misfits)
    if "is_unique" in changed and wanted.is_unique:
        _check_unique_now(wanted)
    for name in changed:
        setattr(stored, name, getattr(wanted, name))
        setattr(definition, name, getattr(wanted, name))
    stored.save(update_fields=changed)
    data = _facts(stored) | {"changes": ", ".join(changed)}
    emit(events.FIELD_CHANGED, merchant=stored.merchant_id, subject=stored, data=data)
    return changed


def converted(old: FieldDefinition, new: FieldDefinition, value: Any) -> Any:
    """A stored value as the new type may read it: a label instead of a choice's code, words of a list."""
    if old.type == new.type:
        return value
    if old.has_choices and not new.has_choices:
        labels = old.labels
        return ", ".join(str(labels.get(one, one)) for one in (value if isinstance(value, list) else [value]))
    if isinstance(value, bool) and new.type in (Type.TEXT, Type.LONG, Type.CHOICE, Type.CHOICES):
        return _("yes") if value else _("no")
    if isinstance(value, list) and new.type == Type.CHOICE:
        return value[0] if len(value) == 1 else ", ".join(value)
    return value


def _convert(old: FieldDefinition, new: FieldDefinition, drop_misfits: bool) -> None:
    rows = selectors.holders(old)
    if rows[: MOST_CONVERTED + 1].count() > MOST_CONVERTED:
        text = _("More than %(most)s customers have a value here. Archive this field and add a new one.")
        raise Rejected(text % {"most": MOST_CONVERTED}, code="too_many_values")
    reader, lost = Reader(old.merchant), 0
    pairs: list[tuple[int, Any]] = []
    for row in rows.select_for_update(of=("self",)).order_by("pk").iterator(chunk_size=CHUNK):
        try:
            value = clean_value(new, converted(old, new, row.attributes[old.key]), reader)
        except Misfit:
            value, lost = None, lost + 1
        if value != row.attributes[old.key] or type(value) is not type(row.attributes[old.key]):
            pairs.append((row.pk, value))
    if lost and not drop_misfits:
        text = _("%(count)s values don't fit. Look at them first, or let them go.") % {"count": lost}
        raise Conflict(text, code="values_dont_fit")
    attribute_write(old, pairs)


def attribute_write(definition: FieldDefinition, pairs: Iterable[tuple[int, Any]]) -> None:
    """Sets (None: takes away) one field of many rows; one statement for each 1,000."""
    table = selectors.HOLDERS[definition.applies_to]._meta.db_table
    sql = f"""
        UPDATE {table} t SET attributes = CASE WHEN v.value = 'null'::jsonb THEN t.attributes - v.key
            ELSE jsonb_set(t.attributes, ARRAY[v.key], v.value) END
        FROM (VALUES %s) AS v (merchant_id, id, key, value)
        WHERE t.merchant_id = v.merchant_id AND t.id = v.id
    """
    rows = [(definition.merchant_id, pk, definition.key, Json(value)) for pk, value in pairs]
    if rows:
        with connection.cursor() as cursor:
            template = "(%s::bigint, %s::bigint, %s, %s::jsonb)"
            execute_values(cursor.cursor, sql, rows, template=template, page_size=1_000)


@transaction.atomic
def references_move(*, merchant: Merchant, type: str, old: int, new: int) -> int:
    """Values of the shop's fields of this type that name row `old` name `new` from now on; how many. Locks
    their holders. A query and an update for each such field."""
    moved = 0
    for one in FieldDefinition.objects.filter(merchant=merchant, type=type):
        rows = selectors.holders(one).filter(attributes__contains={one.key: old})
        ids = list(rows.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
        attribute_write(one, [(pk, new) for pk in ids])
        moved += len(ids)
    return moved


def _check_unique_now(definition: FieldDefinition) -> None:
    table = selectors.HOLDERS[definition.applies_to]._meta.db_table
    sql = f"""
        SELECT attributes -> %s FROM {table}
        WHERE merchant_id = %s::bigint AND jsonb_exists(attributes, %s) AND merged_into_id IS NULL
        GROUP BY 1 HAVING count(*) > 1 LIMIT 1
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [definition.key, definition.merchant_id, definition.key])
        if cursor.fetchone():
            raise fault("is_unique", _("Some customers share a value already."))


# --- order, archive, end -----------------------------------------------------------------------------------


@transaction.atomic
def fields_order(*, merchant: Merchant, ids: Iterable[int]) -> None:
    """The fields in this order; those not named keep their order behind them."""
    wanted = list(dict.fromkeys(ids))
    rows = list(FieldDefinition.objects.select_for_update().in_order())
    known = {row.pk: row for row in rows}
    named = [known[pk] for pk in wanted if pk in known]
    for position, row in enumerate([*named, *(one for one in rows if one.pk not in set(wanted))], start=1):
        row.position = position
    FieldDefinition.objects.bulk_update(rows, ["position"])
    emit(events.FIELD_CHANGED, merchant=merchant, data={"label": _("all"), "changes": "order"})


@transaction.atomic
def field_move(*, definition: FieldDefinition, up: bool) -> None:
    """One place up or down among those in use; at the end it stays."""
    rows = list(FieldDefinition.objects.filter(applies_to=definition.applies_to).in_use().in_order())
    ids = [row.pk for row in rows]
    if definition.pk not in ids:
        return
    at = ids.index(definition.pk)
    to = at - 1 if up else at + 1
    if 0 <= to < len(ids):
        ids[at], ids[to] = ids[to], ids[at]
        fields_order(merchant=definition.merchant, ids=ids)


@transaction.atomic
def field_archive(*, definition: FieldDefinition, archive: bool = True) -> None:
    """Out of forms, lists and filters, or back into them; the values stay either way."""
    if definition.deleting_at is not None:
        raise Conflict(_("This field is being deleted."), code="field_deleting")
    if (definition.archived_at is not None) == archive:
        return
    definition.archived_at = timezone.now() if archive else None
    definition.save(update_fields=["archived_at"])
    data = _facts(definition) | {"changes": "archived" if archive else "restored"}
    emit(events.FIELD_CHANGED, merchant=definition.merchant_id, subject=definition, data=data)


@transaction.atomic
def field_delete(*, definition: FieldDefinition) -> None:
    """Marks the field; the event's handler takes its values away, then the row. Only an archived one that
    nothing uses goes: raises Conflict otherwise."""
    if definition.archived_at is None:
        raise Conflict(_("Archive the field first."), code="field_in_use")
    if uses := selectors.uses_of(definition):
        names = ", ".join(str(use.name) for use in uses[:5])
        raise Conflict(_("Still used by %(names)s.") % {"names": names}, code="field_in_use")
    definition.deleting_at = timezone.now()
    definition.save(update_fields=["deleting_at"])
    emit(events.FIELD_DELETED, merchant=definition.merchant_id, subject=definition, data=_facts(definition))


@transaction.atomic
def field_strip(*, definition: FieldDefinition) -> int:
    """Takes the values of a deleted field away, then the definition; how many rows had one. One statement."""
    table = selectors.HOLDERS[definition.applies_to]._meta.db_table
    sql = f"""
        UPDATE {table} SET attributes = attributes - %s
        WHERE merchant_id = %s::bigint AND jsonb_exists(attributes, %s)
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [definition.key, definition.merchant_id, definition.key])
        changed = int(cursor.rowcount)
    definition.delete()
    return changed


def _facts(definition: FieldDefinition) -> dict[str, Any]:
    return {"key": definition.key, "label": definition.label, "type": definition.type}
