"""Finding the one row that somebody means by typing: a field with suggestions, "Name #17"."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from customers.companies.searching import matching
from customers.models import Company, Customer
from customers.searching import customer_ids_found
from customers.services import fault

MOST_OFFERED = 12
NUMBERED = re.compile(r"#([0-9]{1,18})\s*$")


def companies_offered(text: str, membership: Membership) -> list[Company]:
    """Those that the words find and the member may see."""
    rows = matching(Company.objects.active().visible_to(membership), text)
    return list(rows.order_by("name", "pk")[:MOST_OFFERED])


def company_meant(text: str, membership: Membership, *, field: str) -> Company | None:
    """The company, None for nothing typed. Raises Rejected (with that field) when it is nobody or several."""
    rows = Company.objects.active().visible_to(membership)
    found: Company | None = _meant(rows, text, field, lambda: matching(rows, text))
    return found


def customers_offered(text: str, membership: Membership) -> list[Customer]:
    ids = customer_ids_found(text, limit=MOST_OFFERED * 4)
    rows = Customer.objects.present().visible_to(membership).filter(pk__in=ids)
    return list(rows.select_related("company").order_by("name", "pk")[:MOST_OFFERED])


def customer_meant(text: str, membership: Membership, *, field: str) -> Customer | None:
    rows = Customer.objects.present().visible_to(membership)
    found: Customer | None = _meant(
        rows, text, field, lambda: rows.filter(pk__in=customer_ids_found(text, limit=MOST_OFFERED))
    )
    return found


def _meant(rows: QuerySet[Any], text: str, field: str, search: Any) -> Any:
    text = text.strip()
    if not text:
        return None
    if numbered := NUMBERED.search(text):
        one = rows.filter(pk=int(numbered[1])).first()
        if one is not None:
            return one
    same = list(rows.filter(name__iexact=text)[:2])
    found = same or list(search()[:2])
    if not found:
        raise fault(field, _("Nothing is found under “%(text)s”.") % {"text": text[:60]})
    if len(found) > 1:
        raise fault(field, _("More than one fits “%(text)s”; choose one of the list.") % {"text": text[:60]})
    return found[0]
