"""Exports for programs: ask for a file, see how it stands, fetch it."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer
from crm.api.views import ReadViewSet

from . import services
from .models import Export
from .views import file_response


class ExportSerializer(ApiModelSerializer):
    """`rows_asked` is the list's size when it was asked for, `rows` what was written so far. The file of a
    `ready` export is at `download/` until `expires_at`."""

    class Meta:
        model = Export
        fields = [
            *(
                "id",
                "kind",
                "query",
                "reason",
                "format",
                "state",
                "rows_asked",
                "rows",
                "file_size",
                "sha256",
            ),
            *("decision", "error", "created_at", "finished_at", "expires_at"),
        ]


class ExportInput(ApiSerializer):
    """`query` narrows as the list's address does, without the question mark: `stage=repeat&country=CN`."""

    kind = serializers.CharField(max_length=40)
    reason = serializers.CharField(min_length=services.SHORTEST_REASON, max_length=300)
    format = serializers.ChoiceField(choices=Export.Format.choices, default=Export.Format.CSV)
    query = serializers.CharField(max_length=2_000, required=False, default="", allow_blank=True)
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        max_length=services.MOST_TICKED,
        required=False,
        default=list,
    )


class ExportFilterSet(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Export.State.choices)

    class Meta:
        model = Export
        fields: list[str] = []


class ExportViewSet(ReadViewSet):
    """This key's own exports, newest first. More than 5,000 rows within 24 hours wait until an owner or
    manager, who did not make the key, agrees."""

    model = Export
    scopes = {"GET": "exports.read", "POST": "exports.write"}
    serializer_class = ExportSerializer
    filterset_class = ExportFilterSet
    ordering = ("-created_at", "-id")

    def rows(self) -> QuerySet[Any]:
        return Export.objects.filter(api_key=self.api_key)

    @extend_schema(request=ExportInput, responses={202: ExportSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        reader = ExportInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        export = services.export_ask(merchant=self.merchant, key=self.api_key, **reader.validated_data)
        return Response(ExportSerializer(export).data, status=202)

    @extend_schema(
        responses={
            200: OpenApiResponse(OpenApiTypes.BINARY, "The file"),
            409: OpenApiResponse(description="There is no file (any more)."),
        }
    )
    @action(detail=True, methods=["get"])
    def download(self, request: Request, *args: Any, **kwargs: Any) -> FileResponse:
        """The file, while the export is `ready`. Each download stands in the audit log."""
        return file_response(services.export_fetch(export=self.get_object(), key=self.api_key))


register("exports", ExportViewSet)
