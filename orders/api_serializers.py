"""Orders and products as JSON: what the API shows and what it takes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.api.bulk import OutcomeField
from crm.api.serializers import ApiModelSerializer, ApiSerializer, CurrencyField, MoneyField
from orders.models import (
    Order,
    OrderLine,
    Payment,
    Product,
    Refund,
    RefundLine,
    Return,
    ReturnLine,
    SalesChannel,
    Shipment,
    Variant,
)

# The one channel that a key need not make first.
DEFAULT_CHANNEL = "api"
# An order of a thousand lines at this price still fits the database's columns.
AMOUNT_DIGITS = 15
MOST_PIECES = 1_000_000


def text(most: int, **kwargs: Any) -> serializers.CharField:
    return serializers.CharField(max_length=most, **{"required": False, "allow_blank": True, **kwargs})


def amount(**kwargs: Any) -> MoneyField:
    return MoneyField(max_digits=AMOUNT_DIGITS, **{"required": False, "min_value": 0, **kwargs})


def many(kind: Any, most: int) -> Any:
    """A list of at most that many."""
    return kind(many=True, required=False, max_length=most)


def key(most: int = 100) -> serializers.CharField:
    """An id in the channel."""
    return serializers.CharField(max_length=most)


# --- shown ------------------------------------------------------------------------------------------------


class ChannelSerializer(ApiModelSerializer):
    class Meta:
        model = SalesChannel
        fields = ["id", "slug", "name", "kind", "created_at"]
        read_only_fields = ["id", "created_at"]


class LineSerializer(ApiModelSerializer):
    class Meta:
        model = OrderLine
        fields = [
            *("id", "external_id", "product", "variant", "sku", "title"),
            *("quantity", "unit_price", "discount", "total"),
        ]
        read_only_fields = fields


class PaymentSerializer(ApiModelSerializer):
    class Meta:
        model = Payment
        fields = ["id", "external_id", "method", "amount", "currency", "paid_at"]
        read_only_fields = fields


class RefundLineSerializer(ApiModelSerializer):
    class Meta:
        model = RefundLine
        fields = ["id", "order_line", "product", "sku", "title", "quantity", "amount"]
        read_only_fields = fields


class RefundSerializer(ApiModelSerializer):
    lines = RefundLineSerializer(many=True, read_only=True)

    class Meta:
        model = Refund
        fields = ["id", "external_id", "order", "amount", "currency", "reason", "refunded_at", "lines"]
        read_only_fields = fields


class ShipmentSerializer(ApiModelSerializer):
    tracking_url = serializers.CharField(read_only=True)

    class Meta:
        model = Shipment
        fields = [
            *("id", "external_id", "carrier", "tracking_number", "tracking_url", "state"),
            *("shipped_at", "promised_on", "delivered_at", "created_at", "updated_at"),
        ]
        read_only_fields = fields


class OrderSerializer(ApiModelSerializer):
    channel = serializers.SlugRelatedField(slug_field="slug", read_only=True)  # type: ignore[var-annotated]
    net = MoneyField(read_only=True)
    source_updated_at = serializers.SerializerMethodField()
    lines = LineSerializer(many=True, read_only=True)
    payments = PaymentSerializer(many=True, read_only=True)
    refunds = RefundSerializer(many=True, read_only=True)
    shipments = ShipmentSerializer(many=True, read_only=True)

    class Meta:
        model = Order
        fields = [
            *("id", "channel", "external_id", "number", "customer", "contact_name", "email", "phone"),
            *("payment", "fulfilment", "currency", "subtotal", "discount", "shipping", "tax", "total"),
            *("refunded", "net", "rate", "base_total", "base_refunded", "coupons", "tags"),
            *("shipping_address", "country", "note", "placed_at", "paid_at", "cancelled_at", "promised_on"),
            *("source_updated_at", "created_at", "updated_at", "lines", "payments", "refunds", "shipments"),
        ]
        read_only_fields = fields

    @extend_schema_field({"type": "string", "format": "date-time", "nullable": True})
    def get_source_updated_at(self, order: Order) -> datetime | None:
        """The channel's clock, null where it has none."""
        return version_instant(order.version)


class OrderUpsertedSerializer(OrderSerializer):
    outcome = OutcomeField()

    class Meta(OrderSerializer.Meta):
        fields = [*OrderSerializer.Meta.fields, "outcome"]
        read_only_fields = fields


class VariantSerializer(ApiModelSerializer):
    class Meta:
        model = Variant
        fields = ["id", "external_id", "sku", "title", "price"]
        read_only_fields = fields


class ProductSerializer(ApiModelSerializer):
    channel = serializers.SlugRelatedField(slug_field="slug", read_only=True)  # type: ignore[var-annotated]
    variants = VariantSerializer(many=True, read_only=True)
    url = serializers.CharField(read_only=True)  # "" where there is none, which is no URL
    image_url = serializers.CharField(read_only=True)

    class Meta:
        model = Product
        fields = [
            *("id", "channel", "external_id", "title", "category", "brand", "url", "image_url"),
            *("price", "currency", "is_active", "created_at", "updated_at", "variants"),
        ]
        read_only_fields = fields


class ProductUpsertedSerializer(ProductSerializer):
    outcome = OutcomeField()

    class Meta(ProductSerializer.Meta):
        fields = [*ProductSerializer.Meta.fields, "outcome"]
        read_only_fields = fields


class ReturnLineSerializer(ApiModelSerializer):
    class Meta:
        model = ReturnLine
        fields = ["id", "order_line", "quantity"]
        read_only_fields = fields


class ReturnSerializer(ApiModelSerializer):
    number = serializers.CharField(source="__str__", read_only=True)
    lines = ReturnLineSerializer(many=True, read_only=True)

    class Meta:
        model = Return
        fields = [
            *("id", "number", "order", "customer", "state", "reason", "comment", "decision_note"),
            *("requested_at", "decided_at", "updated_at", "lines"),
        ]
        read_only_fields = fields


# --- taken ------------------------------------------------------------------------------------------------


class ContactInput(ApiSerializer):
    """Who bought, as the channel knows them. The customer is found or made from it."""

    name = text(200)
    email = text(320)
    phone = text(40)
    member_id = text(100, help_text="The buyer's id in this channel.")
    unionid = text(100, help_text="WeChat UnionID.")
    country = serializers.RegexField("^[A-Z]{2}$", required=False, help_text="ISO 3166-1.")
    region = text(100)
    city = text(100)
    language = text(10)
    visitor = text(64, help_text="The browser's id in the shop's pages (its cookie gx_visitor).")


class LineInput(ApiSerializer):
    external_id = text(100)
    quantity = serializers.IntegerField(min_value=0, max_value=MOST_PIECES)
    unit_price = amount(required=True)
    discount = amount()
    total = amount(help_text="Default: quantity × unit_price − discount.")
    sku = text(100)
    title = text(300)
    category = text(120)
    product_external_id = text(100)
    variant_external_id = text(100)
    variant_title = text(200)


class PaymentInput(ApiSerializer):
    external_id = key()
    amount = amount(required=True)
    paid_at = serializers.DateTimeField()
    method = text(60)


class RefundLineInput(ApiSerializer):
    line_external_id = key()
    quantity = serializers.IntegerField(min_value=0, max_value=MOST_PIECES)
    amount = amount(required=True)


class RefundInput(ApiSerializer):
    external_id = key()
    amount = amount(required=True, help_text="Above zero, in the order's currency.")
    refunded_at = serializers.DateTimeField()
    reason = text(200)
    lines = RefundLineInput(many=True, required=False)


class ShipmentInput(ApiSerializer):
    external_id = key()
    carrier = text(60)
    tracking_number = text(100)
    tracking_url = serializers.URLField(max_length=500, required=False)
    state = serializers.ChoiceField(Shipment.State.choices, required=False)
    shipped_at = serializers.DateTimeField(required=False)
    delivered_at = serializers.DateTimeField(required=False)
    promised_on = serializers.DateField(required=False)


class OrderInput(ApiSerializer):
    """One version of an order. Leave a list out to say nothing about it; an empty `lines` removes all lines.

    `source_updated_at` is the channel's clock: an older version than the stored one is ignored ("stale").
    Send it always or never in a channel; without it the last to come wins.
    """

    channel = serializers.SlugField(max_length=50, default=DEFAULT_CHANNEL)
    external_id = key()
    number = text(60)
    placed_at = serializers.DateTimeField()
    currency = CurrencyField()
    total = amount(required=True)
    subtotal = amount()
    discount = amount()
    shipping = amount()
    tax = amount()
    contact = ContactInput(required=False)
    payment = serializers.ChoiceField(Order.Payment.choices, required=False)
    fulfilment = serializers.ChoiceField(Order.Fulfilment.choices, required=False)
    coupons = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=50)
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=250)
    shipping_address = serializers.DictField(child=text(300), required=False)
    country = text(60)
    note = text(5_000)
    paid_at = serializers.DateTimeField(required=False)
    cancelled_at = serializers.DateTimeField(required=False)
    promised_on = serializers.DateField(required=False)
    source_updated_at = serializers.DateTimeField(required=False)
    lines = many(LineInput, 1_000)
    payments = many(PaymentInput, 100)
    refunds = many(RefundInput, 100)
    shipments = many(ShipmentInput, 100)


class VariantInput(ApiSerializer):
    external_id = key()
    sku = text(100)
    title = text(200)
    price = amount()


class ProductInput(ApiSerializer):
    channel = serializers.SlugField(max_length=50, default=DEFAULT_CHANNEL)
    external_id = key()
    title = text(300)
    category = text(120)
    brand = text(120)
    url = serializers.URLField(max_length=500, required=False)
    image_url = serializers.URLField(max_length=500, required=False)
    price = amount()
    currency = CurrencyField(required=False)
    is_active = serializers.BooleanField(required=False)
    variants = many(VariantInput, 200)


def version_of(instant: datetime | None) -> int:
    """The channel's clock in microseconds since 1970; 0 without one."""
    if instant is None:
        return 0
    return max(0, int((instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000))


def version_instant(version: int) -> datetime | None:
    return datetime.fromtimestamp(version / 1_000_000, tz=UTC) if version else None
