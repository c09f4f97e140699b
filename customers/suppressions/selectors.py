"""What stands on the list: one address, how many by reason, the newest entries."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count

from crm.accounts.models import Membership
from customers.consent import address_digest, address_owner
from customers.models import Customer, ErasedKey, Suppression


@dataclass(frozen=True)
class Answer:
    """Whether the address is on the list. `owner` is whose it is, where the member sees them; `may_lift` is
    False for who was erased."""

    channel: str
    address: str
    entry: Suppression | None
    owner: Customer | None
    may_lift: bool


def suppression_answer(*, membership: Membership, channel: str, value: str) -> Answer:
    """About a normalised address; three queries at most."""
    digest = address_digest(value)
    entry = Suppression.objects.filter(channel=channel, digest=digest).first()
    people = Customer.objects.present().visible_to(membership)
    owner = people.filter(pk=address_owner(channel, value) or 0).first()
    return Answer(channel, value, entry, owner, entry is not None and may_lift(entry))


def may_lift(entry: Suppression) -> bool:
    """Whether nobody with this address was erased."""
    if entry.reason == Suppression.Reason.ERASED:
        return False
    return not ErasedKey.objects.filter(digest=entry.digest).exists()


def suppression_counts() -> dict[str, int]:
    """Reason → how many addresses. One query over one index."""
    rows = Suppression.objects.order_by().values_list("reason").annotate(n=Count("pk"))
    return dict(rows)


def people_of(entries: list[Suppression], membership: Membership) -> dict[int, Customer]:
    """Customer id → the customer, of those whom the member sees; one query."""
    ids = {one.customer_id for one in entries if one.customer_id}
    seen = Customer.objects.present().visible_to(membership).filter(pk__in=ids)
    return {one.pk: one for one in seen}
