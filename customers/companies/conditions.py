"""Segment conditions over the companies that a customer belongs to or speaks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from customers.fields.conditions import company_source
from customers.models import Company, CompanyContact, Customer
from customers.querysets import CompanyQuerySet
from customers.segmenting import (
    COMPARE,
    HITS,
    IS,
    OPERATORS,
    Condition,
    Field,
    Members,
    Option,
    Params,
    Row,
    Scope,
    add_condition,
    add_condition_source,
    choice_field,
    fixed_field,
    options_in_use,
)

COMPANY = _("Company")
CONTACTS, COMPANIES, CUSTOMERS = (model._meta.db_table for model in (CompanyContact, Company, Customer))
VALUES = _("Values")


@dataclass(frozen=True)
class _Where:
    """A predicate on a company `k` or on the link to it `l`; `on_link` asks only those with a link, whose
    role is known."""

    text: str
    params: tuple[object, ...] = ()
    on_link: bool = False


def people_of_companies(scope: Scope, where: _Where) -> Members:
    """Those who belong to such a company or speak for it; archived companies count as none."""
    among = scope.among("l.customer_id")
    company = (
        f"JOIN {COMPANIES} k ON k.merchant_id = l.merchant_id AND k.id = l.company_id"
        " AND k.archived_at IS NULL"
    )
    asked = f"l.merchant_id = %s::bigint{among.text} AND ({where.text})"
    params = (scope.merchant_id, *among.params, *where.params)
    linked = f"SELECT l.customer_id FROM {CONTACTS} l {company} WHERE {asked}"
    if where.on_link:
        return Members(linked, params)
    own = (
        "SELECT l.customer_id FROM (SELECT c.id AS customer_id, c.merchant_id, c.company_id"
        f" FROM {CUSTOMERS} c WHERE c.merchant_id = %s::bigint AND c.company_id IS NOT NULL) l"
        f" {company} WHERE {asked}"
    )
    return Members(f"{linked} UNION {own}", (*params, scope.merchant_id, *params))


def _belongs(params: Params, scope: Scope) -> Members:
    found = people_of_companies(scope, _Where("TRUE"))
    return scope.outside(found) if params["belongs"] == "not" else found


def _one_of(text: str, params: Params, scope: Scope, values: list[object]) -> Members:
    found = people_of_companies(scope, _Where(text, (values,)))
    return scope.outside(found) if params["is"] == "not" else found


def _named(params: Params, scope: Scope) -> Members:
    return _one_of("k.id = ANY(%s::bigint[])", params, scope, [int(value) for value in params["values"]])


def _kind(params: Params, scope: Scope) -> Members:
    return _one_of("k.kind = ANY(%s)", params, scope, list(params["values"]))


def _price_group(params: Params, scope: Scope) -> Members:
    return _one_of("k.price_group = ANY(%s)", params, scope, list(params["values"]))


def _tagged(params: Params, scope: Scope) -> Members:
    return _one_of("k.tags && %s::varchar[]", params, scope, list(params["values"]))


def _credit(params: Params, scope: Scope) -> Members:
    """Limits in the shop's own currency; one in another is no answer to a sum in this one."""
    text = f"k.credit_limit {OPERATORS[params['compare']]} %s AND k.currency IN ('', %s)"
    return people_of_companies(scope, _Where(text, (params["value"], scope.merchant.base_currency)))


def _role(params: Params, scope: Scope) -> Members:
    return people_of_companies(
        scope, _Where("l.roles && %s::varchar[]", (list(params["values"]),), on_link=True)
    )


def search_companies(query: str, values: Sequence[str]) -> list[Option]:
    return _companies(Company.objects.all(), query, values)


def search_companies_seen(query: str, values: Sequence[str], membership: Membership) -> list[Option]:
    return _companies(Company.objects.visible_to(membership), query, values)


def _companies(rows: CompanyQuerySet, query: str, values: Sequence[str]) -> list[Option]:
    if values:
        found = rows.filter(pk__in=[int(value) for value in values if value.isdigit()])
    else:
        found = rows.filter(archived_at__isnull=True, name__icontains=query).order_by("name")[:HITS]
    return [Option(str(pk), name) for pk, name in found.values_list("pk", "name")]


def _used(column: str) -> list[Option]:
    return options_in_use(Company.objects.filter(archived_at__isnull=True), column)


def _tags(query: str, values: Sequence[str]) -> list[Option]:
    if values:
        return [Option(value, value) for value in values]
    named = Company.objects.exclude(tags=[]).values_list("tags", flat=True)[:5_000]
    folded = query.casefold()
    tags = sorted({tag for row in named for tag in row if folded in tag.casefold()})
    return [Option(tag, tag) for tag in tags[:HITS]]


def _of_field(row: Row, scope: Scope) -> Members:
    """A company's own field: the predicate that fields make of `c.attributes`, on the company."""
    text = row.text.replace("c.attributes", "k.attributes")
    return people_of_companies(scope, _Where(text, row.params))


def register() -> None:
    """Called by customers/conditions.py, which is found at start."""
    belongs = choice_field("belongs", _("Comparison"), (("does", _("belong")), ("not", _("don't belong"))))
    named = Field(
        "values",
        "search",
        VALUES,
        [],
        search=search_companies,
        search_seen=search_companies_seen,
        numeric=True,
    )
    for condition in (
        Condition(
            "companies.member",
            COMPANY,
            _("Belongs to a company"),
            _("who {belongs} to a company"),
            _belongs,
            (belongs,),
        ),
        Condition(
            "companies.company",
            COMPANY,
            _("Which company"),
            _("whose company {is} {values}"),
            _named,
            (IS, named),
        ),
        Condition(
            "companies.kind",
            COMPANY,
            _("Kind of company"),
            _("whose company {is} a {values}"),
            _kind,
            (IS, fixed_field("values", VALUES, Company.Kind.choices)),
        ),
        Condition(
            "companies.tag",
            COMPANY,
            _("Tag of the company"),
            _("whose company {is} tagged {values}"),
            _tagged,
            (IS, Field("values", "search", VALUES, [], search=_tags)),
        ),
        Condition(
            "companies.price_group",
            COMPANY,
            _("Price group"),
            _("whose company's price group {is} {values}"),
            _price_group,
            (IS, Field("values", "choices", VALUES, [], options=lambda: _used("price_group"))),
        ),
        Condition(
            "companies.credit",
            COMPANY,
            _("Credit limit"),
            _("whose company has a credit limit of {compare} {value}"),
            _credit,
            (COMPARE, Field("value", "money", _("Amount"), 1000)),
        ),
        Condition(
            "companies.role",
            COMPANY,
            _("Role at a company"),
            _("who at a company are {values}"),
            _role,
            (fixed_field("values", VALUES, CompanyContact.Role.choices),),
        ),
    ):
        add_condition(condition)
    add_condition_source(company_source(COMPANY, _of_field))
