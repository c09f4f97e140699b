"""Filters that say in the schema exactly what they accept. Use these and django-filter's ChoiceFilter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import django_filters
from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext as _
from django_filters.fields import IsoDateTimeField
from drf_spectacular.utils import extend_schema_field

# Ids are bigint; a number beyond it is nobody's, which the database would answer with an error.
LARGEST_ID = 2**63 - 1


class IdFormField(forms.IntegerField):
    """Digits only: no sign, no point, no blanks."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "min_value": 0, "max_value": LARGEST_ID})

    def to_python(self, value: Any) -> Any:
        if value not in self.empty_values:
            RegexValidator(r"\A[0-9]{1,19}\Z")(value)
        return super().to_python(value)


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": LARGEST_ID})
class IdFilter(django_filters.Filter):
    """An id of ours: `customer=17`."""

    field_class = IdFormField


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": 400})
class TextFilter(django_filters.CharFilter):
    """A text, compared as `lookup_expr` says."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": 400, "strip": False, **kwargs})


class InstantFormField(IsoDateTimeField):
    """In UTC: PostgreSQL reads no offset beyond ±15:59, RFC 3339 allows ±23:59."""

    def to_python(self, value: Any) -> datetime | None:
        moment: datetime | None = super().to_python(value)
        try:
            return moment.astimezone(UTC) if moment else None
        except OverflowError as error:  # the first and the last day of the calendar
            raise forms.ValidationError(
                _("Use a moment between the years 1 and 9999."), code="range"
            ) from error


@extend_schema_field({"type": "string", "format": "date-time"})
class InstantFilter(django_filters.IsoDateTimeFilter):
    """An RFC 3339 instant: `placed_after=2026-11-11T00:00:00Z`."""

    field_class = InstantFormField


@extend_schema_field({"type": "boolean"})
class FlagFilter(django_filters.BooleanFilter):
    """true or false, nothing else (crm/api/query.py)."""


class ChangedFilterSet(django_filters.FilterSet):
    """`updated_after` and `updated_before` for whoever keeps a copy."""

    updated_after = InstantFilter(field_name="updated_at", lookup_expr="gt")
    updated_before = InstantFilter(field_name="updated_at", lookup_expr="lt")
