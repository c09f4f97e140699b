"""Entries become customers, in chunks: new ones by COPY, known ones where the file says something else.

Plain is an entry whose every key is unknown to the merchant and named by no other of the chunk. Everything
else that no e-mail or number names goes through `customers.identities.resolve`, so there is one rule and not
two.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.imports.models import ImportBatch
from crm.imports.readers import BrokenRow
from crm.imports.rows import Wrong, refusal, refuse, staged
from customers.belongings import company_named
from customers.fields.keeping import value_taken
from customers.identities import Key, Kind, erased_owners, lock_keys, resolve
from customers.importing import answers, making
from customers.importing.changing import known_change
from customers.importing.reading import Entry, RowReader
from customers.models import Customer
from customers.recognising import keys_fresh, keys_known
from customers.searching import search_rebuild

# Each key takes an advisory lock until the chunk commits; the server's lock table holds a few thousand.
CHUNK_PEOPLE = 1_000
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def people_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Writes the next entries."""
    merchant = batch.merchant
    reader = RowReader(batch, merchant)
    rows = list(staged(batch, cursor, CHUNK_PEOPLE))
    if not rows:
        return None
    read = [reader.read(row, cells) for row, cells in rows]
    entries = [one for one in read if isinstance(one, Entry)]
    keys = [key for entry in entries for key in entry.keys]
    lock_keys(merchant, keys)
    known = keys_known(merchant, keys)
    entries = _without_erased(batch, entries, known)
    entries = _without_taken(batch, merchant, reader, entries, known)
    plain, others = _sorted(entries, known)
    companies = companies_named(merchant, entries)
    made = making.customers_make(batch, plain, companies)
    created = set(made)
    created |= _resolve_rest(batch, merchant, others)
    later = [entry for entry in others if entry.customer_id]
    changed = known_change(batch, later, companies, created)
    answers.answers_record(batch, entries)
    search_rebuild(created | changed)
    counts = batch.counts
    counts["created"] = counts.get("created", 0) + len(created)
    counts["changed"] = counts.get("changed", 0) + len(changed - created)
    return rows[-1][0]


def _sorted(entries: Sequence[Entry], known: dict[Key, int]) -> tuple[list[Entry], list[Entry]]:
    """Those made at once, and the others: with their customer where an e-mail or number names one."""
    fresh = keys_fresh((key for entry in entries for key in entry.keys), known)
    numbers = {entry.number for entry in entries if entry.number}
    alive = dict(Customer.objects.present().filter(pk__in=numbers).values_list("pk", "pk"))
    merged = Customer.objects.filter(pk__in=numbers, merged_into__isnull=False)
    alive |= dict(merged.values_list("pk", "merged_into_id"))
    plain, others = [], []
    for entry in entries:
        owners = [known[key] for key in entry.keys if key in known and key.kind != Kind.PHONE]
        if entry.number:
            entry.customer_id = alive.get(entry.number)
            others.append(entry)
        elif owners:
            entry.customer_id = owners[0]
            others.append(entry)
        elif fresh.issuperset(entry.keys):
            plain.append(entry)
        else:
            others.append(entry)
    return plain, others


def _without_erased(batch: ImportBatch, entries: list[Entry], known: dict[Key, int]) -> list[Entry]:
    """A file tells of the past: it brings nobody back who was erased."""
    asked = {key for entry in entries for key in entry.keys if key not in known and key.kind != Kind.PHONE}
    erased = erased_owners(asked, at=BEGINNING)
    if not erased:
        return entries
    gone = [entry for entry in entries if any(key in erased for key in entry.keys)]
    wrong = Wrong("", "erased", _("This person was erased; a file doesn't bring them back."))
    refuse(batch, [refusal(batch, entry.row, wrong) for entry in gone])
    batch.counts["entries"] -= len(gone)
    rows = {entry.row for entry in gone}
    return [entry for entry in entries if entry.row not in rows]


def _without_taken(
    batch: ImportBatch, merchant: Merchant, reader: RowReader, entries: list[Entry], known: dict[Key, int]
) -> list[Entry]:
    """Refuses rows whose value of a unique field is another's, here or in an earlier row of the chunk."""
    refused: dict[int, BrokenRow] = {}
    for one in reader.unique_fields:
        seen: dict[str, int] = {}
        for entry in entries:
            value = entry.values.get("attributes", {}).get(one.key)
            if value is None:
                continue
            owner = entry.number or next((known[key] for key in entry.keys if key in known), None)
            taken = value_taken(merchant, one, value, owner)
            if taken or seen.setdefault(str(value), entry.row) != entry.row:
                wrong = Wrong(reader.target(one), "unique", _("somebody else has this value already"))
                refused.setdefault(entry.row, refusal(batch, entry.row, wrong))
    refuse(batch, list(refused.values()))
    batch.counts["entries"] -= len(refused)
    return [entry for entry in entries if entry.row not in refused]


def _resolve_rest(batch: ImportBatch, merchant: Merchant, entries: Sequence[Entry]) -> set[int]:
    """Entries that only a phone names, or whose key another row has too; ids of new customers."""
    created = set()
    for entry in entries:
        if entry.customer_id is not None:
            continue
        resolution = resolve(merchant=merchant, contact=entry.contact, source=making.source_of(batch))
        if resolution.customer is None:
            continue
        entry.customer_id = resolution.customer.pk
        if resolution.created:
            created.add(entry.customer_id)
            now = entry.created_at or timezone.now()
            Customer.objects.filter(pk=entry.customer_id).update(
                import_batch_id=batch.pk, created_at=now, updated_at=now
            )
    return created


def companies_named(merchant: Merchant, entries: Sequence[Entry]) -> dict[str, int]:
    """Name in lower case → id of the company, made where none is known."""
    wanted = {entry.company.lower(): entry.company for entry in entries if entry.company}
    found = {}
    for folded, name in wanted.items():
        company = company_named(merchant=merchant, name=name)
        if company is not None:
            found[folded] = company.pk
    return found
