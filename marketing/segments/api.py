"""Segments for programs: make, read, count, list members."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import TextFilter
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer
from crm.api.views import ReadViewSet
from marketing.models import Segment, SegmentMember
from marketing.segments import selectors, services


class DefinitionField(serializers.JSONField):
    """A tree of groups and conditions."""


extend_schema_field(OpenApiTypes.OBJECT)(DefinitionField)


class SegmentSerializer(ApiModelSerializer):
    definition = DefinitionField(read_only=True)
    sentence = serializers.SerializerMethodField()

    class Meta:
        model = Segment
        fields = [
            "id",
            "name",
            "definition",
            "sentence",
            "members_count",
            "built_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    def get_sentence(self, segment: Segment) -> str:
        return selectors.segment_sentence(segment)


class SegmentInput(ApiSerializer):
    name = serializers.CharField(max_length=120)
    definition = DefinitionField()


class SegmentCountSerializer(ApiSerializer):
    count = serializers.IntegerField(read_only=True)


class SegmentMemberSerializer(ApiModelSerializer):
    customer = serializers.IntegerField(source="customer_id", read_only=True)

    class Meta:
        model = SegmentMember
        fields = ["customer", "entered_at"]
        read_only_fields = fields


class SegmentFilterSet(django_filters.FilterSet):
    name = TextFilter()


class SegmentViewSet(ReadViewSet):
    """Segments that are kept up to date, newest first."""

    model = Segment
    scopes = {
        "GET": "segments.read",
        "POST": "segments.write",
        "PUT": "segments.write",
        "DELETE": "segments.write",
    }
    serializer_class = SegmentSerializer
    filterset_class = SegmentFilterSet

    def rows(self) -> QuerySet[Segment]:
        return Segment.objects.live().select_related("merchant")

    @extend_schema(request=SegmentInput, responses={201: SegmentSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Makes a segment; its members are counted in the background."""
        segment = services.segment_save(merchant=self.merchant, **_read(request))
        return Response(SegmentSerializer(segment).data, status=201)

    @extend_schema(request=SegmentInput, responses={200: SegmentSerializer})
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Replaces name and definition."""
        segment = services.segment_save(merchant=self.merchant, segment=self.get_object(), **_read(request))
        return Response(SegmentSerializer(segment).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Archives the segment. Refused while a campaign or another segment waits for it."""
        services.segment_archive(segment=self.get_object())
        return Response(status=204)

    @extend_schema(responses={200: SegmentCountSerializer})
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def count(self, request: Request, pk: str = "") -> Response:
        """How many satisfy it right now."""
        with selectors.patience():
            number = selectors.segment_count(self.get_object())
        return Response({"count": number})


class MemberViewSet(ReadViewSet):
    """Who was in the segment when it was last looked at."""

    model = SegmentMember
    scopes = {"GET": "segments.read"}
    serializer_class = SegmentMemberSerializer
    lookup_field = "customer_id"

    def rows(self) -> QuerySet[SegmentMember]:
        segment = get_object_or_404(Segment.objects.live(), pk=int(self.kwargs["segment"]))
        return SegmentMember.objects.filter(segment=segment)


def _read(request: Request) -> dict[str, Any]:
    body = SegmentInput(data=request.data)
    body.is_valid(raise_exception=True)
    return {"name": body.validated_data["name"], "definition": body.validated_data["definition"]}


register("segments", SegmentViewSet)
register("segments/(?P<segment>[0-9]{1,18})/members", MemberViewSet, basename="segment_members")
