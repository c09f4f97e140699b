"""Rows become companies, in chunks, by the services that pages use: one rule and not two. First the firms,
then who stands below whom, then who speaks for them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from crm.events.backfilling import history
from crm.imports.models import Change, ImportBatch
from crm.imports.rows import Refuse, Wrong, refusal, refuse_wrong, staged
from crm.imports.sql import execute, fetch
from crm.imports.staging import save_refused
from crm.lib.errors import CrmError
from customers.companies.services import company_change, company_create
from customers.companies.tree import lock_tree
from customers.importing.cells import OWN
from customers.importing.companies.matching import Known, known_here, parents_here
from customers.importing.companies.reading import CompanyReader, CompanyTold
from customers.importing.companies.tables import found_written, names
from customers.importing.companies.tree import no_parent
from customers.importing.making import source_of
from customers.models import Company
from customers.services import MOST_TAGS

COMPANY = "customers.company"
CHUNK_COMPANIES = 200


def companies_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Writes the next rows' companies. One import of a shop at a time makes companies: the tree's lock."""
    rows = list(staged(batch, cursor, CHUNK_COMPANIES))
    if not rows:
        return None
    lock_tree()
    told, wrong = CompanyReader(batch, batch.merchant).read_all(rows)
    known = known_here(told)
    written: dict[int, int] = {}
    journal = Journal(batch)
    with history():
        for one in told:
            try:
                written[one.row] = _write(batch, one, known, journal)
            except Refuse as error:
                wrong[one.row] = error.wrong
            except CrmError as error:
                wrong[one.row] = _wrong(error)
    journal.save()
    found_written(batch, written)
    refuse_wrong(batch, wrong)
    batch.counts["entries"] -= len(wrong)
    return rows[-1][0]


def _write(batch: ImportBatch, told: CompanyTold, known: Known, journal: Journal) -> int:
    """The company's id."""
    node = known.match(told)
    if node is None:
        company = company_create(merchant=batch.merchant, source=source_of(batch), **told.values)
        journal.made(company)
        known.add_told(told, company.pk)
        return int(company.pk)
    company = Company.objects.select_related("owner").get(pk=node)
    company.merchant = batch.merchant
    made = journal.is_own(company)
    news = _news(company, told.values, "fill" if made else batch.options.get("known", "fill"))
    if news:
        before = {name: getattr(company, name) for name in news}
        company_change(company=company, source=source_of(batch), **news)
        journal.changed(company, before)
    known.add_told(told, company.pk)
    return int(company.pk)


def _news(company: Company, values: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """Field → new value: where it is empty, or, where that was chosen, what the file says. Tags are added,
    never taken off; a limit's currency goes with the limit."""
    if mode == "skip":
        return {}
    told = dict(values)
    tags = [*company.tags, *(tag for tag in told.pop("tags", []) if tag not in company.tags)][:MOST_TAGS]
    news: dict[str, Any] = {"tags": tags} if tags != company.tags else {}
    own = told.pop("attributes", {})
    wanted = {
        key: value for key, value in own.items() if mode == "overwrite" or key not in company.attributes
    }
    if any(company.attributes.get(key) != value for key, value in wanted.items()):
        news["attributes"] = wanted
    if mode == "fill" and company.credit_limit is not None:
        told.pop("currency", None)
    for name, value in told.items():
        known = getattr(company, name)
        is_empty = known in ("", None) or (name == "kind" and known == Company.Kind.CUSTOMER)
        if value != known and (is_empty or mode == "overwrite"):
            news[name] = value
    if news.get("kind") == Company.Kind.CUSTOMER:  # a file's default says nothing of whom we know better
        del news["kind"]
    return news


def _wrong(error: CrmError) -> Wrong:
    """The service's reason at the field that it names; one of the shop's own is another column here."""
    key, texts = next(iter(error.fields.items()), ("", [error.message]))
    return Wrong(key.replace("attributes.", OWN, 1), error.code, str(texts[0]))


def parents_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Hangs the next companies below their parents, which are all written by now."""
    rows = fetch(
        """
        SELECT row, company_id, parent FROM {found}
        WHERE row > %s AND parent <> '' AND company_id IS NOT NULL ORDER BY row LIMIT %s
        """.format(**names(batch)),
        [cursor, CHUNK_COMPANIES],
    )
    if not rows:
        return None
    lock_tree()
    if not cursor:  # each is a walk through the tree, which nobody plans well for a table that was empty
        execute(f"ANALYZE {Company._meta.db_table}")
    known = parents_here({parent for _row, _company, parent in rows})
    ids = known.nodes | {company_id for _row, company_id, _parent in rows}
    companies = Company.objects.select_related("merchant", "parent").in_bulk(ids)
    journal = Journal(batch)
    with history():
        for row, company_id, parent in rows:
            if company_id not in companies:  # somebody deleted it since
                continue
            try:
                above = companies.get(known.parent(parent) or 0)
                _hang(batch, companies[company_id], above, parent, journal)
            except (CrmError, Refuse) as error:  # the tree changed since the check: in, but not below it
                wrong = error.wrong if isinstance(error, Refuse) else _wrong(error)
                save_refused(batch, [refusal(batch, row, wrong)])
                batch.counts["parents_left"] = batch.counts.get("parents_left", 0) + 1
    journal.save()
    return int(rows[-1][0])


def _hang(batch: ImportBatch, company: Company, parent: Company | None, text: str, journal: Journal) -> None:
    """Raises Refuse when the parent that `text` names is gone since the check."""
    mode = "fill" if journal.is_own(company) else batch.options.get("known", "fill")
    if mode == "skip" or (mode == "fill" and company.parent_id):
        return
    if parent is None:
        raise no_parent(text)
    before = {"parent": company.parent}
    if company_change(company=company, source=source_of(batch), parent=parent):
        journal.changed(company, before)


class Journal:
    """How the chunk's companies were before the batch, and their stamp as it leaves them. What it made is
    filled, but nothing stood there before."""

    def __init__(self, batch: ImportBatch) -> None:
        self.batch = batch
        self.source = source_of(batch)
        self.before: dict[int, dict[str, Any] | None] = {}

    def is_own(self, company: Company) -> bool:
        return company.source == self.source

    def made(self, company: Company) -> None:
        self.before[company.pk] = None
        self._count("created")

    def changed(self, company: Company, before: Mapping[str, Any]) -> None:
        if self.is_own(company):
            self.before.setdefault(company.pk, None)
            return
        kept = self.before.setdefault(company.pk, {})
        assert kept is not None
        for name, value in before.items():
            kept.setdefault(name, plain(value))

    def save(self) -> None:
        """What an earlier chunk wrote down first is how it was before the batch."""
        earlier = Change.objects.filter(batch=self.batch, model=COMPANY, object_id__in=list(self.before))
        known = dict(earlier.values_list("object_id", "before"))
        stamps = dict(Company.objects.filter(pk__in=self.before).values_list("pk", "updated_at"))
        rows = [
            Change(
                merchant_id=self.batch.merchant_id,
                batch=self.batch,
                model=COMPANY,
                object_id=pk,
                before=None if before is None else {**before, **(known.get(pk) or {})},
                stamp=stamps[pk],
            )
            for pk, before in self.before.items()
        ]
        fresh = sum(1 for row in rows if row.before is not None and row.object_id not in known)
        self._count("changed", fresh)
        Change.objects.bulk_create(
            rows,
            update_conflicts=True,
            update_fields=["before", "stamp"],
            unique_fields=["merchant", "batch", "model", "object_id"],
        )

    def _count(self, key: str, by: int = 1) -> None:
        self.batch.counts[key] = self.batch.counts.get(key, 0) + by


def plain(value: Any) -> Any:
    """As JSON keeps it; a row as its id."""
    if isinstance(value, Decimal):
        return str(value)
    return getattr(value, "pk", value)
