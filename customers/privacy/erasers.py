"""What the customers' own app erases, and which of its columns hold a person."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.lib.privacy import ErasureWaits, Person, add_eraser, harmless, personal
from crm.lib.private_files import delete_file
from customers.consent import address_digest
from customers.filters import forget_facets
from customers.models import (
    Address,
    Consent,
    ConsentRequest,
    Customer,
    DataPackage,
    Identity,
    MergeMove,
    MergeRecord,
    Note,
    PortalCode,
    SearchDocument,
    Suppression,
)
from customers.portal_door import SESSION_KEY

NAMES = ("name", "given_name", "family_name", "email", "phone", "region", "city", "time_zone", "grade")


def find(person: Person) -> None:
    ids = person.customer_ids
    person.owns("customers.customer", ids)
    for customer in Customer.objects.filter(pk__in=ids):
        person.goes_by(customer.name, customer.email, customer.phone)
        if customer.given_name and customer.family_name:
            person.goes_by(f"{customer.given_name} {customer.family_name}")
            person.goes_by(f"{customer.family_name}{customer.given_name}")
    for pk, value in Identity.objects.filter(customer_id__in=ids).values_list("pk", "value"):
        person.owns("customers.identity", [pk])
        person.goes_by(value)
    for address in Address.objects.filter(customer_id__in=ids):
        person.owns("customers.address", [address.pk])
        person.goes_by(address.name, address.line1, address.line2, address.phone)
    person.owns("customers.note", Note.objects.filter(customer_id__in=ids).values_list("pk", flat=True))
    person.owns("customers.consent", Consent.objects.filter(customer_id__in=ids).values_list("pk", flat=True))


def wipe(person: Person) -> int:
    """The row stays for the sums that hang on it: kind, stage, country, language, source and dates."""
    ids, now = person.customer_ids, timezone.now()
    changed: int = Customer.objects.filter(pk__in=ids).update(
        **dict.fromkeys(NAMES, ""),
        birthday_on=None,
        tags=[],
        attributes={},
        company=None,
        owner=None,
        team=None,
        updated_at=now,
    )
    Customer.objects.filter(pk__in=ids, erased_at__isnull=True).update(erased_at=now)
    for model in (Identity, Address, Note, ConsentRequest):
        changed += model.objects.filter(customer_id__in=ids).delete()[0]
    SearchDocument.objects.filter(customer_id__in=ids).update(document="")
    _suppressions(person)
    # What was allowed and when stays provable; from which machine does not.
    Consent.objects.filter(customer_id__in=ids).update(proof={}, source="", wording_version="")
    mine = (
        Q(customer_id__in=ids) | Q(address__in=person.emails) | Q(contact__in=person.emails | person.phones)
    )
    PortalCode.objects.filter(mine).delete()
    changed += _packages(person) + _merges(person)
    transaction.on_commit(partial(forget_facets, person.merchant_id))
    transaction.on_commit(partial(leave_portal, person.merchant_id, frozenset(ids), frozenset(person.emails)))
    return changed


def _suppressions(person: Person) -> None:
    """What stands on the list for them stays there, without a word about them: by whose it was, and by the
    address itself where it was nobody's then."""
    digests = [address_digest(value) for value in person.emails | person.phones]
    theirs = Suppression.objects.filter(Q(customer_id__in=person.customer_ids) | Q(digest__in=digests))
    theirs.update(note="", customer=None)


def _packages(person: Person) -> int:
    """Copies of their data go with their files. Raises ErasureWaits while one is being written."""
    mine = Q(customer_id__in=person.customer_ids) | Q(customer=None, address__in=person.emails)
    found = list(DataPackage.objects.select_for_update(of=("self",)).filter(mine))
    if any(one.state == DataPackage.State.RUNNING for one in found):
        raise ErasureWaits(_("A copy of their data is being written."))
    for one in found:
        if one.file_path:
            transaction.on_commit(partial(delete_file, one.file_path))
    return int(DataPackage.objects.filter(pk__in=[one.pk for one in found]).delete()[0])


def _merges(person: Person) -> int:
    """That two were one stays; the journal that could tell them apart goes, and with it the way back."""
    records = MergeRecord.objects.filter(
        Q(survivor_id__in=person.customer_ids) | Q(absorbed_id__in=person.customer_ids)
    )
    MergeMove.objects.filter(record__in=records).delete()
    return int(records.update(choices={}, before={}, after={}, absorbed_row={}, figures={}, consents=[]))


def leave_portal(merchant_id: int, customer_ids: frozenset[int], emails: frozenset[str]) -> int:
    """Signs the person out of the shop's portal in every browser, in the database and its cache; how many
    browsers. Staff who are signed in there stay so. Looks at every living session."""
    left = 0
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore
    for row in Session.objects.filter(expire_date__gt=timezone.now()).iterator(chunk_size=1_000):
        doors = row.get_decoded().get(SESSION_KEY, {})
        mine = doors.get(str(merchant_id))
        if not mine or (mine["customer"] not in customer_ids and mine["address"] not in emails):
            continue
        session = store(session_key=row.session_key)
        session[SESSION_KEY] = {shop: kept for shop, kept in doors.items() if shop != str(merchant_id)}
        session.save()
        left += 1
    return left


add_eraser("customers", find=find, wipe=wipe)
personal("customers.customer", *NAMES, "tags", "attributes")
harmless(
    "customers.customer",
    "language",
    "country",
    "source",
    why="figures by country and language; says who by no one",
)
personal(
    "customers.address",
    *("name", "line1", "line2", "district", "city", "province", "postal_code", "country", "phone"),
)
personal("customers.note", "text")
personal("customers.identity", "value", "source")
harmless("customers.identity", "scope", why="the id of a channel")
personal("customers.consent", "source", "wording_version", "proof")
personal("customers.consentrequest", "address", "source", "proof")
harmless(
    "customers.consentwording",
    *("language", "text", "digest", "created_by"),
    why="what the shop asks everybody with, and which colleague wrote it",
)
personal("customers.datapackage", "address", "grants", "reason", "file_path", "sha256")
harmless("customers.datapackage", "requested_by", "language", why="an actor's id; a language")
harmless("customers.retentionrule", "kind", "set_by", why="a kind of data; an actor's id")
harmless("customers.retentionrun", "kind", why="a kind of data")
personal("customers.searchdocument", "document")
personal("customers.portalcode", "reference", "contact", "address", "grants", "language")
personal("customers.portalcode", "code_digest", "ip_digest", "reference_digest", "contact_digest")
personal("customers.mergerecord", "choices", "before", "after", "absorbed_row", "figures", "consents")
harmless("customers.mergerecord", "counts", "marks", why="numbers by kind of row")
personal("customers.mergemove", "rows")
harmless("customers.mergemove", "model", "ids", why="the kind of row, ids")
harmless(
    "customers.fielddefinition",
    *("key", "label", "section", "help", "default", "rules", "choices"),
    why="what the shop asks, not what anybody answered",
)
harmless(
    "customers.suppression",
    *("digest", "added_by"),
    why="a keyed hash: what keeps the erased from being written to; an actor's id",
)
personal("customers.suppression", "note")
harmless("customers.metrics", "tier", why="the shop's own word for a step of its programme")
harmless("customers.portalsettings", "return_note", "welcome", why="the shop's own words")
harmless("customers.erasure", "requested_by", "trouble", "counts", why="ids, sentences of ours and numbers")
harmless("customers.erasedkey", "scope", "digest", why="keyed hashes: what keeps the erased from coming back")
