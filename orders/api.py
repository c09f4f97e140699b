"""Orders, products, channels and returns for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.accounts.models import Merchant
from crm.api.bulk import Saved, UpsertMixin
from crm.api.filters import ChangedFilterSet, FlagFilter, IdFilter, InstantFilter, TextFilter
from crm.api.registry import register
from crm.api.schema import upsert_schema
from crm.api.views import ReadViewSet
from crm.lib.errors import Conflict, Rejected
from customers.identities import Contact
from orders import api_serializers as shapes
from orders.drafts import LineDraft, OrderDraft, PaymentDraft, RefundDraft, ShipmentDraft
from orders.models import Order, Product, Return, SalesChannel
from orders.recording import ProductDraft, VariantDraft, product_upsert, refund_record, shipment_record
from orders.upsert import order_upsert


class OrderFilterSet(ChangedFilterSet):
    channel = TextFilter(field_name="channel__slug")
    external_id = TextFilter()
    number = TextFilter()
    email = TextFilter()
    customer = IdFilter(field_name="customer_id")
    payment = django_filters.ChoiceFilter(choices=Order.Payment.choices)
    fulfilment = django_filters.ChoiceFilter(choices=Order.Fulfilment.choices)
    cancelled = FlagFilter(field_name="cancelled_at", lookup_expr="isnull", exclude=True)
    placed_after = InstantFilter(field_name="placed_at", lookup_expr="gte")
    placed_before = InstantFilter(field_name="placed_at", lookup_expr="lt")


class OrderViewSet(UpsertMixin, ReadViewSet):
    """Orders of every channel, newest first."""

    model = Order
    narrows = True
    scopes = {"GET": "orders.read", "POST": "orders.write"}
    serializer_class = shapes.OrderSerializer
    filterset_class = OrderFilterSet
    ordering = ("-placed_at", "-id")
    bulk_name = "orders"
    input_class = shapes.OrderInput
    outcome_class = shapes.OrderUpsertedSerializer

    def rows(self) -> QuerySet[Order]:
        parts = ("lines", "payments", "refunds__lines", "shipments")
        orders: QuerySet[Order] = Order.objects.select_related("channel").prefetch_related(*parts)
        return orders

    def save_row(self, data: dict[str, Any]) -> Saved:
        channel = channel_named(self.merchant, data["channel"])
        result = order_upsert(
            merchant=self.merchant, channel=channel, draft=order_draft(data, channel), source=channel.slug
        )
        return Saved(result.order, result.outcome)

    @upsert_schema("Order", plural="orders", reads=shapes.OrderInput, shows=shapes.OrderUpsertedSerializer)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Creates or updates one order or up to 1,000, by channel and external id."""
        return super().create(request, *args, **kwargs)

    @extend_schema(
        request=shapes.ShipmentInput,
        responses={200: shapes.ShipmentSerializer, 201: shapes.ShipmentSerializer},
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def shipments(self, request: Request, pk: str = "") -> Response:
        """Adds a parcel, or moves a known one forward; old news changes nothing."""
        order = self.get_object()
        draft = shipment_draft(read(shapes.ShipmentInput, request.data))
        shipment, outcome = shipment_record(order=order, draft=draft)
        return Response(shapes.ShipmentSerializer(shipment).data, status=Saved(shipment, outcome).status)

    @extend_schema(
        request=shapes.RefundInput, responses={200: shapes.RefundSerializer, 201: shapes.RefundSerializer}
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def refunds(self, request: Request, pk: str = "") -> Response:
        """Adds a refund; a known external id answers with the refund as it was told first."""
        order = self.get_object()
        draft = refund_draft(read(shapes.RefundInput, request.data))
        refund, outcome = refund_record(order=order, draft=draft)
        return Response(shapes.RefundSerializer(refund).data, status=Saved(refund, outcome).status)


class ProductFilterSet(ChangedFilterSet):
    channel = TextFilter(field_name="channel__slug")
    external_id = TextFilter()
    category = TextFilter()
    sku = TextFilter(field_name="variants__sku", distinct=True)
    is_active = FlagFilter()


class ProductViewSet(UpsertMixin, ReadViewSet):
    """Products with their variants."""

    model = Product
    scopes = {"GET": "orders.read", "POST": "orders.write"}
    serializer_class = shapes.ProductSerializer
    filterset_class = ProductFilterSet
    bulk_name = "products"
    input_class = shapes.ProductInput
    outcome_class = shapes.ProductUpsertedSerializer

    def rows(self) -> QuerySet[Product]:
        return Product.objects.select_related("channel").prefetch_related("variants")

    def save_row(self, data: dict[str, Any]) -> Saved:
        channel = channel_named(self.merchant, data.pop("channel"))
        variants = tuple(VariantDraft(**variant) for variant in data.pop("variants", ()))
        draft = ProductDraft(**data, variants=variants)
        return Saved(*product_upsert(merchant=self.merchant, channel=channel, draft=draft))

    @upsert_schema(
        "Product", plural="products", reads=shapes.ProductInput, shows=shapes.ProductUpsertedSerializer
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Creates or updates one product or up to 1,000, by channel and external id."""
        return super().create(request, *args, **kwargs)


class ChannelFilterSet(django_filters.FilterSet):
    slug = TextFilter()


class ChannelViewSet(ReadViewSet):
    """Where orders come from; external ids are unique inside a channel."""

    model = SalesChannel
    scopes = {"GET": "orders.read", "POST": "orders.write"}
    serializer_class = shapes.ChannelSerializer
    filterset_class = ChannelFilterSet

    @extend_schema(request=shapes.ChannelSerializer, responses={201: shapes.ChannelSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = read(shapes.ChannelSerializer, request.data)
        channel, made = SalesChannel.objects.get_or_create(
            merchant=self.merchant, slug=data.pop("slug"), defaults=data
        )
        if not made:
            text = _("There is a channel with this slug already.")
            raise Conflict(text, code="channel_exists", fields={"slug": [text]})
        return Response(shapes.ChannelSerializer(channel).data, status=201)


class ReturnFilterSet(ChangedFilterSet):
    order = IdFilter(field_name="order_id")
    customer = IdFilter(field_name="customer_id")
    state = django_filters.ChoiceFilter(choices=Return.State.choices)


class ReturnViewSet(ReadViewSet):
    """What customers send back."""

    model = Return
    scopes = {"GET": "orders.read"}
    serializer_class = shapes.ReturnSerializer
    filterset_class = ReturnFilterSet

    def rows(self) -> QuerySet[Return]:
        return Return.objects.prefetch_related("lines")


# --- from JSON to drafts ------------------------------------------------------------------------------------


def read(kind: Any, data: Any) -> dict[str, Any]:
    """The validated values. Raises DRF's ValidationError."""
    reader = kind(data=data)
    reader.is_valid(raise_exception=True)
    values: dict[str, Any] = reader.validated_data
    return values


def channel_named(merchant: Merchant, slug: str) -> SalesChannel:
    """The channel; the default one is made when first used. Raises Rejected for an unknown slug."""
    channel = SalesChannel.objects.filter(slug=slug).first()
    if channel is not None:
        return channel
    if slug == shapes.DEFAULT_CHANNEL:
        return SalesChannel.objects.get_or_create(merchant=merchant, slug=slug, defaults={"name": "API"})[0]
    text = _("There is no channel %(slug)s. Make it with POST /api/v1/channels/.") % {"slug": slug}
    raise Rejected(text, code="invalid", fields={"channel": [text]})


def order_draft(data: Mapping[str, Any], channel: SalesChannel) -> OrderDraft:
    values = dict(data)
    del values["channel"]
    contact = Contact(**values.pop("contact", {}), channel_id=channel.pk)
    version = shapes.version_of(values.pop("source_updated_at", None))
    makers: dict[str, Any] = {
        "lines": lambda line: LineDraft(**line),
        "payments": lambda payment: PaymentDraft(**payment),
        "refunds": refund_draft,
        "shipments": shipment_draft,
    }
    for name, maker in makers.items():
        if name in values:
            values[name] = tuple(maker(one) for one in values[name])
    for name in ("coupons", "tags"):
        values[name] = tuple(values.get(name, ()))
    return OrderDraft(**values, contact=contact, version=version)


def refund_draft(data: Mapping[str, Any]) -> RefundDraft:
    values = dict(data)
    lines = tuple(
        (line["line_external_id"], line["quantity"], line["amount"]) for line in values.pop("lines", ())
    )
    if values["amount"] <= 0:
        text = _("A refund's amount must be above zero.")
        raise Rejected(text, code="invalid", fields={"amount": [text]})
    return RefundDraft(**values, lines=lines)


def shipment_draft(data: Mapping[str, Any]) -> ShipmentDraft:
    return ShipmentDraft(**data)


register("channels", ChannelViewSet)
register("orders", OrderViewSet)
register("products", ProductViewSet)
register("returns", ReturnViewSet)
