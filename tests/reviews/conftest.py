"""A delivered order whose items can be reviewed."""

from __future__ import annotations

import pytest

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from orders.models import Order, Product
from tests.factories.customers import make_customer
from tests.factories.orders import make_order, make_product


@pytest.fixture
def product(merchant: Merchant) -> Product:
    return make_product(merchant, "龙井 Longjing")


@pytest.fixture
def buyer(merchant: Merchant) -> Customer:
    return make_customer(merchant, name="李晓梅", email="li@example.com")


@pytest.fixture
def delivered(merchant: Merchant, buyer: Customer, product: Product) -> Order:
    with merchant_scope(merchant):
        return make_order(
            merchant, buyer, lines=[(product, 1, "50")], fulfilment="delivered", email="li@example.com"
        )
