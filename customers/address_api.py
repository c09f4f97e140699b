"""Addresses for programs; customers/api.py registers them."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import FlagFilter, IdFilter, TextFilter
from crm.api.serializers import ApiModelSerializer, ApiSerializer
from crm.api.views import ReadViewSet
from customers.addressing import address_lines
from customers.api_fields import CustomerField
from customers.belongings import address_add, address_change, address_remove
from customers.models import Address


def text(most: int) -> serializers.CharField:
    return serializers.CharField(max_length=most, required=False, allow_blank=True)


class AddressSerializer(ApiModelSerializer):
    """`lines` is the address as it is printed in its country, that country's name last."""

    customer = serializers.IntegerField(source="customer_id", read_only=True)
    lines = serializers.SerializerMethodField()

    class Meta:
        model = Address
        fields = [
            *("id", "customer", "kind", "name", "phone", "line1", "line2", "district", "city", "province"),
            *("postal_code", "country", "is_default", "lines", "created_at"),
        ]
        read_only_fields = fields

    def get_lines(self, address: Address) -> list[str]:
        return address_lines(address)


class AddressChange(ApiSerializer):
    """What a PATCH may set; a field left out stays. `is_default: true` takes over from the one before."""

    kind = serializers.ChoiceField(Address.Kind.choices, required=False)
    name, phone = text(200), text(20)
    line1, line2 = text(300), text(300)
    district, city, province = text(100), text(100), text(100)
    postal_code = text(20)
    country = serializers.RegexField(r"^[A-Z]{2}$", required=False, allow_blank=True)
    is_default = serializers.BooleanField(required=False)


class AddressInput(AddressChange):
    customer = CustomerField()


class AddressFilterSet(django_filters.FilterSet):
    customer = IdFilter(field_name="customer_id")
    kind = django_filters.ChoiceFilter(choices=Address.Kind.choices)
    country = TextFilter()
    is_default = FlagFilter()


class AddressViewSet(ReadViewSet):
    """Addresses of customers who are not erased, newest first."""

    model = Address
    scopes = {
        "GET": "customers.read",
        "POST": "customers.write",
        "PATCH": "customers.write",
        "DELETE": "customers.write",
    }
    serializer_class = AddressSerializer
    filterset_class = AddressFilterSet

    def rows(self) -> QuerySet[Address]:
        return Address.objects.filter(customer__erased_at__isnull=True).select_related("customer")

    @extend_schema(request=AddressInput, responses={201: AddressSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Adds an address; the first one is the default one."""
        reader = AddressInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        address = address_add(**reader.validated_data)
        return Response(AddressSerializer(address).data, status=201)

    @extend_schema(request=AddressChange, responses={200: AddressSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the fields sent."""
        address = self.get_object()
        reader = AddressChange(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        address_change(address=address, **reader.validated_data)
        return Response(AddressSerializer(self.rows().get(pk=address.pk)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        address_remove(address=self.get_object())
        return Response(status=204)
