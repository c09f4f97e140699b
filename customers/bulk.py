"""Changes to many customers at once, from the list."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.events.emitting import Draft, emit_many
from customers import events
from customers.models import Customer
from customers.services import MOST_TAGS, clean_tags, fault

# Rows that one press may change; a whole segment is an import's or a journey's business.
MOST_SELECTED = 1_000


@transaction.atomic
def customers_tag(
    *, merchant: Merchant, customers: Iterable[Customer], tag: str, remove: bool = False
) -> int:
    """Puts the tag on these customers, or takes it off; how many changed. Raises Rejected for no tag."""
    cleaned = clean_tags([tag])
    if not cleaned:
        raise fault("tag", _("Type a tag."))
    word = cleaned[0]
    changed = []
    for customer in _locked(customers):
        if (word in customer.tags) is remove:
            tags = [one for one in customer.tags if one != word] if remove else [*customer.tags, word]
            customer.tags = tags[:MOST_TAGS]
            changed.append(customer)
    Customer.objects.bulk_update(changed, ["tags"], batch_size=500)
    _announce_many(merchant, changed, "tags")
    return len(changed)


@transaction.atomic
def customers_assign(*, merchant: Merchant, customers: Iterable[Customer], owner: Membership | None) -> int:
    """Gives these customers to the member (or to nobody); how many changed. Raises Rejected for somebody who
    doesn't work here any more."""
    if owner is not None and (owner.merchant_id != merchant.pk or not owner.is_active):
        raise fault("owner", _("Choose somebody who works here."))
    changed = [one for one in _locked(customers) if one.owner_id != (owner.pk if owner else None)]
    for customer in changed:
        customer.owner = owner
    Customer.objects.bulk_update(changed, ["owner"], batch_size=500)
    _announce_many(merchant, changed, "owner")
    return len(changed)


def _locked(customers: Iterable[Customer]) -> list[Customer]:
    ids = sorted({one.pk for one in customers})[:MOST_SELECTED]
    return list(Customer.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk"))


def _announce_many(merchant: Merchant, changed: Iterable[Customer], what: str) -> None:
    drafts = [
        Draft(events.CUSTOMER_CHANGED, one.pk, one._meta.label_lower, one.pk, {"changes": what})
        for one in changed
    ]
    emit_many(drafts, merchant=merchant)
