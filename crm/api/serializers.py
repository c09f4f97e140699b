"""Serialisers that take exactly what the schema says: types are not guessed, unknown fields not dropped."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.api.query import DAY, INSTANT
from crm.lib import money

CENTS = Decimal("0.01")


class MoneyField(serializers.DecimalField):
    """An amount as a string, "12.50": two places at least, four at most. Floats are refused, they lie."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 19, "decimal_places": 4, **kwargs})

    def to_representation(self, value: Any) -> str:
        amount = Decimal(value).normalize()
        return f"{amount.quantize(CENTS) if amount.as_tuple().exponent > -2 else amount:f}"  # type: ignore[operator]


class CurrencyField(serializers.RegexField):
    """Three capital letters of ISO 4217."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("^[A-Z]{3}$", **kwargs)


class TenantRelatedField(serializers.PrimaryKeyRelatedField[Any]):
    """The id of a row of the key's merchant; another merchant's id is as unknown as none."""

    def __init__(self, *, model: type[models.Model], **kwargs: Any) -> None:
        self.model = model
        if not kwargs.get("read_only"):
            kwargs["queryset"] = model._base_manager.all()
        super().__init__(**kwargs)

    def get_queryset(self) -> Any:
        """Rows of the scope; the queryset given to DRF was made outside any."""
        if self.read_only:
            return None
        return self.model.objects.all()  # type: ignore[attr-defined]


# What JSON type a field takes, most special class first. Fields not named here check for themselves.
JSON_TYPES: list[tuple[type[serializers.Field[Any, Any, Any, Any]], tuple[type, ...], str]] = [
    (serializers.BooleanField, (bool,), "Send true or false."),
    (serializers.IntegerField, (int, float), "Send a whole number."),
    (serializers.FloatField, (int, float), "Send a number."),
    (serializers.DecimalField, (str,), "Send the number as a string, such as “12.50”."),
    (serializers.PrimaryKeyRelatedField, (int,), "Send an id."),
    (serializers.SlugRelatedField, (str,), "Send a string."),
    (serializers.UUIDField, (str,), "Send a UUID as a string."),
    (serializers.DateTimeField, (str,), "Send an instant with its offset, such as “2026-11-11T08:00:00Z”."),
    (serializers.DateField, (str,), "Send a date such as “2026-11-11”."),
    (serializers.CharField, (str,), "Send a string."),
]


def complaint(field: Any, value: Any) -> str:
    """What is wrong with the value's JSON type, or ""."""
    if value is None:
        return ""
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return next(filter(None, (complaint(field.child, inner) for inner in value)), "")
    if isinstance(field, serializers.ChoiceField) and not isinstance(field, serializers.MultipleChoiceField):
        words = all(isinstance(choice, str) for choice in field.choices)
        return _("Send a string.") if words and not isinstance(value, str) else ""
    for kind, types, text in JSON_TYPES:
        if isinstance(field, kind):
            right = isinstance(value, types) and (bool in types or not isinstance(value, bool))
            return "" if right and _well_formed(field, value) else _(text)
    return ""


def _well_formed(field: Any, value: Any) -> bool:
    if isinstance(field, serializers.IntegerField):
        return isinstance(value, int) or value.is_integer()
    if isinstance(field, serializers.DateTimeField):
        return bool(INSTANT.fullmatch(value))
    if isinstance(field, serializers.DateField):
        return bool(DAY.fullmatch(value))
    return True


class StrictInput(serializers.Serializer[Any]):
    """Refuses unknown and read-only fields, and values of another JSON type than the field's."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            wrong = self._wrong(data)
            if wrong:
                raise serializers.ValidationError(wrong)
        return super().to_internal_value(data)

    def _wrong(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        wrong: dict[str, list[str]] = {}
        for name, value in data.items():
            field = self.fields.get(name)
            if field is None or field.read_only:
                wrong[str(name)] = [_("Unknown field.") if field is None else _("This field can't be set.")]
            elif text := complaint(field, value):
                wrong[str(name)] = [text]
        return wrong


class ApiSerializer(StrictInput):
    """Base of every serialiser that is not of one model."""


class ApiModelSerializer(StrictInput, serializers.ModelSerializer[Any]):
    """Base of every model's serialiser. Money is a string."""

    serializer_field_mapping: ClassVar[dict[Any, Any]] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        money.MoneyField: MoneyField,
    }

    class Meta:
        abstract = True


class ErrorSerializer(serializers.Serializer[Any]):
    """Why a request was refused. `fields` maps a field's path (`lines.0.quantity`) to complaints about it."""

    code = serializers.CharField()
    message = serializers.CharField()
    fields = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))  # type: ignore[assignment]


@extend_schema_field({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$"})
class ClockField(serializers.TimeField):
    """A time of day without a zone, HH:MM."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="%H:%M", input_formats=["%H:%M"], **options)
