"""The tree of regions for programs; customers/api.py registers it."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import IdFilter, TextFilter
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer, TenantRelatedField
from crm.api.views import ReadViewSet
from customers.models import Region
from customers.regions import services, tree
from customers.regions.naming import place_key


class RegionSerializer(ApiModelSerializer):
    """`path` are the ids from the root to the region, with slashes; `level` counts from 0."""

    parent = serializers.IntegerField(source="parent_id", read_only=True, allow_null=True)  # type: ignore[assignment]  # DRF keeps its own `parent` there
    aliases = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Region
        fields = [
            "id",
            "name",
            "code",
            "country",
            "aliases",
            "parent",
            "path",
            "level",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class RegionChange(ApiSerializer):
    """What a PATCH may set; what is left out stays. `country` is for roots only."""

    name = serializers.CharField(max_length=80, required=False)
    code = serializers.CharField(max_length=20, required=False, allow_blank=True)
    country = serializers.RegexField(r"^([A-Z]{2})?$", required=False, allow_blank=True)
    aliases = serializers.ListField(
        child=serializers.CharField(max_length=80), max_length=tree.MOST_ALIASES, required=False
    )
    parent = TenantRelatedField(model=Region, required=False, allow_null=True)  # type: ignore[assignment]


class RegionInput(RegionChange):
    name = serializers.CharField(max_length=80)


class RegionFilterSet(django_filters.FilterSet):
    parent = IdFilter(field_name="parent_id")
    country = TextFilter()
    code = TextFilter()
    spelling = TextFilter(method="by_spelling", label="any spelling of the region")

    def by_spelling(self, rows: QuerySet[Region], name: str, value: str) -> QuerySet[Region]:
        return rows.filter(keys__contains=[place_key(value)])


class RegionViewSet(ReadViewSet):
    """The shop's regions. A customer's country, region and city put them into the deepest one that they
    name."""

    model = Region
    scopes = {
        "GET": "customers.read",
        "POST": "regions.write",
        "PATCH": "regions.write",
        "DELETE": "regions.write",
    }
    serializer_class = RegionSerializer
    filterset_class = RegionFilterSet

    def rows(self) -> QuerySet[Region]:
        rows: QuerySet[Region] = Region.objects.select_related("merchant")
        return rows

    @extend_schema(request=RegionInput, responses={201: RegionSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new region; 409 `region_taken` when its parent has one of this name."""
        said = self._read(RegionInput, request)
        return Response(
            RegionSerializer(services.region_add(merchant=self.merchant, **said)).data, status=201
        )

    @extend_schema(request=RegionChange, responses={200: RegionSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the fields sent; with `parent` it moves with all that lies in it."""
        changed = services.region_change(region=self.get_object(), **self._read(RegionChange, request))
        return Response(RegionSerializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Deletes the region with all that lies in it. Customers stay, in what is above."""
        services.region_delete(region=self.get_object())
        return Response(status=204)

    def _read(self, kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
        reader = kind(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        return dict(reader.validated_data)


def serve() -> None:
    """Called by customers/api.py, which is found at start."""
    register("regions", RegionViewSet)
