"""Custom fields as filters of the customer list: one or two for each field, by its type.

Equality goes along the GIN index on (merchant, attributes); ranges and words read only the rows that have
the field, by the same index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.lib.listing import Choices, Filter, parse_day
from crm.lib.tenancy import scoped_merchant_id
from crm.lib.ui.places import country_choices
from customers.models import FieldDefinition

Type = FieldDefinition.Type
Rows = QuerySet[Any]
# In the address: `f.tea=green`, `f.since.from=2026-01-01`.
PREFIX = "f."
FILLED, EMPTY = "*", "-"
# A number inside JSON, or an amount kept as text; whatever else somebody stored is no number.
NUMERIC = r"^-?[0-9]+(\.[0-9]+)?$"


def field_filters(definitions: Iterable[FieldDefinition]) -> list[Filter]:
    return [one for definition in definitions for one in _filters(definition)]


def _filters(one: FieldDefinition) -> list[Filter]:
    name, label = f"{PREFIX}{one.key}", one.label
    if one.type in (Type.NUMBER, Type.MONEY):
        at_least, at_most = _("%(field)s, at least"), _("%(field)s, at most")
        return [
            Filter(f"{name}.min", at_least % {"field": label}, _compares(one.key, ">="), kind="number"),
            Filter(f"{name}.max", at_most % {"field": label}, _compares(one.key, "<="), kind="number"),
        ]
    if one.type in (Type.DATE, Type.INSTANT):
        border = _instant_border if one.type == Type.INSTANT else _day_border
        since, until = _("%(field)s, from"), _("%(field)s, until")
        return [
            Filter(f"{name}.from", since % {"field": label}, _dated(one.key, ">=", border, 0), kind="date"),
            Filter(f"{name}.until", until % {"field": label}, _dated(one.key, "<", border, 1), kind="date"),
        ]
    if one.type in (Type.TEXT, Type.LONG, Type.EMAIL, Type.PHONE, Type.URL):
        return [Filter(name, label, _holds(one.key), kind="text")]
    return [Filter(name, label, _equals(one), _choices_of(one))]


def _choices_of(one: FieldDefinition) -> Callable[[], Choices]:
    def choices() -> Choices:
        any_or_none = [(FILLED, _("(anything)")), (EMPTY, _("(nothing)"))]
        if one.type == Type.YES_NO:
            return [("yes", _("Yes")), ("no", _("No")), *any_or_none]
        if one.type == Type.COUNTRY:
            return [*any_or_none, *country_choices()]
        if one.type == Type.MEMBER:
            working = Membership.objects.filter(merchant_id=scoped_merchant_id(), is_active=True)
            named = working.select_related("user").order_by("user__name", "user__email")
            return [*any_or_none, *((str(member.pk), str(member.user)) for member in named)]
        if one.has_choices:
            return [*any_or_none, *one.labels.items()]
        return any_or_none  # customers and companies are found from their own pages

    return choices


def _equals(one: FieldDefinition) -> Callable[[Rows, str], Rows]:
    def apply(rows: Rows, value: str) -> Rows:
        if value == FILLED:
            return rows.filter(attributes__has_key=one.key)
        if value == EMPTY:
            return rows.exclude(attributes__has_key=one.key)
        wanted: Any = value
        if one.type == Type.YES_NO:
            wanted = value == "yes"
        elif one.type == Type.MEMBER:
            wanted = int(value)
        elif one.type == Type.CHOICES:
            wanted = [value]
        return rows.filter(attributes__contains={one.key: wanted})

    return apply


def _holds(key: str) -> Callable[[Rows, str], Rows]:
    """The words anywhere in the text, case aside."""
    return lambda rows, words: rows.filter(
        attributes__has_key=key, **{f"attributes__{key}__icontains": words.strip()}
    )


def _compares(key: str, sign: str) -> Callable[[Rows, str], Rows]:
    def apply(rows: Rows, value: str) -> Rows:
        return rows.filter(attributes__has_key=key).filter(_true(numeric_sql(sign), [key, key, value]))

    return apply


def numeric_sql(sign: str, table: str = "customers_customer") -> str:
    """`attributes[key] <sign> value` for what is a number, NULL for anything else. Parameters: key, key,
    value."""
    column = f'"{table}"."attributes"' if table == "customers_customer" else f"{table}.attributes"
    return f"CASE WHEN {column} ->> %s ~ '{NUMERIC}' THEN ({column} ->> %s)::numeric {sign} %s::numeric END"


def _dated(key: str, sign: str, border: Callable[[str, int], str], days: int) -> Callable[[Rows, str], Rows]:
    """ISO 8601 of one zone sorts as text."""

    def apply(rows: Rows, value: str) -> Rows:
        sql = f'"customers_customer"."attributes" ->> %s {sign} %s'
        return rows.filter(attributes__has_key=key).filter(_true(sql, [key, border(value, days)]))

    return apply


def _day_border(value: str, days: int) -> str:
    day = parse_day(value)
    assert day is not None  # the filter let it through
    return (day + timedelta(days=days)).isoformat()


def _instant_border(value: str, days: int) -> str:
    """The start of the day in the active time zone, as it is stored."""
    day = datetime.fromisoformat(_day_border(value, days))
    return timezone.make_aware(day).astimezone(UTC).isoformat().replace("+00:00", "Z")


def _true(sql: str, params: list[Any]) -> RawSQL:
    return RawSQL(f"({sql})", params, output_field=BooleanField())
