"""People of a segment from a file: CSV, XLSX or Parquet, a row each, named by id, e-mail or phone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.imports.readers import Limits, open_table
from crm.lib.errors import Rejected
from crm.lib.ids import row_id
from customers.models import Customer, Identity
from customers.normalising import is_masked, normalise_email, normalise_phone
from marketing.models import Segment
from marketing.segments import pinning

CHUNK_BYTES = 1 << 20
# Done while somebody waits: 50,000 rows take some ten seconds. A million belong into an import with a tag.
FILE_LIMITS = Limits(max_bytes=20 * 1024 * 1024, max_rows=50_000)
SHOWN = 20
Kind = Identity.Kind
HEADERS: dict[str, frozenset[str]] = {
    "id": frozenset({"id", "customer_id", "customer id", "customer", "客户编号", "客戶編號"}),
    Kind.EMAIL: frozenset(
        {"email", "e-mail", "mail", "email address", "邮箱", "郵箱", "电子邮件", "電子郵件"}
    ),
    Kind.PHONE: frozenset(
        {"phone", "mobile", "tel", "telephone", "手机", "手機", "手机号", "手機號碼", "电话", "電話"}
    ),
}


@dataclass
class FileResult:
    """`rows` that named something, `found` people, `changed` of them; `unknown` values that name nobody, the
    first twenty, and how many there were."""

    rows: int = 0
    found: int = 0
    changed: int = 0
    unknown_count: int = 0
    unknown: list[str] = field(default_factory=list)


def members_from_file(
    *, segment: Segment, upload: IO[bytes], state: str, actor: Membership | None = None
) -> FileResult:
    """Puts everybody whom the file names in, or as `state` says (marketing/segments/pinning.py), a thousand a
    transaction; reading the same file twice changes nothing the second time. Of a row with several names the
    first that recognises somebody counts: id, then e-mail, then phone. Only people whom the actor may see.

    The file is kept only while it is read. Raises Rejected for a file that can't be read, is too large, or
    has no column that names anybody.
    """
    result, people = FileResult(), dict[int, None]()
    with NamedTemporaryFile(prefix="guanxi-segment-") as kept:
        _keep(upload, kept)
        table = open_table(Path(kept.name), FILE_LIMITS)
        places = _places(table.columns)
        for batch in table.batches():
            rows = [[batch.cells[place][at] for _kind, place in places] for at in range(len(batch))]
            _recognise(segment, [kind for kind, _place in places], rows, actor, result, people)
    done = pinning.members_pin_many(segment=segment, customer_ids=list(people), state=state, actor=actor)
    result.found, result.changed = done.found, done.changed
    return result


def _keep(upload: IO[bytes], kept: IO[bytes]) -> None:
    most = FILE_LIMITS.max_bytes or 0
    size = 0
    for chunk in iter(lambda: upload.read(CHUNK_BYTES), b""):
        size += len(chunk)
        if size > most:
            text = _("The file is larger than %(limit)s MB. Split it.")
            raise Rejected(text % {"limit": most >> 20}, code="file_too_large")
        kept.write(chunk)
    kept.flush()


def _places(columns: Sequence[str]) -> list[tuple[str, int]]:
    """(what it names, place) of the columns that name somebody, the surest first."""
    folded = [name.casefold().strip() for name in columns]
    found = [(kind, at) for kind, words in HEADERS.items() for at, name in enumerate(folded) if name in words]
    if not found:
        raise Rejected(
            _("No column names anybody. Head one of them “email”, “phone” or “id”."), code="no_key_column"
        )
    return found


def _recognise(
    segment: Segment,
    kinds: Sequence[str],
    rows: Iterable[Sequence[Any]],
    actor: Membership | None,
    result: FileResult,
    people: dict[int, None],
) -> None:
    """Adds whom these rows name: three queries a batch, however many rows."""
    country = segment.merchant.country
    cleaned = [
        [(kind, _clean(kind, cell, country)) for kind, cell in zip(kinds, row, strict=True)] for row in rows
    ]
    named = [[(kind, value) for kind, value in row if value] for row in cleaned]
    known = _known(sorted({one for row in named for one in row}), actor)
    for row in named:
        if not row:
            continue
        result.rows += 1
        found = next((known[one] for one in row if one in known), None)
        if found is not None:
            people[found] = None
            continue
        result.unknown_count += 1
        if len(result.unknown) < SHOWN:
            result.unknown.append(row[0][1])


def _clean(kind: str, cell: Any, country: str) -> str:
    text = "" if cell is None else str(cell).strip()[:320]
    if kind == Kind.EMAIL:
        email = normalise_email(text)
        return "" if is_masked(email) else email
    if kind == Kind.PHONE:
        return normalise_phone(text, country)
    return text if row_id(text) is not None else ""


def _known(keys: Sequence[tuple[str, str]], actor: Membership | None) -> dict[tuple[str, str], int]:
    """key → the customer whom it names now, among those whom the actor may see."""
    values = [value for kind, value in keys if kind != "id"]
    held = Identity.objects.filter(kind__in=(Kind.EMAIL, Kind.PHONE), scope="", value__in=values)
    owners = {(kind, value): pk for kind, value, pk in held.values_list("kind", "value", "customer_id")}
    owners |= {(kind, value): int(value) for kind, value in keys if kind == "id"}
    seen = Customer.objects.present()
    if actor is not None:
        seen = seen.visible_to(actor)
    here = set(seen.filter(pk__in=set(owners.values())).values_list("pk", flat=True))
    return {key: pk for key, pk in owners.items() if pk in here}
