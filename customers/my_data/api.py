"""Copies of a customer's data for programs; customers/api.py registers them."""

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
from crm.api.serializers import ApiModelSerializer, ApiSerializer
from crm.api.views import ReadViewSet
from customers.api_fields import CustomerField
from customers.models import DataPackage
from customers.my_data.portal import zip_response
from customers.my_data.services import package_ask, package_fetch


class PackageSerializer(ApiModelSerializer):
    """`state`: queued, running, ready until `expires_at`, expired, failed. `file_size` in bytes."""

    customer = serializers.IntegerField(source="customer_id", read_only=True)

    class Meta:
        model = DataPackage
        fields = [
            *("id", "customer", "state", "reason", "file_size", "sha256", "created_at", "finished_at"),
            "expires_at",
        ]
        read_only_fields = fields


class PackageInput(ApiSerializer):
    customer = CustomerField()
    reason = serializers.CharField(
        min_length=5, max_length=300, help_text="Who asked, how, and how you knew that it was they."
    )


class PackageFilterSet(django_filters.FilterSet):
    customer = IdFilter(field_name="customer_id")
    state = django_filters.ChoiceFilter(choices=DataPackage.State.choices)


class PackageViewSet(ReadViewSet):
    """All that the shop has about a person, as a zip to read and for programs; newest first. What customers
    had made themselves is theirs alone and not here. Each download stands in the audit log."""

    model = DataPackage
    scopes = {"GET": "packages.read", "POST": "packages.write"}
    serializer_class = PackageSerializer
    filterset_class = PackageFilterSet

    def rows(self) -> QuerySet[DataPackage]:
        return DataPackage.objects.filter(way=DataPackage.Way.STAFF, customer__isnull=False)

    @extend_schema(request=PackageInput, responses={202: PackageSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Has it written within minutes, or answers with the one that is being written. 429 after five within
        a day."""
        reader = PackageInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        package = package_ask(merchant=self.merchant, way=DataPackage.Way.STAFF, **reader.validated_data)
        return Response(PackageSerializer(package).data, status=202)

    @extend_schema(responses={200: OpenApiResponse(OpenApiTypes.BINARY, "The zip")})
    @action(detail=True, methods=["get"])
    def download(self, request: Request, *args: Any, **kwargs: Any) -> FileResponse:
        """The zip; 409 when there is none (any more)."""
        package = package_fetch(package=self.get_object())
        return zip_response(package, f"customer-{package.customer_id}")


def serve() -> None:
    """Called by customers/api.py, which is found at start."""
    register("data-packages", PackageViewSet)
