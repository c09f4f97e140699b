"""The factories of orders make rows that the database accepts and that add up."""

from decimal import Decimal

import pytest

from tests.factories.customers import make_customer
from tests.factories.orders import make_order, make_product, make_refund, make_return, make_shipment


@pytest.mark.usefixtures("scoped")
def test_an_order_with_all_its_furniture(merchant):
    tea = make_product(merchant, "Oolong", price="12.50")
    order = make_order(merchant, make_customer(merchant), lines=[(tea, 2, "12.50"), ("Gift wrap", 1, "3")])

    make_shipment(order)
    make_refund(order, "3")
    rma = make_return(order)

    assert order.total == Decimal("28.00")
    assert order.base_total == order.total
    assert [line.product_id for line in order.lines.order_by("id")] == [tea.pk, None]
    assert order.payments.get().amount == order.total
    assert (order.shipments.count(), order.refunds.count(), rma.lines.count()) == (1, 1, 1)


@pytest.mark.usefixtures("scoped")
def test_a_foreign_currency_without_a_rate_has_no_base_total(merchant):
    order = make_order(merchant, currency="EUR", paid=False)

    assert order.customer is None
    assert (order.rate, order.base_total, order.paid_at) == (None, None, None)
