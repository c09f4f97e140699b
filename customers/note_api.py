"""Notes about customers and companies for programs; customers/api.py registers them."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db import transaction
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import FlagFilter, IdFilter, InstantFilter
from crm.api.serializers import ApiModelSerializer, ApiSerializer, TenantRelatedField
from crm.api.views import ReadViewSet
from customers.api_fields import CustomerField
from customers.models import Company, Note
from customers.notes import LONGEST, author_name, note_add, note_change, note_delete, note_pin


class NoteSerializer(ApiModelSerializer):
    """Belongs to a customer or to a company. `author` is the colleague's name or the key's; "" for somebody
    who is gone. `mentions` are ids of members."""

    customer = serializers.IntegerField(source="customer_id", read_only=True, allow_null=True)
    company = serializers.IntegerField(source="company_id", read_only=True, allow_null=True)
    author = serializers.SerializerMethodField()
    pinned = serializers.SerializerMethodField()

    class Meta:
        model = Note
        fields = [
            *("id", "customer", "company", "author", "text", "mentions", "pinned", "created_at", "edited_at"),
        ]
        read_only_fields = fields

    def get_author(self, note: Note) -> str:
        return author_name(note)

    def get_pinned(self, note: Note) -> bool:
        return note.pinned_at is not None


class NoteChange(ApiSerializer):
    """A field left out stays. `text` names colleagues behind an @, by whole name or address: they
    are told."""

    text = serializers.CharField(max_length=LONGEST, required=False)
    pinned = serializers.BooleanField(required=False)


class NoteInput(NoteChange):
    """Name a customer or a company, not both."""

    text = serializers.CharField(max_length=LONGEST)
    customer = CustomerField(required=False)
    company = TenantRelatedField(model=Company, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("customer" in attrs) == ("company" in attrs):
            raise serializers.ValidationError({"customer": ["Name a customer or a company."]})
        return attrs


class NoteFilterSet(django_filters.FilterSet):
    customer = IdFilter(field_name="customer_id")
    company = IdFilter(field_name="company_id")
    pinned = FlagFilter(field_name="pinned_at", lookup_expr="isnull", exclude=True)
    created_after = InstantFilter(field_name="created_at", lookup_expr="gte")
    created_before = InstantFilter(field_name="created_at", lookup_expr="lt")


class NoteViewSet(ReadViewSet):
    """Notes, newest first. A program changes and deletes what it wrote itself; it pins any."""

    model = Note
    scopes = {
        "GET": "notes.read",
        "POST": "notes.write",
        "PATCH": "notes.write",
        "DELETE": "notes.write",
    }
    serializer_class = NoteSerializer
    filterset_class = NoteFilterSet
    ordering = ("-created_at", "-id")

    def rows(self) -> QuerySet[Note]:
        kept = Q(customer__isnull=True) | Q(customer__erased_at__isnull=True)
        rows: QuerySet[Note] = Note.objects.filter(kept).select_related("author__user", "api_key")
        return rows

    @extend_schema(request=NoteInput, responses={201: NoteSerializer})
    @transaction.atomic
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Adds a note; colleagues whom it mentions are told."""
        said = self._read(NoteInput, request)
        pinned = said.pop("pinned", False)
        note = note_add(author=self.api_key, **said)
        if pinned:
            note_pin(note=note, pinned=True)
        return Response(self._shown(note), status=201)

    @extend_schema(request=NoteChange, responses={200: NoteSerializer})
    @transaction.atomic
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the fields sent; the text of another's note is refused with 403."""
        note = self.get_object()
        said = self._read(NoteChange, request)
        if "text" in said:
            note_change(note=note, by=self.api_key, text=said["text"])
        if "pinned" in said:
            note_pin(note=note, pinned=said["pinned"])
        return Response(self._shown(note))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Takes back a note of this key; another's is refused with 403."""
        note_delete(note=self.get_object(), by=self.api_key)
        return Response(status=204)

    def _read(self, shape: type[ApiSerializer], request: Request) -> dict[str, Any]:
        reader = shape(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        said: dict[str, Any] = reader.validated_data
        return said

    def _shown(self, note: Note) -> Any:
        return NoteSerializer(self.rows().get(pk=note.pk)).data
