"""Orders as they come in, and a customer with all that hangs on them as text."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any

from django.db import connection
from django.utils import timezone

from crm.accounts.models import Merchant
from customers.identities import Contact
from customers.merging.registry import REGISTRY, table_of
from customers.models import Customer
from orders import metrics
from orders.drafts import LineDraft, OrderDraft, RefundDraft
from orders.models import Order
from orders.upsert import order_upsert
from tests.factories.orders import make_channel

_numbers = count(1)
# Columns that say when somebody last looked, not what is so.
CLOCKS = {"updated_at", "split_at", "score_change"}
# Words of the merge itself: they stay where they were said.
OWN_EVENTS = (
    "customers.merged",
    "customers.unmerged",
    "customers.consent_granted",
    "customers.consent_withdrawn",
)


def draft(customer: Customer | None = None, **contact: Any) -> OrderDraft:
    number = next(_numbers)
    contact = {"email": customer.email, "phone": customer.phone} | contact if customer else contact
    return OrderDraft(
        external_id=f"m{number}",
        placed_at=timezone.now(),
        currency="CNY",
        total=Decimal(100),
        contact=Contact(**contact),
        lines=(
            LineDraft(
                external_id="1", title="Teapot", quantity=1, unit_price=Decimal(100), total=Decimal(100)
            ),
        ),
        payment="paid",
    )


def new_order(merchant: Merchant, customer: Customer | None = None, **contact: Any) -> Order:
    """An order through its door, with the metrics that follow."""
    done = order_upsert(
        merchant=merchant, channel=make_channel(merchant), draft=draft(customer, **contact), source="test"
    )
    metrics.refresh(merchant_id=merchant.pk, customer_ids=[done.order.customer_id])
    return done.order


def refund(merchant: Merchant, order: Order, amount: str = "10") -> None:
    number = next(_numbers)
    order.refresh_from_db()
    again = OrderDraft(
        external_id=order.external_id,
        placed_at=order.placed_at,
        currency=order.currency,
        total=order.total,
        contact=Contact(email=order.email, phone=order.phone),
        refunds=(RefundDraft(external_id=f"r{number}", amount=Decimal(amount), refunded_at=timezone.now()),),
        payment="paid",
    )
    order_upsert(
        merchant=merchant, channel=order.channel, draft=replace(again, version=order.version), source="test"
    )
    order.refresh_from_db()
    metrics.refresh(merchant_id=merchant.pk, customer_ids=[order.customer_id])


def dump(customer: Customer) -> dict[str, list[str]]:
    """Every row that refers to the customer, and their own, as text; what a merge itself says is left out."""
    found = {"customers.Customer": _rows("customers_customer", "id", customer)}
    for model, column in REGISTRY.rows:
        if model in ("customers.MergeRecord", "customers.IdentityConflict", "marketing.TouchedCustomer"):
            continue
        if (model, column) != ("customers.Customer", "merged_into_id"):
            found[model] = _rows(table_of(model), column, customer)
    return found


def _rows(table: str, column: str, customer: Customer) -> list[str]:
    own = {
        "customers_consent": "AND source <> 'merge'",
        "customers_duplicatepair": "AND merge_id IS NULL",
        "events_event": f"AND name NOT IN {OWN_EVENTS}",
    }
    less = "".join(f" - '{name}'" for name in sorted(CLOCKS))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT (to_jsonb(t){less})::text FROM {table} t WHERE t.merchant_id = %s AND t.{column} = %s"
            f" {own.get(table, '')} ORDER BY 1",
            [customer.merchant_id, customer.pk],
        )
        return [row[0] for row in cursor.fetchall()]
