"""Values of custom fields in words: on pages, in lists, in files, in mails."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.lib.masking import DOTS, mask_any
from crm.lib.tenancy import scoped_merchant, scoped_merchant_id
from crm.lib.ui.formats import day_text, exact_text, money_text, number_text
from crm.lib.ui.places import country_name
from customers.models import Company, Customer, FieldDefinition

Type = FieldDefinition.Type
REFERENCES = (Type.MEMBER, Type.CUSTOMER, Type.COMPANY)


@dataclass(frozen=True)
class Names:
    """Who the referred ids are; read for a whole page at once. A customer whom the member may not see is
    a number."""

    of: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    def name(self, kind: str, pk: Any) -> str:
        return self.of.get(kind, {}).get(pk) or f"#{pk}"


def names_for(
    definitions: Iterable[FieldDefinition], many: Iterable[Mapping[str, Any]], membership: Membership | None
) -> Names:
    """One query for each kind of reference among the definitions, two for customers; none without any."""
    asked: dict[str, set[int]] = defaultdict(set)
    references = [one for one in definitions if one.type in REFERENCES]
    if references:
        for attributes in many:
            for one in references:
                if isinstance(attributes.get(one.key), int):
                    asked[one.type].add(attributes[one.key])
    found: dict[str, dict[int, str]] = {}
    if ids := asked.get(Type.MEMBER):
        members = Membership.objects.filter(merchant_id=scoped_merchant_id(), pk__in=ids)
        found[Type.MEMBER] = {one.pk: str(one.user) for one in members.select_related("user")}
    if ids := asked.get(Type.CUSTOMER):
        found[Type.CUSTOMER] = _people(ids, membership)
    if ids := asked.get(Type.COMPANY):
        found[Type.COMPANY] = dict(Company.objects.filter(pk__in=ids).values_list("pk", "name"))
    return Names(found)


def _people(ids: Iterable[int], membership: Membership | None) -> dict[int, str]:
    """The names of those whom the member may see. Who was merged goes by the name of who they are now: the
    value stays as it is, so that undoing the merge gives them theirs back."""
    asked = Customer.objects.filter(pk__in=ids).values_list("pk", Coalesce("merged_into_id", "pk"))
    now = dict(asked)
    rows = Customer.objects.filter(pk__in=now.values())
    rows = rows.visible_to(membership) if membership else rows
    names = {one.pk: str(one) for one in rows.only("pk", "name", "email", "phone")}
    return {pk: names[is_now] for pk, is_now in now.items() if is_now in names}


def shown(
    definition: FieldDefinition, value: Any, names: Names | None = None, *, may_see: bool = True
) -> str:
    """The value in the reader's language, "" for none; a personal one with its middle hidden from those who
    may not see it. A value that doesn't fit its field any more is shown as it stands."""
    if value is None or value == "" or value == []:
        return ""
    if definition.is_personal and not may_see:
        return mask_any(value) if isinstance(value, str) and definition.type != Type.LONG else DOTS
    try:
        return _words(definition, value, names or Names())
    except (ValueError, TypeError, InvalidOperation):
        return str(value)


def _words(definition: FieldDefinition, value: Any, names: Names) -> str:
    kind = Type(definition.type)
    if kind == Type.YES_NO and isinstance(value, bool):
        return _("Yes") if value else _("No")
    if kind == Type.NUMBER:
        return number_text(Decimal(str(value)))
    if kind == Type.MONEY:
        home = str(getattr(scoped_merchant(), "base_currency", ""))
        return money_text(Decimal(str(value)), home, home=home) if home else str(value)
    if kind == Type.DATE:
        return day_text(date.fromisoformat(value))
    if kind == Type.INSTANT:
        return exact_text(datetime.fromisoformat(value))
    if kind == Type.COUNTRY:
        return country_name(str(value))
    if kind in REFERENCES:
        return names.name(kind, value)
    if definition.has_choices:
        labels = definition.labels
        return ", ".join(labels.get(one, str(one)) for one in (value if isinstance(value, list) else [value]))
    return str(value)


def exported(definition: FieldDefinition, value: Any, *, whole: bool) -> Any:
    """The value as a cell of a file that can be imported again; a personal one masked unless `whole`."""
    if value is None or value == "" or value == []:
        return ""
    if definition.is_personal and not whole:
        return shown(definition, value, may_see=False)
    return ", ".join(map(str, value)) if isinstance(value, list) else value


@dataclass(frozen=True)
class Fact:
    """A field with what a customer has in it."""

    definition: FieldDefinition
    value: Any
    text: str

    @property
    def href(self) -> str:
        """An address to follow; only what validation let in as http or https becomes a link."""
        is_link = self.definition.type == Type.URL and str(self.value).startswith(("https://", "http://"))
        return str(self.value) if is_link else ""


@dataclass(frozen=True)
class Section:
    title: str
    facts: list[Fact]


def sections_of(
    definitions: Iterable[FieldDefinition], attributes: Mapping[str, Any], membership: Membership
) -> list[Section]:
    """The fields under their headings, in the shop's order; unfilled ones too. At most three queries."""
    definitions = list(definitions)
    names = names_for(definitions, [attributes], membership)
    may_see = membership.can("customers.pii")
    sections: dict[str, list[Fact]] = {}
    for one in definitions:
        value = attributes.get(one.key)
        fact = Fact(
            one, value if may_see or not one.is_personal else None, shown(one, value, names, may_see=may_see)
        )
        sections.setdefault(one.section, []).append(fact)
    return [Section(title, facts) for title, facts in sections.items()]
