"""The event log, for programs: what happened, in the order in which it was written."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import FlagFilter, IdFilter, InstantFilter, TextFilter
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer
from crm.api.views import ReadViewSet
from crm.events.models import Event
from crm.events.types import REGISTRY


class EventSerializer(ApiModelSerializer):
    data = serializers.DictField()  # type: ignore[assignment]
    customer = serializers.IntegerField(source="customer_id", allow_null=True)

    class Meta:
        model = Event
        fields = [
            *("id", "name", "occurred_at", "created_at", "actor", "customer"),
            *("subject_type", "subject_id", "data", "backfill"),
        ]


class EventFilterSet(django_filters.FilterSet):
    name = TextFilter()
    customer = IdFilter(field_name="customer_id")
    subject_type = TextFilter()
    subject_id = IdFilter()
    actor = TextFilter()
    backfill = FlagFilter()
    after_id = IdFilter(field_name="id", lookup_expr="gt")
    occurred_after = InstantFilter(field_name="occurred_at", lookup_expr="gt")
    occurred_before = InstantFilter(field_name="occurred_at", lookup_expr="lt")


class EventViewSet(ReadViewSet):
    """Facts as they were. A key sees the kinds of event whose own scope it carries.

    To follow the log, read with `sort=id` and go on with `after_id` of the last event you have.
    """

    model = Event
    scopes = {"GET": "events.read"}
    serializer_class = EventSerializer
    filterset_class = EventFilterSet
    query_params = frozenset({"sort"})

    @property
    def ordering(self) -> tuple[str, ...]:
        return ("id",) if self.request.query_params.get("sort") == "id" else ("-id",)

    def rows(self) -> QuerySet[Event]:
        readable = [kind.name for kind in REGISTRY.values() if kind.scope in self.api_key.scopes]
        return Event.objects.filter(name__in=readable)

    @extend_schema(parameters=[OpenApiParameter("sort", OpenApiTypes.STR, enum=["id", "-id"], default="-id")])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializers.ChoiceField(["id", "-id"]).run_validation(request.query_params.get("sort", "-id"))
        return super().list(request, *args, **kwargs)


register("events", EventViewSet)
