"""What a bulk change is made of, whom it would change, and what it does to one customer.

{"stage": "repeat", "owner": 7, "add_tags": ["vip"], "remove_tags": [], "attributes": {"tea": "green",
"x": null}} Owner and team are ids, null for nobody; in `attributes` null takes a value away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant, Team
from crm.lib.errors import Rejected, Text
from customers import timeline
from customers.fields.selectors import definitions
from customers.fields.values import Reader, clean_attributes
from customers.models import Customer
from customers.normalising import normalise_name
from customers.services import MOST_TAGS, clean_tags

CHOSEN = {"kind": Customer.Kind.values, "stage": Customer.Stage.values}
WORDS = {"grade": 20, "region": 100, "city": 100}
REFERENCES = ("owner", "team")
TAGS = ("add_tags", "remove_tags")
KNOWN = frozenset({*CHOSEN, *WORDS, *REFERENCES, *TAGS, "language", "attributes"})


def clean_changes(merchant: Merchant, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The changes in the form above. Raises Rejected with each wrong input's name, or when nothing is asked.

    A unique custom field can't be given to many.
    """
    clean, faults = _plain(merchant, raw)
    clean |= {name: tags for name in TAGS if (tags := clean_tags(raw.get(name) or []))}
    if raw.get("attributes"):
        clean["attributes"], wrong = _attributes(merchant, raw["attributes"])
        faults |= wrong
    if faults:
        raise Rejected(next(iter(faults.values()))[0], code="bad_change", fields=faults)
    if not clean:
        raise Rejected(_("Choose what to change."), code="nothing_to_change")
    return clean


def _plain(merchant: Merchant, raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[Text]]]:
    """(what every customer has, clean; input → what is wrong)"""
    faults: dict[str, list[Text]] = {name: [_("Unknown field.")] for name in sorted(set(raw) - KNOWN)}
    clean: dict[str, Any] = {name: raw[name] for name in CHOSEN if name in raw}
    clean |= {
        name: normalise_name(str(raw[name] or ""))[:most] for name, most in WORDS.items() if name in raw
    }
    listed: dict[str, Any] = {**CHOSEN, "language": ["", *dict(settings.LANGUAGES)]}
    if "language" in raw:
        clean["language"] = raw["language"] or ""
    for name, values in listed.items():
        if name in clean and clean[name] not in values:
            faults[name] = [_("Choose one of the list.")]
    for name in REFERENCES:
        if name in raw:
            clean[name] = raw[name]
            if raw[name] is not None and not _exists(merchant, name, raw[name]):
                faults[name] = [
                    _("Choose a team.") if name == "team" else _("Choose somebody who works here.")
                ]
    return clean, faults


def _exists(merchant: Merchant, name: str, pk: Any) -> bool:
    if not isinstance(pk, int) or isinstance(pk, bool):
        return False
    if name == "owner":
        return Membership.objects.filter(merchant=merchant, pk=pk, is_active=True).exists()
    return Team.objects.filter(pk=pk).exists()


def _attributes(merchant: Merchant, sent: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[Text]]]:
    fields = definitions()
    values, wrong = clean_attributes(fields, sent, Reader(merchant))
    unique = {one.key for one in fields if one.is_unique}
    wrong |= {key: _("No two may have the same.") for key in unique if values.get(key) is not None}
    return values, {f"attributes.{key}": [text] for key, text in wrong.items()}


def would_change(rows: QuerySet[Customer], changes: Mapping[str, Any]) -> QuerySet[Customer]:
    """Those of the rows who are not already as the change wants them."""
    differs = Q()
    for name in (*CHOSEN, *WORDS, "language"):
        if name in changes:
            differs |= ~Q(**{name: changes[name]})
    for name in REFERENCES:
        if name in changes:
            pk = changes[name]
            differs |= (
                Q(**{f"{name}__isnull": False})
                if pk is None
                else ~Q(**{f"{name}_id": pk}) | Q(**{f"{name}__isnull": True})
            )
    if changes.get("add_tags"):
        differs |= ~Q(tags__contains=changes["add_tags"])
    if changes.get("remove_tags"):
        differs |= Q(tags__overlap=changes["remove_tags"])
    for key, value in (changes.get("attributes") or {}).items():
        differs |= Q(attributes__has_key=key) if value is None else ~Q(attributes__contains={key: value})
    return rows.filter(differs)


COLUMNS = {"owner": "owner_id", "team": "team_id"}


def columns_of(changes: Mapping[str, Any]) -> list[str]:
    """The customer's fields that the change may touch."""
    names = [name for name in (*CHOSEN, *WORDS, "language", *REFERENCES) if name in changes]
    names += ["tags"] if changes.get("add_tags") or changes.get("remove_tags") else []
    return names + (["attributes"] if changes.get("attributes") else [])


def changed_values(customer: Customer, changes: Mapping[str, Any]) -> dict[str, Any]:
    """column → what it is to be, for the columns that differ."""
    wanted: dict[str, Any] = {}
    for name in columns_of(changes):
        if name == "tags":
            removed = set(changes.get("remove_tags", ()))
            tags = [one for one in customer.tags if one not in removed] + list(changes.get("add_tags", ()))
            wanted["tags"] = list(dict.fromkeys(tags))[:MOST_TAGS]
        elif name == "attributes":
            merged = {**customer.attributes, **changes["attributes"]}
            wanted["attributes"] = {key: value for key, value in merged.items() if value is not None}
        else:
            wanted[COLUMNS.get(name, name)] = changes[name]
    return {column: value for column, value in wanted.items() if getattr(customer, column) != value}


def changes_told(changes: Mapping[str, Any]) -> list[str]:
    """What a bulk change does, for people: "Stage: Repeat customer", "+ vip". Two queries at most."""
    labels = timeline.WORDS | {one.key: one.label for one in definitions()}
    shown: dict[str, Any] = {
        "kind": dict(Customer.Kind.choices),
        "stage": dict(Customer.Stage.choices),
        "language": dict(settings.LANGUAGES),
    }
    told = []
    for name, value in {**changes, **changes.get("attributes", {})}.items():
        if name in TAGS:
            told += [f"{'+' if name == 'add_tags' else '−'} {tag}" for tag in value]
        elif name != "attributes":
            known = shown.get(name, {}).get(value, value)
            if name in REFERENCES and value is not None:
                known = _named(name, value)
            told.append(f"{capfirst(str(labels.get(name, name)))}: {'–' if known in (None, '') else known}")
    return told


def _named(name: str, pk: int) -> str:
    if name == "owner":
        member = Membership.objects.filter(pk=pk).select_related("user").first()
        return str(member.user) if member else f"#{pk}"
    team = Team.objects.filter(pk=pk).first()
    return team.name if team else f"#{pk}"
