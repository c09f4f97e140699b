"""Finding companies, by the grammar in which customers are found (customers/tokens.py)."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from customers.models import Company
from customers.tokens import document_of, search_terms


def document_for(company: Company) -> str:
    """The line that is searched: name with its Chinese windows and pinyin, numbers, phone, e-mail, web."""
    site = company.website.partition("://")[2].removeprefix("www.").partition("/")[0]
    return document_of(
        names=[company.name, *company.tags],
        emails=[company.email],
        phones=[company.phone],
        ids=[company.tax_number, company.registration_number, company.external_id, site],
    )


def matching(rows: QuerySet[Company], text: str) -> QuerySet[Company]:
    """The rows that every word of `text` finds; all of them for an empty search."""
    for term in search_terms(text):
        either = Q()
        for one in term:
            either |= Q(document__contains=f" {one}")
        rows = rows.filter(either)
    return rows
