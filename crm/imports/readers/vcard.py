"""Address books (.vcf) as a table: a card is a row. vCard 2.1 as phones write it (quoted-printable, GBK), 3.0
(RFC 2426) and 4.0 (RFC 6350), mixed in one file if need be.

Columns are named as the importer of customers names its fields. Pictures, sounds and keys are passed over
without being held.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from django.utils.translation import gettext as _

from .base import (
    BATCH_CHARS,
    BATCH_ROWS,
    BrokenRow,
    Cell,
    Limits,
    RowBatch,
    UnreadableFile,
    refuse_too_many_rows,
)

COLUMNS = (
    *("name", "given_name", "family_name", "email", "email 2", "phone", "phone 2", "company", "title"),
    *("birthday_on", "address", "address2", "city", "region", "postal_code", "country", "language"),
    *("tags", "note"),
)
# Properties that become cells; all others are passed over.
WANTED = frozenset(["FN", "N", "EMAIL", "TEL", "ORG", "TITLE", "BDAY", "ADR", "CATEGORIES", "LANG", "NOTE"])
LINE_BYTES = 1 << 16
# One property after unfolding. A longer one that is wanted is a mistake or an attack.
MOST_BYTES = 1 << 16
# Properties of one card that are kept: nobody has a thousand telephones.
MOST_PROPERTIES = 200
_HEAD = re.compile(rb"(?:[A-Za-z0-9-]+\.)?([A-Za-z0-9-]+)((?:;(?:\"[^\"]*\"|[^\":])*)?)$")
_BDAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ].*)?$")
_HAN = re.compile(r"[\u3400-\u9fff]")
# What phones write for a birthday whose year they don't know.
NO_YEAR = 1604


def looks_like_vcard(head: bytes) -> bool:
    """Whether the file begins as an address book does."""
    for bom, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(bom):
            head = head.removeprefix(bom)[: len(head) // 2 * 2 - 2].decode(encoding, "ignore").encode()
    return head.removeprefix(codecs.BOM_UTF8).lstrip()[:11].upper() == b"BEGIN:VCARD"


@dataclass(frozen=True)
class Property:
    name: str
    parameters: dict[str, list[str]]
    value: str

    @property
    def types(self) -> set[str]:
        return {one.lower() for one in self.parameters.get("TYPE", [])}

    @property
    def rank(self) -> int:
        """Lower is preferred: PREF=1..100 of 4.0, TYPE=PREF of the older ones."""
        preference = next(iter(self.parameters.get("PREF", [])), "")
        if preference.isdecimal():
            return int(preference[:4])
        return 1 if "pref" in self.types or "PREF" in self.parameters else 101


@dataclass
class Card:
    version: str = ""
    properties: list[Property] = field(default_factory=list)
    fault: tuple[str, str, str] = ("", "", "")  # column, code, what

    def all(self, name: str) -> list[Property]:
        """The preferred one first."""
        return sorted((one for one in self.properties if one.name == name), key=lambda one: one.rank)

    def first(self, name: str) -> Property | None:
        return next(iter(self.all(name)), None)


class VcardTable:
    """An address book. Opening reads it once, to count its cards and to find its encoding."""

    format = "vcf"
    columns = list(COLUMNS)

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        self.encoding = "utf-8"
        self.row_count: int | None = None
        versions: set[str] = set()
        count = 0
        for count, card in enumerate(self._cards(), start=1):  # noqa: B007  # counted after the loop
            versions.add(card.version)
        if not count:
            raise UnreadableFile(_("This address book holds no card."))
        refuse_too_many_rows(count, limits, header_rows=0)
        self.row_count = count
        self.detected = {"encoding": f"vCard {', '.join(sorted(versions - {''})) or '?'}"}

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[RowBatch]:
        """Rows are numbered as the cards stand in the file, from 1."""
        rows: list[int] = []
        cells: list[list[Cell]] = []
        broken: list[BrokenRow] = []
        characters = 0
        for row, card in enumerate(self._cards(), start=1):
            found = self._row(row, card)
            if isinstance(found, BrokenRow):
                broken.append(found)
            else:
                rows.append(row)
                cells.append(found)
                characters += sum(len(str(cell)) for cell in found if cell)
            if len(rows) + len(broken) >= batch_rows or characters >= BATCH_CHARS:
                yield self._batch(rows, cells, broken, row)
                rows, cells, broken, characters = [], [], [], 0
        if rows or broken:
            yield self._batch(rows, cells, broken, self.row_count or 1)

    def _batch(self, rows: list[int], cells: list[list[Cell]], broken: list[BrokenRow], row: int) -> RowBatch:
        columns = [list(column) for column in zip(*cells, strict=True)] or [[] for _name in COLUMNS]
        return RowBatch(rows, list(columns), row / max(self.row_count or 1, 1), broken)

    def _row(self, row: int, card: Card) -> list[Cell] | BrokenRow:
        column, code, what = card.fault
        if not code and not card.properties:
            column, code, what = "", "empty_card", _("the card says nothing that can be read")
        if code:
            values = {"row": row, "column": column, "what": what}
            text = _("Card %(row)s, %(column)s: %(what)s.") if column else _("Card %(row)s: %(what)s.")
            name = card.first("FN")
            return BrokenRow(row, column, code, text % values, (name.value if name else "",))
        facts = facts_of(card)
        return [facts.get(column) or None for column in COLUMNS]

    def _cards(self) -> Iterator[Card]:
        with self.path.open("rb") as file:
            yield from _cards(_unfolded(_lines(file)))


# --- lines --------------------------------------------------------------------------------------------------


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Physical lines without their ends, in UTF-8 where the file is UTF-16. What of a line is longer than
    64 KB is cut off."""
    head = file.read(4)
    file.seek(0)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = codecs.getreader("utf-16")(file, "replace")
        for words in iter(lambda: text.readline(LINE_BYTES), ""):
            yield words.rstrip("\r\n").encode()
        return
    if head.startswith(codecs.BOM_UTF8):
        file.seek(len(codecs.BOM_UTF8))
    while line := file.readline(LINE_BYTES):
        ended = line.endswith(b"\n")
        yield from line.rstrip(b"\r\n").split(b"\r")
        while not ended and (rest := file.readline(LINE_BYTES)):
            ended = rest.endswith(b"\n")


def _unfolded(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Content lines: one that begins with a blank continues the one before (RFC 6350 §3.2), one of
    quoted-printable that ends in = goes on in the next (vCard 2.1 §2.1.3). Bytes: a fold may cut a letter."""
    pending, open_qp = b"", False
    for line in lines:
        if open_qp:
            pending = pending[:-1] + line
        elif line[:1] in (b" ", b"\t"):
            pending += line[1:]
        else:
            if pending:
                yield pending
            pending = line
        pending = pending[: MOST_BYTES + 1]
        head, _colon, value = pending.partition(b":")
        open_qp = b"QUOTED-PRINTABLE" in head.upper() and value.endswith(b"=")
    if pending:
        yield pending


def _cards(lines: Iterator[bytes]) -> Iterator[Card]:
    """A card within a card (AGENT of 2.1) is passed over. One without its end is told as broken."""
    card: Card | None = None
    depth = 0
    for line in lines:
        marker = line.strip().upper().replace(b" ", b"")
        if marker == b"BEGIN:VCARD":
            if card is not None and not _is_agent(card):
                yield _cut_off(card)
                depth = 0
            card = card if depth else Card()
            depth += 1
        elif marker == b"END:VCARD":
            depth = max(depth - 1, 0)
            if not depth and card is not None:
                yield card
                card = None
        elif card is not None and depth == 1:
            _take(card, line)
    if card is not None:
        yield _cut_off(card)


def _is_agent(card: Card) -> bool:
    """The line before opened a card within this one."""
    return card.version == "2.1" and bool(card.properties) and card.properties[-1].name == "AGENT"


def _cut_off(card: Card) -> Card:
    card.fault = ("", "cut_off", _("it has no end. Was the file cut off?"))
    return card


def _take(card: Card, line: bytes) -> None:
    head, value = _split(line)
    found = _HEAD.match(head)
    if found is None:
        return
    name = found[1].decode("ascii").upper()
    if name == "VERSION":
        card.version = value.decode("ascii", "replace").strip()[:10]
    if name == "AGENT":
        card.properties.append(Property(name, {}, ""))
    if name not in WANTED or card.fault[1] or not value.strip():
        return
    if len(line) > MOST_BYTES:
        card.fault = (name, "cell_too_long", _("it holds more than %(n)s bytes") % {"n": MOST_BYTES})
        return
    if len(card.properties) >= MOST_PROPERTIES:
        return
    parameters = _parameters(found[2])
    text = _decoded(value, parameters)
    if text is None:
        card.fault = (name, "encoding", _("it is in no encoding that can be read"))
        return
    card.properties.append(Property(name, parameters, text.replace("\0", "")))


def _split(line: bytes) -> tuple[bytes, bytes]:
    """Before and after the first colon outside quotation marks."""
    quoted = False
    for place, letter in enumerate(line[:4096]):
        if letter == 0x22:
            quoted = not quoted
        elif letter == 0x3A and not quoted:
            return line[:place], line[place + 1 :]
    return line, b""


def _parameters(text: bytes) -> dict[str, list[str]]:
    """;TYPE="cell,voice";PREF=1 of the newer, ;CELL;VOICE of the older version."""
    found: dict[str, list[str]] = {}
    for part in re.findall(rb';((?:"[^"]*"|[^;"])*)', text):
        name, sign, value = part.decode("utf-8", "replace").partition("=")
        if not sign:
            known = {"QUOTED-PRINTABLE": "ENCODING", "BASE64": "ENCODING", "8BIT": "ENCODING"}
            found.setdefault(known.get(name.upper(), "TYPE"), []).append(name)
        else:
            words = value.replace('"', "").split(",")
            found.setdefault(name.strip().upper(), []).extend(word.strip() for word in words)
    return found


def _decoded(value: bytes, parameters: dict[str, list[str]]) -> str | None:
    """By the charset that the property names, else UTF-8, else GB18030; None for neither."""
    encoding = next(iter(parameters.get("ENCODING", [])), "").upper()
    if encoding == "QUOTED-PRINTABLE":
        value = binascii.a2b_qp(value)
    named = next(iter(parameters.get("CHARSET", [])), "").lower()
    named = {"gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030"}.get(named, named)
    for candidate in dict.fromkeys((named, "utf-8", "gb18030")):
        try:
            return value.decode(candidate) if candidate else value.decode("utf-8")
        except (UnicodeDecodeError, LookupError):
            continue
    return None


# --- facts --------------------------------------------------------------------------------------------------


def facts_of(card: Card) -> dict[str, str]:
    """Column → text of what a card says; of several addresses the preferred one."""
    old = card.version == "2.1"
    facts = _names(card, old)
    emails = [_plain(one.value, old) for one in card.all("EMAIL")]
    phones = [_phone(one.value) for one in sorted(card.all("TEL"), key=_phone_order)]
    facts |= dict(zip(("email", "email 2"), (one.removeprefix("mailto:") for one in emails), strict=False))
    facts |= dict(zip(("phone", "phone 2"), phones, strict=False))
    for name, column in (("TITLE", "title"), ("NOTE", "note")):
        found = card.first(name)
        facts[column] = _plain(found.value, old) if found else ""
    company = card.first("ORG")
    facts["company"] = _parts(company.value, old)[0] if company else ""
    facts["birthday_on"] = _birthday(card.first("BDAY"))
    language = card.first("LANG")
    facts["language"] = _language(language.value) if language else ""
    tags = [tag for one in card.all("CATEGORIES") for tag in _pieces(one.value, ",", old)]
    facts["tags"] = "; ".join(tag for tag in tags if tag)
    return facts | _address(card.first("ADR"), old)


def _names(card: Card, old: bool) -> dict[str, str]:
    """FN is how they are called. Where a card has none: family and given name, Chinese ones without a
    blank."""
    structured = card.first("N")
    family, given, *_more = (*_parts(structured.value, old), "", "") if structured else ("", "")
    called = card.first("FN")
    name = _plain(called.value, old) if called else ""
    if not name:
        name = f"{family}{given}" if _HAN.search(family + given) else f"{given} {family}".strip()
    return {"name": name, "given_name": given, "family_name": family}


def _address(found: Property | None, old: bool) -> dict[str, str]:
    """Post box and extended address stand on the second line, as RFC 6350 §6.3.1 has them empty."""
    if found is None:
        return {}
    parts = (*_parts(found.value, old), *[""] * 7)
    second = " ".join(part for part in (parts[0], parts[1]) if part)
    names = ("address", "city", "region", "postal_code", "country")
    return dict(zip(names, parts[2:7], strict=True)) | {"address2": second}


def _phone_order(one: Property) -> tuple[bool, int, bool]:
    """Faxes and pagers last, preferred before others, mobiles before lines."""
    others = one.types & {"fax", "pager", "modem", "video"}
    return bool(others), one.rank, not one.types & {"cell", "mobile", "iphone"}


def _phone(value: str) -> str:
    """tel:+86-138-0013-8000;ext=1 of RFC 3966 without what doesn't belong to the number."""
    return value.strip().removeprefix("tel:").partition(";")[0]


def _birthday(found: Property | None) -> str:
    """YYYY-MM-DD; "" for one without a year."""
    date = _BDAY.match(found.value.strip()) if found else None
    if date is None or int(date[1]) == NO_YEAR or (found and "X-APPLE-OMIT-YEAR" in found.parameters):
        return ""
    return f"{date[1]}-{date[2]}-{date[3]}"


def _language(tag: str) -> str:
    """The language of a BCP 47 tag as the importer knows it: zh-Hans-CN is zh-hans, en-AU is en."""
    parts = tag.strip().lower().split("-")
    if parts[0] == "zh":
        return "-".join(parts[:2])
    return "en" if parts[0] == "en" else ""


def _parts(value: str, old: bool) -> list[str]:
    return [one.replace("\n", " ").strip() for one in _pieces(value, ";", old)]


def _pieces(value: str, sign: str, old: bool) -> list[str]:
    """Cut at the sign where it isn't escaped."""
    pieces = re.split(rf"(?<!\\)((?:\\\\)*){re.escape(sign)}", value)
    joined = [
        pieces[place] + (pieces[place + 1] if place + 1 < len(pieces) else "")
        for place in range(0, len(pieces), 2)
    ]
    return [_plain(one, old) for one in joined]


def _plain(value: str, old: bool) -> str:
    r"""Without escapes: \, \; \\ and \n (RFC 6350 §3.4); 2.1 knows only \;."""
    if old:
        return value.replace("\\;", ";").strip()
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value).strip()
