"""Which company a row means: by its external id, its tax number, else its exact name; never by a guess.

Two firms of one tax number or one name stay two where the file and the house give them different ids: the
branches of a chain share both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from crm.imports.models import ImportBatch
from crm.imports.rows import Refuse
from crm.imports.sql import fetch
from customers.companies.services import survivor_of
from customers.importing.companies.reading import CompanyTold, fold
from customers.importing.companies.tables import names
from customers.models import Company


@dataclass(frozen=True)
class Candidate:
    """A company by what names it. `node` is its id here; that of one which the file makes is negative."""

    node: int
    external_id: str
    tax_number: str
    name: str
    is_archived: bool = False


class Known:
    """Companies that rows may mean."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self.by_external: dict[str, Candidate] = {}
        self.by_tax: dict[str, list[Candidate]] = defaultdict(list)
        self.by_name: dict[str, list[Candidate]] = defaultdict(list)
        for one in candidates:
            self.add(one)

    def add(self, one: Candidate) -> None:
        if one.external_id:
            self.by_external.setdefault(one.external_id, one)
        if one.tax_number:
            self.by_tax[one.tax_number].append(one)
        self.by_name[one.name].append(one)

    def add_told(self, told: CompanyTold, node: int) -> None:
        """What a row says of its company names it for later rows."""
        self.add(Candidate(node, told.external_id, told.tax_number, told.folded))

    @property
    def nodes(self) -> set[int]:
        """Every company that a row or a cell may lead to."""
        return {one.node for named in self.by_name.values() for one in named}

    def match(self, told: CompanyTold) -> int | None:
        """The company's node, None for a new one. Raises Refuse when several fit."""
        if told.external_id in self.by_external:
            return self.by_external[told.external_id].node
        if told.tax_number:
            fits = [one for one in self.by_tax[told.tax_number] if _agree(told.external_id, one.external_id)]
            same = [one for one in fits if one.name == told.folded]
            found = _only("tax_number", told.tax_number, same or fits)
            if found is not None:
                return found
        fits = [
            one
            for one in self.by_name[told.folded]
            if _agree(told.external_id, one.external_id) and _agree(told.tax_number, one.tax_number)
        ]
        return _only("name", told.values["name"], fits)

    def parent(self, text: str) -> int | None:
        """The node that a cell about the parent names: by external id, else by exact name. Raises Refuse when
        several fit."""
        if text in self.by_external:
            return self.by_external[text].node
        return _only("parent", text, self.by_name[fold(text)])


def _agree(one: str, other: str) -> bool:
    return not one or not other or one == other


def _only(key: str, text: str, fits: Sequence[Candidate]) -> int | None:
    active = [one for one in fits if not one.is_archived]
    nodes = {one.node for one in active or fits}
    if len(nodes) > 1:
        words = _("“%(text)s” names %(n)s companies; give their external id")
        raise Refuse(key, "several", words % {"text": text[:60], "n": len(nodes)})
    return nodes.pop() if nodes else None


def known_here(told: Sequence[CompanyTold]) -> Known:
    """The companies of this shop that these rows may mean; one query, and one for each merged one."""
    externals = {one.external_id for one in told if one.external_id}
    taxes = {one.tax_number for one in told if one.tax_number}
    return Known(_here(externals, taxes, {one.folded for one in told}))


def parents_here(texts: Iterable[str]) -> Known:
    texts = set(texts)
    return Known(_here(texts, set(), {fold(text) for text in texts}))


def _here(externals: set[str], taxes: set[str], folded: set[str]) -> Iterable[Candidate]:
    wanted = Q(external_id__in=externals - {""}) | Q(tax_number__in=taxes - {""}) | Q(lowered__in=folded)
    rows = Company.objects.alias(lowered=Lower("name")).filter(wanted).select_related("merged_into")
    for one in rows.order_by("pk"):
        node = survivor_of(one).pk
        gone = one.archived_at is not None
        yield Candidate(node, one.external_id, one.tax_number, fold(one.name), gone)


def add_of_file(known: Known, batch: ImportBatch, told: Sequence[CompanyTold]) -> None:
    """What earlier rows of the file named."""
    values = [
        [one.external_id for one in told if one.external_id],
        [one.tax_number for one in told if one.tax_number],
        [one.folded for one in told],
    ]
    _add_found(known, batch, "external_id = ANY(%s) OR tax_number = ANY(%s) OR name = ANY(%s)", values)


def add_parents_of_file(known: Known, batch: ImportBatch, texts: Sequence[str]) -> None:
    values = [list(texts), [fold(text) for text in texts]]
    _add_found(known, batch, "external_id = ANY(%s) OR name = ANY(%s)", values)


def _add_found(known: Known, batch: ImportBatch, where: str, values: list[list[str]]) -> None:
    sql = "SELECT node, external_id, tax_number, name FROM {found} WHERE {where} ORDER BY row"
    for row in fetch(sql.format(where=where, **names(batch)), values):
        known.add(Candidate(*row))
