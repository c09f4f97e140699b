"""What the customers' own app puts into "my data"."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from crm.events.models import Event
from crm.events.selectors import timeline
from crm.events.types import Text, sentence_of
from crm.lib.private_files import full_path
from customers.codes import source_text
from customers.fields.selectors import definitions
from customers.ledger_words import NAMES
from customers.models import Address, Company, Consent, ConsentRequest, Customer, File, Identity
from customers.portal_registry import DataFile, add_collector, add_left_out

Grants = dict[str, list[int]]
CHUNK = 1_000
# What of a fact is a colleague's: their name, and the words of their tasks.
OF_STAFF = frozenset({"author", "why"})
OF_TASKS = OF_STAFF | {"title"}
PERSON = (
    *(
        "name",
        "given_name",
        "family_name",
        "email",
        "phone",
        "kind",
        "stage",
        "grade",
        "language",
        "time_zone",
    ),
    *("birthday_on", "country", "region", "city", "tags", "source", "created_at", "updated_at"),
)
ADDRESS = (
    *("kind", "name", "phone", "line1", "line2", "district", "city", "province", "postal_code", "country"),
)


def _person(customer: Customer | None, _grants: Grants) -> dict[str, Any]:
    if customer is None:
        return {}
    facts = {name: getattr(customer, name) for name in PERSON if getattr(customer, name)}
    attributes = {
        one.label: customer.attributes[one.key] for one in definitions() if one.key in customer.attributes
    }
    facts |= {"kind": customer.get_kind_display(), "stage": customer.get_stage_display()}
    return facts | {
        "attributes": attributes,
        "addresses": list(Address.objects.filter(customer=customer).order_by("id").values(*ADDRESS)),
        "identities": list(
            Identity.objects.filter(customer=customer)
            .order_by("id")
            .values("kind", "value", "source", "verified_at", "created_at")
        ),
        "companies": list(
            Company.objects.filter(contact_links__customer=customer)
            .order_by("id")
            .values_list("name", flat=True)
        ),
    }


def _consents(customer: Customer | None, _grants: Grants) -> Iterator[dict[str, Any]]:
    ledger = Consent.objects.filter(customer=customer) if customer else Consent.objects.none()
    for entry in ledger.select_related("wording").order_by("recorded_at", "id").iterator(chunk_size=CHUNK):
        proof = {name: value for name, value in entry.proof.items() if name != "user"}
        yield {
            "channel": entry.get_channel_display(),
            "purpose": entry.get_purpose_display(),
            "granted": entry.granted,
            "recorded_at": entry.recorded_at,
            "source": str(source_text(entry.source)),
            "wording": entry.wording.text if entry.wording else "",
            "wording_version": entry.wording_version,
            "proof": proof,
        }


def _waiting(customer: Customer | None, _grants: Grants) -> Iterator[dict[str, Any]]:
    if customer is None:
        return
    rows = ConsentRequest.objects.filter(customer=customer, confirmed_at=None).order_by("asked_at", "id")
    for one in rows.iterator(chunk_size=CHUNK):
        yield {
            "purpose": one.get_purpose_display(),
            "address": one.address,
            "asked_at": one.asked_at,
            "expires_at": one.expires_at,
            "proof": one.proof,
        }


def _own_files(customer: Customer | None) -> QuerySet[File]:
    rows = File.objects.order_by("id")
    return rows.filter(customer=customer) if customer is not None else rows.none()


def _file_list(customer: Customer | None, _grants: Grants) -> Iterator[dict[str, Any]]:
    for file in _own_files(customer).iterator(chunk_size=CHUNK):
        yield {"name": file.name, "created_at": file.created_at, "bytes": file.size, "sha256": file.sha256}


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _files(customer: Customer | None, _grants: Grants) -> Iterator[DataFile]:
    """Those whose bytes are still on the disk; that they were handed over is told once, by the package."""
    for file in _own_files(customer).iterator(chunk_size=CHUNK):
        path = full_path(file.path)
        if path.is_file():
            yield DataFile(file.name, partial(_open, path))


def _history(customer: Customer | None, _grants: Grants) -> Iterator[dict[str, Any]]:
    """Every fact of the timeline, oldest first, read as it is written; no colleague's names and words."""
    if customer is None:
        return
    for event in timeline(customer_id=customer.pk).order_by("occurred_at", "id").iterator(chunk_size=CHUNK):
        yield {"at": event.occurred_at, "what": _told(event), "event": event.name}


def _told(event: Event) -> str:
    left_out = OF_TASKS if event.name.startswith("customers.task_") else OF_STAFF
    return sentence_of(event.name, {key: event.data[key] for key in event.data.keys() - left_out})


WORDS: dict[str, Text] = {
    "name": _("Name"),
    "given_name": _("Given name"),
    "family_name": _("Family name"),
    "email": _("E-mail"),
    "phone": _("Phone"),
    "kind": _("Kind"),
    "stage": _("Stage"),
    "grade": _("Grade"),
    "language": _("Language"),
    "time_zone": _("Time zone"),
    "birthday_on": _("Birthday"),
    "country": _("Country"),
    "region": _("Province or region"),
    "province": _("Province or region"),
    "city": _("City"),
    "district": _("District"),
    "line1": _("Street and number"),
    "line2": _("Addition"),
    "postal_code": _("Postal code"),
    "tags": _("Tags"),
    "source": _("Where it came from"),
    "created_at": _("Since"),
    "updated_at": _("Last changed"),
    "attributes": _("More"),
    "addresses": _("Addresses"),
    "identities": _("What we recognise you by"),
    "companies": _("Companies you speak for"),
    "verified_at": _("Confirmed"),
    "value": _("Value"),
    "channel": _("By"),
    "purpose": _("What for"),
    "granted": _("Allowed"),
    "recorded_at": _("When"),
    "wording": _("What you read"),
    "wording_version": _("Version of the text"),
    "proof": _("What shows it"),
    "address": _("Address"),
    "asked_at": _("Asked"),
    "expires_at": _("Until"),
    "at": _("When"),
    "what": _("What happened"),
    "bytes": _("Size in bytes"),
    "sha256": _("Fingerprint (SHA-256)"),
    "event": "",  # a program's name for it
}


def register() -> None:
    add_collector("person", _("You"), _person, words=WORDS)
    add_collector("consents", _("What you allowed"), _consents, words=NAMES | WORDS)
    add_collector("unconfirmed", _("What you have not confirmed yet"), _waiting, words=NAMES | WORDS)
    add_collector("files", _("Files about you"), _file_list, words=WORDS, files=_files)
    add_collector("history", _("What happened"), _history, words=WORDS)
    add_left_out(
        _("Notes that our staff wrote for each other, and their names"),
        _("They hold the words and names of other people, whose rights count as well (GDPR Art. 15(4))."),
    )
    add_left_out(
        _("Hashes by which we recognise an address that must not be written to"),
        _("They can't be turned back into an address; they exist so that you are left alone."),
    )
