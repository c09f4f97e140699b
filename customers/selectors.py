"""Page-shaped reads of customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.functional import Promise

from crm.accounts.models import Membership
from crm.lib.errors import NotFound
from crm.lib.keyset import Count, Page, count_of, keyset_page
from crm.lib.listing import Listing
from customers.codes import source_text
from customers.filters import ORDER
from customers.merged import MergedAway
from customers.models import Consent, ConsentRequest, Customer
from customers.models.consent import Channel, Purpose
from customers.preferences.switches import open_requests
from customers.searching import MOST_HITS, customer_ids_found

Text = str | Promise
# Nobody answers oftener; a script that toggled must not fill a page.
LONGEST_HISTORY = 500


def customer_for(*, membership: Membership, customer_id: int) -> Customer:
    """The customer, with metrics, owner and company, if the member may see them, else NotFound. One query.

    Raises MergedAway for one who was merged into somebody that the member may see.
    """
    rows = Customer.objects.visible_to(membership).select_related("metrics", "owner__user", "company")
    customer: Customer | None = rows.filter(pk=customer_id).first()
    if customer is None:
        raise NotFound()
    if customer.merged_into_id is not None:
        # Only who may see the person they are now is told where they are.
        if not rows.filter(pk=customer.merged_into_id).exists():
            raise NotFound()
        raise MergedAway(customer.merged_into_id)
    customer.merchant = membership.merchant
    return customer


# --- the list -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CustomerList:
    """One page of the list. `is_capped`: the search found more people than it looks at."""

    page: Page[Customer]
    count: Count | None
    is_capped: bool


def customer_list(*, membership: Membership, listing: Listing, related: Sequence[str] = ()) -> CustomerList:
    """The rows behind the cursor with what they show (`related`: what the chosen columns read beside it); the
    count with the first page only.

    Two queries, one more when searching, two more when typing errors are forgiven.
    """
    rows, is_capped = _listed(membership, listing)
    with_facts = rows.select_related("metrics", "owner__user", "company", *related)
    page = keyset_page(with_facts, order=ORDER[listing.sort or "recent"], after=listing.after)
    return CustomerList(page, None if listing.after else count_of(rows), is_capped)


def customers_listed(*, membership: Membership, listing: Listing) -> QuerySet[Customer]:
    """Everyone the list shows, in no order."""
    return _listed(membership, listing)[0]


def _listed(membership: Membership, listing: Listing) -> tuple[QuerySet[Customer], bool]:
    rows: QuerySet[Customer] = listing.narrow(Customer.objects.present().visible_to(membership))
    if not listing.search:
        return rows, False
    ids = customer_ids_found(listing.search)
    return rows.filter(pk__in=ids), len(ids) >= MOST_HITS


# --- the record ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reach:
    """Whether one purpose is allowed on one channel; None: never asked."""

    channel: str
    purpose: str
    channel_label: Text
    purpose_label: Text
    entry: Consent | None
    waiting: ConsentRequest | None = None

    @property
    def granted(self) -> bool | None:
        return self.entry.granted if self.entry else None

    @property
    def source_text(self) -> str:
        """Where the entry came from, in words."""
        return str(source_text(self.entry.source)) if self.entry else ""


def reach_of(customer: Customer) -> list[Reach]:
    """Every channel and purpose with its newest ledger entry and a question that waits; two queries."""
    newest = (
        Consent.objects.filter(customer=customer)
        .order_by("channel", "purpose", "-recorded_at", "-id")
        .distinct("channel", "purpose")
    )
    known = {(one.channel, one.purpose): one for one in newest}
    waiting = open_requests(customer.pk)
    return [
        Reach(
            channel.value,
            purpose.value,
            "" if purpose == Purpose.PROFILING else channel.label,
            purpose.label,
            known.get((channel.value, purpose.value)),
            waiting.get((channel.value, purpose.value)),
        )
        for channel, purpose in (
            *((channel, purpose) for channel in Channel for purpose in (Purpose.MARKETING, Purpose.REVIEWS)),
            (Channel.EMAIL, Purpose.PROFILING),
        )
    ]


def consent_history(customer: Customer) -> list[Consent]:
    """Every entry of the ledger with its wording, newest first; at most 500. One query."""
    rows = Consent.objects.filter(customer=customer).select_related("wording")
    return list(rows.order_by("-recorded_at", "-id")[:LONGEST_HISTORY])
