"""The suppression list for programs; customers/api.py registers it."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import IdFilter, InstantFilter, TextFilter
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer
from crm.api.views import ReadViewSet
from crm.lib.tenancy import scoped_merchant
from customers.consent import address_digest
from customers.models import Suppression
from customers.models.wording import Channel
from customers.suppressions import services


class SuppressionSerializer(ApiModelSerializer):
    """No address: only its keyed hash is kept. `customer` is whose it was, null where nobody knew."""

    customer = serializers.IntegerField(source="customer_id", read_only=True, allow_null=True)

    class Meta:
        model = Suppression
        fields = ["id", "channel", "reason", "note", "added_by", "customer", "created_at"]
        read_only_fields = fields


class SuppressionInput(ApiSerializer):
    channel = serializers.ChoiceField(Channel.choices, required=False, default=Channel.EMAIL.value)
    address = serializers.CharField(max_length=services.LONGEST_ADDRESS)
    reason = serializers.ChoiceField(
        services.REASON_CHOICES, required=False, default=Suppression.Reason.MANUAL.value
    )
    note = serializers.CharField(max_length=services.LONGEST_NOTE)


class ReleaseInput(ApiSerializer):
    """Why it may be written to again."""

    note = serializers.CharField(max_length=services.LONGEST_NOTE)


class SuppressionFilterSet(django_filters.FilterSet):
    channel = django_filters.ChoiceFilter(choices=Channel.choices)
    reason = django_filters.ChoiceFilter(choices=Suppression.Reason.choices)
    customer = IdFilter(field_name="customer_id")
    address = TextFilter(method="by_address", label="An address in full, as it was written to")
    created_after = InstantFilter(field_name="created_at", lookup_expr="gt")

    def by_address(self, rows: QuerySet[Suppression], _name: str, value: str) -> QuerySet[Suppression]:
        """By every channel that the text can be an address of."""
        merchant = scoped_merchant()
        assert merchant is not None
        forms = {services.address_of(merchant, channel, value) for channel in Channel.values}
        return rows.filter(digest__in=[address_digest(one) for one in forms if one])


class SuppressionViewSet(ReadViewSet):
    """Addresses that nobody writes to, newest first. Ask `?address=` whether one is among them."""

    model = Suppression
    scopes = {"GET": "suppressions.read", "POST": "suppressions.write"}
    serializer_class = SuppressionSerializer
    filterset_class = SuppressionFilterSet
    ordering = ("-created_at", "-id")

    @extend_schema(request=SuppressionInput, responses={201: SuppressionSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Puts an address on the list; 409 when it stands there for as grave a reason."""
        reader = SuppressionInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        entry = services.suppression_add(merchant=self.merchant, **reader.validated_data)
        return Response(SuppressionSerializer(entry).data, status=201)

    @extend_schema(request=ReleaseInput, responses={204: None})
    @action(detail=True, methods=["post"], filterset_class=None)
    def release(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Takes it off the list; 409 for who was erased. Nobody's consent comes back by that."""
        entry = self.get_object()
        reader = ReleaseInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        services.suppression_release(suppression=entry, note=reader.validated_data["note"])
        return Response(status=204)


def serve() -> None:
    """Called by customers/api.py, which is found at start."""
    register("suppressions", SuppressionViewSet)
