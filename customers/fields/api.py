"""Custom fields for programs: what the shop has, new ones, changes."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import TextFilter
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer
from crm.api.views import ReadViewSet
from customers.fields import checking, services
from customers.models import FieldDefinition


class ChoiceShape(ApiSerializer):
    value = serializers.CharField(max_length=checking.LONGEST_CHOICE)
    label = serializers.CharField(max_length=checking.LONGEST_CHOICE)  # type: ignore[assignment]  # DRF keeps its own `label` there


class RulesShape(ApiSerializer):
    """Limits as strings: of a number, an amount, a day, or the letters of a text. The pattern is a mask:
    # is a digit, @ a letter, * anything."""

    min = serializers.CharField(max_length=20, required=False)
    max = serializers.CharField(max_length=20, required=False)
    pattern = serializers.CharField(max_length=80, required=False)


class FieldSerializer(ApiModelSerializer):
    choices = ChoiceShape(many=True, read_only=True)
    rules = RulesShape(read_only=True)
    default = serializers.SerializerMethodField(method_name="default_text")

    class Meta:
        model = FieldDefinition
        fields = [
            *("id", "applies_to", "key", "label", "type", "section", "help", "is_required", "is_unique"),
            *("is_personal", "default", "rules", "choices", "position", "created_at", "archived_at"),
        ]
        read_only_fields = fields

    def default_text(self, row: FieldDefinition) -> str | None:
        """As text; lists with commas."""
        if row.default is None:
            return None
        return ", ".join(row.default) if isinstance(row.default, list) else str(row.default)


class FieldChange(ApiSerializer):
    """What a PATCH may set; a property left out stays. `drop_misfits` lets values go that the changed
    field has
    no room for; without it they make a 409. `archived` takes the field out of use or back; values stay."""

    label = serializers.CharField(max_length=80, required=False)  # type: ignore[assignment]  # DRF keeps its own `label` there
    type = serializers.ChoiceField(FieldDefinition.Type.choices, required=False)
    section = serializers.CharField(max_length=80, required=False, allow_blank=True)
    help = serializers.CharField(max_length=300, required=False, allow_blank=True)
    is_required = serializers.BooleanField(required=False)
    is_unique = serializers.BooleanField(required=False)
    is_personal = serializers.BooleanField(required=False)
    default = serializers.CharField(max_length=300, required=False, allow_null=True)
    rules = RulesShape(required=False)
    choices = ChoiceShape(many=True, required=False)
    archived = serializers.BooleanField(required=False)
    drop_misfits = serializers.BooleanField(required=False)


class FieldInput(FieldChange):
    """`key` is how programs name the field; made from the label when left out. It never changes."""

    key = serializers.RegexField(r"^[a-z][a-z0-9_]{0,39}$", required=False)
    label = serializers.CharField(max_length=80)
    type = serializers.ChoiceField(FieldDefinition.Type.choices)
    applies_to = serializers.ChoiceField(FieldDefinition.Subject.choices, required=False)
    archived = None  # type: ignore[assignment]  # a new field is in use
    drop_misfits = None  # type: ignore[assignment]


class FieldFilterSet(django_filters.FilterSet):
    key = TextFilter()
    applies_to = django_filters.ChoiceFilter(choices=FieldDefinition.Subject.choices)


class FieldViewSet(ReadViewSet):
    """The shop's custom fields, archived ones too."""

    model = FieldDefinition
    scopes = {"GET": "customers.read", "POST": "fields.write", "PATCH": "fields.write"}
    serializer_class = FieldSerializer
    filterset_class = FieldFilterSet

    def rows(self) -> QuerySet[FieldDefinition]:
        rows: QuerySet[FieldDefinition] = FieldDefinition.objects.filter(deleting_at__isnull=True)
        return rows.select_related("merchant")

    @extend_schema(request=FieldInput, responses={201: FieldSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Makes a field at the end of the form. Values are then taken in `attributes` of customers."""
        reader = FieldInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        made = services.field_create(merchant=self.merchant, **_plain(reader.validated_data))
        return Response(FieldSerializer(made).data, status=201)

    @extend_schema(request=FieldChange, responses={200: FieldSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the properties sent, and brings the values that are there into the new form."""
        field = self.get_object()
        reader = FieldChange(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        changes = _plain(reader.validated_data)
        archived = changes.pop("archived", None)
        drop = bool(changes.pop("drop_misfits", False))
        if changes:
            services.field_change(definition=field, changes=changes, drop_misfits=drop)
        if archived is not None:
            services.field_archive(definition=field, archive=archived)
        return Response(FieldSerializer(self.rows().get(pk=field.pk)).data)


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """Nested shapes as the plain dicts that the services store."""
    values = dict(data)
    if "choices" in values:
        values["choices"] = [dict(one) for one in values["choices"]]
    if "rules" in values:
        values["rules"] = dict(values["rules"])
    return values


def serve() -> None:
    """Called by customers/api.py, which is found at start."""
    register("fields", FieldViewSet)
