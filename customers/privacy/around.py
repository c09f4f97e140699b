"""What colleagues keep around a person: tasks, firms they speak for, notes elsewhere, who might be who."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.lib.privacy import ErasureWaits, Person, add_eraser, harmless, personal, without
from customers.companies.searching import document_for
from customers.files.services import files_forget
from customers.models import (
    BulkChange,
    BulkChangeRow,
    Company,
    CompanyContact,
    Customer,
    DuplicatePair,
    File,
    IdentityConflict,
    MatchKeys,
    Note,
    Task,
)

CHUNK = 1_000


def find(person: Person) -> None:
    if BulkChange.objects.filter(state__in=BulkChange.WORKING).exists():
        raise ErasureWaits(_("Many customers are being changed at once; the person might be among them."))
    ids = person.customer_ids
    for model in (Task, CompanyContact, File):
        mine = model.objects.filter(customer_id__in=ids)
        person.owns(model._meta.label_lower, mine.values_list("pk", flat=True))
    pairs = DuplicatePair.objects.filter(Q(low_id__in=ids) | Q(high_id__in=ids))
    person.owns("customers.duplicatepair", pairs.values_list("pk", flat=True))


def wipe(person: Person) -> int:
    ids, pattern = person.customer_ids, person.pattern()
    changed = _companies(person, pattern)
    # Keys are hashes of the person's facts; a pair, a conflict and a role say only who they were.
    changed += MatchKeys.objects.filter(customer_id__in=ids).delete()[0]
    changed += DuplicatePair.objects.filter(pk__in=person.ids("customers.duplicatepair")).delete()[0]
    changed += IdentityConflict.objects.filter(Q(first_id__in=ids) | Q(second_id__in=ids)).delete()[0]
    changed += CompanyContact.objects.filter(customer_id__in=ids).delete()[0]
    changed += files_forget(list(File.objects.filter(customer_id__in=ids))) + _files(pattern)
    changed += BulkChangeRow.objects.filter(customer_id__in=ids).delete()[0]
    return changed + _tasks(person, pattern) + _notes(pattern) + _bulk_changes(pattern)


def _files(pattern: re.Pattern[str]) -> int:
    """Files about firms that name the person in their own name; what is inside them nobody can look
    through."""
    changed = 0
    for one in File.objects.filter(customer__isnull=True).only("pk", "name").iterator(CHUNK):
        name = without(pattern, one.name)[:200]
        if name != one.name:
            changed += File.objects.filter(pk=one.pk).update(name=name)
    return changed


def _bulk_changes(pattern: re.Pattern[str]) -> int:
    """Finished ones whose search, or whose new values, name the person; there is no other by now."""
    changed = 0
    for one in BulkChange.objects.exclude(state__in=BulkChange.WORKING).iterator(CHUNK):
        if pattern.search(f"{one.query}\x1f{one.changes}".lower()):
            changed += BulkChange.objects.filter(pk=one.pk).update(
                query="", changes=_impersonal(one.changes, pattern)
            )
    return changed


def _tasks(person: Person, pattern: re.Pattern[str]) -> int:
    """Tasks about the person go, with the rows of repetitions they stand in; those about something of theirs
    lose their notes, and any other the words that name them."""
    changed: int = Task.objects.filter(customer_id__in=person.customer_ids).delete()[0]
    for task in Task.objects.only("pk", "title", "text", "subject_type", "subject_id").iterator(CHUNK):
        theirs = task.subject_id in person.rows.get(task.subject_type, ())
        title = without(pattern, task.title)[:200]
        text = "" if theirs else without(pattern, task.text)
        if (title, text) != (task.title, task.text):
            Task.objects.filter(pk=task.pk).update(title=title, text=text, updated_at=timezone.now())
            changed += 1
    return changed


def _notes(pattern: re.Pattern[str]) -> int:
    """Notes about others and about firms that name the person; the person's own are gone."""
    changed = 0
    for note in Note.objects.only("pk", "text").iterator(CHUNK):
        text = without(pattern, note.text)
        if text != note.text:
            changed += Note.objects.filter(pk=note.pk).update(text=text)
    return changed


def _companies(person: Person, pattern: re.Pattern[str]) -> int:
    """A firm stays, with its name and numbers; an address or a word of the person's that was written down as
    the firm's goes."""
    ids = person.customer_ids
    spoken_for = CompanyContact.objects.filter(customer_id__in=ids).values("company_id")
    first = Customer.objects.filter(pk__in=ids, company__isnull=False).values("company_id")
    reached = Q(email__in=person.emails) | Q(phone__in=person.phones)
    changed = 0
    for company in Company.objects.filter(Q(pk__in=spoken_for) | Q(pk__in=first) | reached):
        before = (company.email, company.phone, company.website, company.tags, company.attributes)
        company.email, company.phone, company.website = (
            "" if pattern.search(value.lower()) or value in person.emails | person.phones else value
            for value in before[:3]
        )
        company.tags = [tag for tag in company.tags if not pattern.search(tag.lower())]
        company.attributes = _impersonal(company.attributes, pattern)
        if before == (company.email, company.phone, company.website, company.tags, company.attributes):
            continue
        company.document = document_for(company)
        company.save(
            update_fields=["email", "phone", "website", "tags", "attributes", "document", "updated_at"]
        )
        changed += 1
    return changed


def _impersonal(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return without(pattern, value)
    if isinstance(value, list):
        return [_impersonal(one, pattern) for one in value]
    if isinstance(value, dict):
        return {key: _impersonal(one, pattern) for key, one in value.items()}
    return value


add_eraser("customers.around", find=find, wipe=wipe)
personal("customers.company", "email", "phone", "website", "tags", "attributes", "document")
harmless(
    "customers.company",
    *("name", "external_id", "tax_number", "registration_number", "country", "region", "city"),
    *("price_group", "currency", "source"),
    why="a firm, not a person: what its books and its register say",
)
harmless(
    "customers.region",
    *("name", "code", "country", "aliases", "keys", "path"),
    why="places of the shop's map; nobody lives at one alone",
)
personal("customers.companycontact", "title", "roles")
personal("customers.task", "title", "text")
harmless("customers.task", "subject_type", "zone", "rule", why="the kind of row, when and how often")
personal("customers.file", "name")
harmless("customers.file", "path", "sha256", why="a name of ours, a fingerprint; the bytes go with the row")
personal("customers.bulkchange", "changes", "query")
harmless("customers.bulkchange", "actor", "ids", why="an id of a colleague, ids of rows")
personal("customers.bulkchangerow", "before")
harmless("customers.note", "mentions", why="ids of colleagues")
personal("customers.duplicatepair", "evidence")
harmless("customers.matchkeys", "keys", why="hashes, deleted with the person; tests/privacy/ looks")
harmless("customers.matchweights", "weights", why="shares of the whole shop, nothing about one person")
harmless(
    "customers.fielddefinition",
    *("key", "label", "section", "help", "default", "rules", "choices"),
    why="the shop's own form; the values stand with each person and go with them",
)
harmless("customers.identityconflict", "kinds", "source", why="kinds of identity; deleted with the person")
