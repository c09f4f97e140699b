"""Points for programs: balances, entries, corrections."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import IdFilter
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer
from crm.api.views import ReadViewSet
from customers.api_fields import CustomerField
from customers.models import Metrics
from marketing.loyalty import services
from marketing.loyalty.models import PointsEntry


class PointsBalanceSerializer(ApiModelSerializer):
    customer = serializers.IntegerField(source="customer_id", read_only=True)

    class Meta:
        model = Metrics
        fields = ["customer", "points", "tier"]
        read_only_fields = fields


class PointsEntrySerializer(ApiModelSerializer):
    customer = serializers.IntegerField(source="customer_id", read_only=True)

    class Meta:
        model = PointsEntry
        fields = ["id", "customer", "kind", "points", "order_id", "reason", "expires_at", "created_at"]
        read_only_fields = fields


class PointsCorrectionInput(ApiSerializer):
    customer = CustomerField()
    points = serializers.IntegerField(min_value=-services.MOST_CORRECTION, max_value=services.MOST_CORRECTION)
    reason = serializers.CharField(max_length=200)


class EntryFilterSet(django_filters.FilterSet):
    customer = IdFilter(field_name="customer_id")
    kind = django_filters.ChoiceFilter(choices=PointsEntry.Kind.choices)


class BalanceFilterSet(django_filters.FilterSet):
    tier = django_filters.CharFilter()


class EntryViewSet(ReadViewSet):
    """Every point given or taken, newest first."""

    model = PointsEntry
    scopes = {"GET": "loyalty.read", "POST": "loyalty.write"}
    serializer_class = PointsEntrySerializer
    filterset_class = EntryFilterSet

    def rows(self) -> QuerySet[PointsEntry]:
        return PointsEntry.objects.all()

    @extend_schema(request=PointsCorrectionInput, responses={201: PointsEntrySerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Gives or takes points by hand, with the reason."""
        body = PointsCorrectionInput(data=request.data)
        body.is_valid(raise_exception=True)
        entry = services.points_correct(merchant=self.merchant, **body.validated_data)
        return Response(PointsEntrySerializer(entry).data, status=201)


class BalanceViewSet(ReadViewSet):
    """Points and tier of each customer, by the customer's id."""

    model = Metrics
    scopes = {"GET": "loyalty.read"}
    serializer_class = PointsBalanceSerializer
    filterset_class = BalanceFilterSet
    ordering = ("-customer_id",)

    def rows(self) -> QuerySet[Metrics]:
        return Metrics.objects.all()


register("loyalty/entries", EntryViewSet)
register("loyalty/balances", BalanceViewSet)
