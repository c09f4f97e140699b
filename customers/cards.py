"""People as vCard 4.0 (RFC 6350), for telephones and address books."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db.models import Prefetch, QuerySet

from customers.duplicates.persons import COMPOUND_SURNAMES
from customers.models import Address, CompanyContact, Customer

CHUNK = 500
LINE_OCTETS = 75  # RFC 6350 §3.2, without the line's end
# RFC 4122 §4.3: one shop's customer has one UID for ever, and it tells nobody the number.
NAMESPACE = uuid.UUID("8a2c7a4e-3a7f-5c0e-9d54-6b2f4d1f6f3a")
ADDRESS_TYPES = {"home": "home", "work": "work"}
_HAN_NAME = re.compile(r"[\u3400-\u9fff]{2,4}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Job:
    """What somebody does for a firm."""

    company: str = ""
    title: str = ""
    roles: Sequence[str] = field(default_factory=tuple)


def cards(people: QuerySet[Customer], *, whole: bool) -> Iterator[str]:
    """A card each, in the order given, a few hundred in memory. Without `whole` there is nothing on them by
    which somebody could be reached."""
    rows = people.select_related("company").prefetch_related(
        Prefetch("addresses", queryset=Address.objects.order_by("-is_default", "pk")),
        Prefetch("company_links", queryset=CompanyContact.objects.select_related("company").order_by("pk")),
    )
    for customer in rows.iterator(chunk_size=CHUNK):
        yield card_of(customer, customer.addresses.all(), _job(customer), whole=whole)


def contact_cards(links: QuerySet[CompanyContact], *, whole: bool) -> Iterator[str]:
    """A card for each contact of a firm: with that firm, and what they do there."""
    rows = links.select_related("company", "customer").prefetch_related(
        Prefetch("customer__addresses", queryset=Address.objects.order_by("-is_default", "pk"))
    )
    for link in rows.iterator(chunk_size=CHUNK):
        job = Job(link.company.name, link.title, link.role_labels)
        yield card_of(link.customer, link.customer.addresses.all(), job, whole=whole)


def _job(customer: Customer) -> Job:
    """At the company that they belong to first."""
    links = {link.company_id: link for link in customer.company_links.all()}
    company = customer.company
    link = links.get(customer.company_id or 0) or next(iter(links.values()), None)
    if company is None and link is not None:
        company = link.company
    title = link.title if link else ""
    return Job(company.name if company else "", title, link.role_labels if link else ())


def card_of(customer: Customer, addresses: Iterable[Address], job: Job, *, whole: bool) -> str:
    """One vCard 4.0 with its line ends. What nobody knows isn't in it."""
    family, given = names_of(customer)
    lines = [
        "BEGIN:VCARD",
        "VERSION:4.0",
        "PRODID:-//Guanxi//EN",
        "KIND:individual",
        f"UID:urn:uuid:{uuid.uuid5(NAMESPACE, f'{customer.merchant_id}/{customer.pk}')}",
        f"FN:{text(_called(customer))}",
        f"N:{text(family)};{text(given)};;;",
    ]
    if whole:
        lines += [f"EMAIL;PREF=1:{text(customer.email)}"] if customer.email else []
        lines += [f"TEL;VALUE=uri;PREF=1:tel:{customer.phone}"] if customer.phone else []
        lines += [_address(one) for one in addresses]
        lines += [f"BDAY:{customer.birthday_on:%Y%m%d}"] if customer.birthday_on else []
    lines += [f"ORG:{text(job.company)}"] if job.company else []
    lines += [f"TITLE:{text(job.title)}"] if job.title else []
    lines += [f"ROLE:{text(role)}" for role in job.roles]
    lines += [f"LANG:{_tag(customer.language)}"] if customer.language else []
    lines += [f"CATEGORIES:{','.join(map(text, customer.tags))}"] if customer.tags else []
    lines += [f"REV:{_instant(customer.updated_at)}", "END:VCARD"]
    return "".join(f"{folded(line)}\r\n" for line in lines)


def _called(customer: Customer) -> str:
    """FN can't be empty."""
    return str(customer)


def names_of(customer: Customer) -> tuple[str, str]:
    """(family, given). Where only the whole is known, a Chinese name begins with the family (one sign, or two
    of the compound ones), and of another the last word is the family."""
    if customer.family_name or customer.given_name:
        return customer.family_name, customer.given_name
    name = customer.name
    if _HAN_NAME.fullmatch(name):
        length = 2 if len(name) > 2 and name[:2] in COMPOUND_SURNAMES else 1
        return name[:length], name[length:]
    given, _blank, family = name.rpartition(" ")
    return (family, given) if given else ("", family)


def _address(one: Address) -> str:
    """The second line and the district go to the street: RFC 6350 §6.3.1 wants the two parts before it
    empty."""
    street = [part for part in (one.line1, one.line2, one.district) if part]
    parts = ["", "", ",".join(map(text, street)), *map(text, (one.city, one.province, one.postal_code))]
    kind = f";TYPE={ADDRESS_TYPES[one.kind]}" if one.kind in ADDRESS_TYPES else ""
    preferred = ";PREF=1" if one.is_default else ""
    return f"ADR{kind}{preferred}:{';'.join([*parts, text(one.country)])}"


def _tag(language: str) -> str:
    """BCP 47: the script begins with a capital."""
    head, sign, script = text(language).partition("-")
    return f"{head}{sign}{script.capitalize() if len(script) == 4 else script}"


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def text(value: str) -> str:
    r"""A value with backslash, comma, semicolon and line ends escaped (RFC 6350 §3.4)."""
    clean = _CONTROL.sub(" ", value.replace("\r\n", "\n"))
    for sign in ("\\", ",", ";"):
        clean = clean.replace(sign, f"\\{sign}")
    return clean.replace("\n", "\\n")


def folded(line: str) -> str:
    """At most 75 octets a line; a fold never cuts a letter in two (RFC 6350 §3.2)."""
    pieces, piece, size = [], "", 0
    for letter in line:
        octets = len(letter.encode("utf-8", "replace"))
        if size + octets > LINE_OCTETS:
            pieces.append(piece)
            piece, size = "", 1  # the blank that begins a line which goes on
        piece, size = piece + letter, size + octets
    return "\r\n ".join([*pieces, piece])
