"""People who came in twice: some put together by the manager, one pair that waits for a decision."""

from __future__ import annotations

from crm.accounts.models import Membership, Merchant
from customers.conflicts import conflicts_note
from customers.merging.services import customers_merge
from customers.models import Customer, Identity
from customers.notes import note_add
from customers.services import customer_create

MERGED = 3


def doubles_write(*, merchant: Merchant, manager: Membership, agent: Membership) -> None:
    """Three of the best customers had signed up a second time under a private address; two others were named by
    one order."""
    best = list(
        Customer.objects.present()
        .exclude(email="")
        .exclude(name="")
        .order_by("-metrics__net", "pk")[: MERGED + 2]
    )
    for number, survivor in enumerate(best[:MERGED], start=1):
        double = customer_create(
            merchant=merchant,
            source="form",
            name=survivor.name,
            email=f"private{number}.{survivor.email.replace('@', '.')}@mail.example",
            city=survivor.city,
            tags=["newsletter"],
        )
        note_add(
            customer=double, author=agent, text="同一位客人，另一个邮箱。 The same person, another address."
        )
        customers_merge(survivor=survivor, absorbed=double, by=manager)
    if len(best) == MERGED + 2:
        kinds = [Identity.Kind.EMAIL, Identity.Kind.MEMBER]
        conflicts_note(
            merchant=merchant, customer=best[-2], other_ids=[best[-1].pk], kinds=kinds, source="tmall"
        )
