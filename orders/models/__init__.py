"""Products, orders and what happens to them, one noun a file."""

from orders.models.channel import SalesChannel
from orders.models.order import Order, OrderLine, Payment
from orders.models.product import Product, Variant
from orders.models.refund import Refund, RefundLine
from orders.models.returns import Return, ReturnLine
from orders.models.shipment import Shipment, ShipmentEvent

__all__ = [
    "Order",
    "OrderLine",
    "Payment",
    "Product",
    "Refund",
    "RefundLine",
    "Return",
    "ReturnLine",
    "SalesChannel",
    "Shipment",
    "ShipmentEvent",
    "Variant",
]
