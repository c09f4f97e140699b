"""Reads of field definitions, and who has values in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership, SavedView
from crm.events.types import Text
from crm.lib.once import once
from crm.lib.tenancy import scoped_merchant_id
from customers.models import Company, Customer, FieldDefinition

Subject = FieldDefinition.Subject


def definitions(applies_to: str = Subject.CUSTOMER) -> list[FieldDefinition]:
    """The fields in use, in the shop's order; one query, and one for a whole page."""
    rows = FieldDefinition.objects.filter(applies_to=applies_to).in_use().in_order()
    return list(once(("customers.fields", scoped_merchant_id(), applies_to), lambda: list(rows)))


def definitions_seen(membership: Membership, applies_to: str = Subject.CUSTOMER) -> list[FieldDefinition]:
    """Those by which the member may filter and sort: not the personal ones when these are masked for them,
    because a filter tells what it hides."""
    found = definitions(applies_to)
    return found if membership.can("customers.pii") else [one for one in found if not one.is_personal]


# Whose `attributes` hold the values. A floor that gives another noun fields adds it here.
HOLDERS: dict[str, type[Any]] = {Subject.CUSTOMER: Customer, Subject.COMPANY: Company}


def subjects() -> list[tuple[str, str]]:
    """(value, label) of the nouns that can have fields."""
    return [(value, str(Subject(value).label)) for value in HOLDERS]


def holders(definition: FieldDefinition) -> QuerySet[Any]:
    """Every row with a value in the field, along the index on attributes."""
    rows: QuerySet[Any] = HOLDERS[definition.applies_to].objects.filter(attributes__has_key=definition.key)
    return rows


@dataclass(frozen=True)
class Use:
    """Something that would notice if the field were gone."""

    label: Text
    name: Text
    href: str = ""


def _saved_views(definition: FieldDefinition) -> list[Use]:
    """Lists that are narrowed by the field or show it."""
    word = f"f.{definition.key}"
    rows = SavedView.objects.filter(list_key="customers", query__contains=word).order_by("position", "pk")
    return [
        Use(_("Saved view"), one.name if one.audience != SavedView.Audience.OWN else _("(a colleague's own)"))
        for one in rows
        if _names(one.query, word)
    ]


def _names(query: str, word: str) -> bool:
    parts = {part for pair in parse_qsl(query) for part in (pair[0], *pair[1].split(","))}
    return any(part == word or part.startswith(f"{word}.") for part in parts)


# Each answers the uses of one field among the rows of its app; upper floors add theirs.
USES: list[Callable[[FieldDefinition], list[Use]]] = [_saved_views]


def add_uses(find: Callable[[FieldDefinition], list[Use]]) -> None:
    USES.append(find)


def uses_of(definition: FieldDefinition) -> list[Use]:
    """Who would notice. Lists, segments and mails name the fields of customers only: one of companies with
    the same key is another one."""
    if definition.applies_to != Subject.CUSTOMER:
        return []
    return [use for find in USES for use in find(definition)]
