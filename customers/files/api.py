"""Files about customers and companies for programs; customers/api.py registers them."""

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

from crm.api.filters import IdFilter
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer, TenantRelatedField
from crm.api.uploads import FORM, take_form
from crm.api.views import ReadViewSet
from crm.lib.errors import Rejected
from crm.lib.ids import row_id
from customers.api_fields import CustomerField
from customers.files import services
from customers.files.views import as_download
from customers.models import Company, File


class FileSerializer(ApiModelSerializer):
    """`size` in bytes, `sha256` in hex. Belongs to a customer or to a company."""

    customer = serializers.IntegerField(source="customer_id", read_only=True, allow_null=True)
    company = serializers.IntegerField(source="company_id", read_only=True, allow_null=True)

    class Meta:
        model = File
        fields = ["id", "customer", "company", "name", "size", "sha256", "created_at"]
        read_only_fields = fields


class FileInput(ApiSerializer):
    customer = CustomerField(required=False)
    company = TenantRelatedField(model=Company, required=False)


class FileFilterSet(django_filters.FilterSet):
    customer = IdFilter(field_name="customer_id")
    company = IdFilter(field_name="company_id")


UPLOAD_SHAPE = {
    FORM: {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary", "description": "at most 20 MB"},
            "customer": {"type": "integer"},
            "company": {"type": "integer"},
        },
    }
}


class FileViewSet(ReadViewSet):
    """Files, newest first. Each download stands in the audit log."""

    model = File
    scopes = {"GET": "files.read", "POST": "files.write", "DELETE": "files.write"}
    serializer_class = FileSerializer
    filterset_class = FileFilterSet
    ordering = ("-created_at", "-id")

    def rows(self) -> QuerySet[File]:
        rows: QuerySet[File] = File.objects.select_related("merchant", "customer", "company")
        return rows

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if self.action == "create" and request._request.method == "POST":
            take_form(request._request)
        super().initial(request, *args, **kwargs)

    @extend_schema(request=UPLOAD_SHAPE, responses={201: FileSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keeps a file about a customer or a company; the same bytes under the same name are kept once."""
        form, upload = request._request.POST, request._request.FILES.get("file")
        if upload is None:
            text = "Send a file."
            raise Rejected(text, code="file_missing", fields={"file": [text]})
        named = {name: form[name] for name in ("customer", "company") if form.get(name)}
        said = {name: row_id(text) for name, text in named.items()}
        reader = FileInput(data=said, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        if len(reader.validated_data) != 1:
            text = "Name a customer or a company."
            raise Rejected(text, code="file_of_nobody", fields={"customer": [text]})
        (about,) = reader.validated_data.values()
        kept = services.file_add(about=about, upload=upload, name=upload.name or "", by=None)
        return Response(FileSerializer(kept).data, status=201)

    @extend_schema(responses={200: OpenApiResponse(OpenApiTypes.BINARY, "The file")})
    @action(detail=True, methods=["get"])
    def download(self, request: Request, *args: Any, **kwargs: Any) -> FileResponse:
        """The bytes."""
        return as_download(self.get_object())

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Deletes the file for good."""
        services.file_delete(file=self.get_object())
        return Response(status=204)


def serve() -> None:
    """Called by customers/api.py, which is found at start."""
    register("files", FileViewSet)
