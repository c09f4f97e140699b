"""Page-shaped reads of companies."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count as CountOf
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from crm.accounts.models import Membership
from crm.accounts.services import rate_to_base
from crm.lib.errors import NotFound
from crm.lib.keyset import Count, Page, count_of, keyset_page
from crm.lib.listing import Listing
from crm.lib.money import ZERO, rounded
from customers.companies.contacts import contacts_of
from customers.companies.filters import ORDER
from customers.companies.registries import owed_by
from customers.companies.searching import matching
from customers.models import Company, Customer, Metrics

# What a page shows of people; a company of more has its own filter of the customer list.
MOST_CONTACTS = 100


def company_for(*, membership: Membership, company_id: int) -> Company:
    """The company with owner, team and parent, if the member may see it, else NotFound. One query."""
    rows = Company.objects.visible_to(membership).select_related(
        "owner__user", "team", "parent", "merged_into"
    )
    company: Company | None = rows.filter(pk=company_id).first()
    if company is None:
        raise NotFound()
    company.merchant = membership.merchant
    return company


@dataclass(frozen=True)
class Credit:
    """How much of the limit is used, in the limit's currency; money not yet paid of orders of its people.

    `used` is None where the shop has no rate for the currency, `limit` where none was agreed.
    """

    limit: Decimal | None
    used: Decimal | None
    currency: str

    @property
    def is_over(self) -> bool:
        return self.limit is not None and self.used is not None and self.used > self.limit

    @property
    def left(self) -> Decimal | None:
        if self.limit is None or self.used is None:
            return None
        return max(self.limit - self.used, ZERO)


def credits_of(companies: list[Company], membership: Membership) -> dict[int, Credit]:
    """By company id; one query for each source of debts and each currency."""
    merchant = membership.merchant
    owed = owed_by([one.pk for one in companies])
    today = timezone.localdate(timezone=merchant.zone)
    currencies = {one.currency or merchant.base_currency for one in companies}
    rates = {code: rate_to_base(merchant=merchant, currency=code, on=today) for code in currencies}
    found = {}
    for one in companies:
        currency = one.currency or merchant.base_currency
        rate = rates[currency]
        used = rounded(owed[one.pk] / rate, currency) if rate else None
        found[one.pk] = Credit(one.credit_limit, used, currency)
    return found


@dataclass(frozen=True)
class CompanyRow:
    company: Company
    people: int
    credit: Credit


@dataclass(frozen=True)
class CompanyList:
    rows: list[CompanyRow]
    page: Page[Company]
    count: Count | None


def company_list(*, membership: Membership, listing: Listing) -> CompanyList:
    """The rows behind the cursor with what they show; the count with the first page only. Four queries and
    the
    rates."""
    rows = companies_listed(membership=membership, listing=listing)
    page = keyset_page(
        rows.select_related("owner__user", "parent"), order=ORDER[listing.sort or "name"], after=listing.after
    )
    ids = [one.pk for one in page.rows]
    people = dict(
        Customer.objects.present()
        .filter(company_id__in=ids)
        .order_by()
        .values_list("company_id")
        .annotate(many=CountOf("pk"))
    )
    credit = credits_of(page.rows, membership)
    shown = [CompanyRow(one, people.get(one.pk, 0), credit[one.pk]) for one in page.rows]
    return CompanyList(shown, page, None if listing.after else count_of(rows))


def companies_listed(*, membership: Membership, listing: Listing) -> QuerySet[Company]:
    """Everything the list shows, in no order."""
    rows: QuerySet[Company] = Company.objects.visible_to(membership)
    rows = rows.filter(archived_at__isnull="archived" not in listing.on)
    return matching(listing.narrow(rows), listing.search)


@dataclass(frozen=True)
class Bought:
    """What the company's own people bought, in the books' currency."""

    people: int
    orders: int
    net: Decimal


def bought_by(company: Company) -> Bought:
    """The metrics of everyone whose first company this is; one query."""
    sums = Metrics.objects.filter(customer__company=company).aggregate(
        people=CountOf("pk"), orders=Sum("orders_count"), net=Sum("net")
    )
    return Bought(sums["people"], sums["orders"] or 0, sums["net"] or ZERO)


@dataclass(frozen=True)
class Contacts:
    """`hidden` counts people whom the member may not see."""

    shown: list[Customer]
    is_cut: bool
    hidden: int


def contacts_for(company: Company, membership: Membership) -> Contacts:
    """The people of the company whom the member may see, first contact first. Three queries."""
    everyone = contacts_of(company)
    visible = Customer.objects.visible_to(membership).values("pk")
    rows = list(everyone.filter(pk__in=visible)[: MOST_CONTACTS + 1])
    hidden = 0 if membership.sees_everything else everyone.exclude(pk__in=visible).count()
    return Contacts(rows[:MOST_CONTACTS], len(rows) > MOST_CONTACTS, hidden)


@dataclass(frozen=True)
class Belonging:
    """A company that a person belongs to or speaks for."""

    company: Company
    roles: list[str]
    title: str
    is_first: bool
    is_visible: bool


def companies_of(customer: Customer, membership: Membership) -> list[Belonging]:
    """The person's own company first. Two queries."""
    links = {one.company_id: one for one in customer.company_links.select_related("company")}
    rows = Company.objects.filter(Q(pk=customer.company_id) | Q(pk__in=list(links))).order_by("name", "pk")
    companies = list(rows)
    visible = set(
        Company.objects.visible_to(membership)
        .filter(pk__in=[one.pk for one in companies])
        .values_list("pk", flat=True)
    )
    found = []
    for one in companies:
        link = links.get(one.pk)
        found.append(
            Belonging(
                one,
                link.role_labels if link else [],
                link.title if link else "",
                one.pk == customer.company_id,
                one.pk in visible,
            )
        )
    return sorted(found, key=lambda one: not one.is_first)


def twins_of(company: Company, membership: Membership, limit: int = 5) -> list[Company]:
    """Others that may be the same firm: of the same tax number, or of the same name but for its legal
    form."""
    rows = Company.objects.active().visible_to(membership).exclude(pk=company.pk)
    same = Q(name__iexact=company.name)
    if company.tax_number:
        same |= Q(tax_number=company.tax_number)
    return list(rows.filter(same).order_by("name", "pk")[:limit])
