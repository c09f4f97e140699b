"""The zip around a workbook: its limits, its sheets, its date styles and its shared texts."""

from __future__ import annotations

import posixpath
import re
import tempfile
import zipfile
from array import array
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from django.utils.translation import gettext as _

from .base import UnreadableFile
from .xml_stream import XmlStream

MAX_PARTS = 5_000
# Unpacked bytes of a part. The biggest honest sheet (1,048,576 rows of 30 columns) has about 1.2 GB.
MAX_PART_BYTES = 2 * 1024**3
# Parts that are read at once: styles, the list of sheets, relations.
MAX_SMALL_PART_BYTES = 16 * 1024**2
# Deflate can shrink XML 20- to 60-fold; beyond this, past the first 64 MB, it is a bomb.
MAX_RATIO = 120
SMALL_BYTES = 64 * 1024 * 1024


# Number formats that need no definition (ECMA-376, 18.8.30), the East Asian ones with them.
BUILTIN_DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_NOT_CODE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]')


def shows_date(code: str) -> bool:
    """Whether the number format prints a date or a time: it has d, m, y, h or s outside quotes and
    colours."""
    return bool(re.search("[dmyhs]", _NOT_CODE.sub("", code.split(";")[0]), re.IGNORECASE))


@dataclass(frozen=True)
class Sheet:
    name: str
    part: str


class Package:
    """An open workbook. Raises UnreadableFile for what is no workbook, is encrypted, or unpacks to too
    much."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
            raise UnreadableFile(_("This is not an XLSX workbook, or it was cut off.")) from error
        try:
            self._refuse_bombs(path)
            self.uses_1904_dates = False
            self._sheets = self._read_sheets()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def open(self, part: str) -> IO[bytes]:
        try:
            return self._zip.open(part)
        except (KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            raise UnreadableFile(_("The workbook lacks its part %(part)s.") % {"part": part[:80]}) from error

    def size(self, part: str) -> int:
        return self._zip.getinfo(part).file_size

    def first_sheet(self) -> Sheet:
        if not self._sheets:
            raise UnreadableFile(_("The workbook has no visible sheet."))
        return self._sheets[0]

    def shared_texts(self, max_chars: int) -> SharedTexts:
        if "xl/sharedStrings.xml" not in self._zip.namelist():
            return SharedTexts(None, max_chars)
        return SharedTexts(self.open("xl/sharedStrings.xml"), max_chars)

    def date_styles(self) -> set[str]:
        """The numbers of the cell styles that show a number as a date."""
        if "xl/styles.xml" not in self._zip.namelist():
            return set()
        root = self._small_xml("xl/styles.xml")
        formats: dict[int, str] = {}
        cell_styles: list[int] = []
        for element in root.iter():
            name = element.tag.rpartition("}")[2]
            if name == "numFmt":
                formats[int(element.get("numFmtId", 0))] = element.get("formatCode", "")
            elif name == "cellXfs":
                cell_styles = [int(style.get("numFmtId", 0)) for style in element]
        return {
            str(i)
            for i, number in enumerate(cell_styles)
            if number in BUILTIN_DATES or shows_date(formats.get(number, ""))
        }

    def _refuse_bombs(self, path: Path) -> None:
        parts = self._zip.infolist()
        total = sum(part.file_size for part in parts)
        packed = path.stat().st_size
        if (
            len(parts) > MAX_PARTS
            or any(part.file_size > MAX_PART_BYTES for part in parts)
            or total > SMALL_BYTES + MAX_RATIO * packed
        ):
            raise UnreadableFile(
                _("The workbook would unpack to %(size)s MB: it is refused as a trap.")
                % {"size": f"{total >> 20:,}"}
            )
        if any(part.flag_bits & 1 for part in parts):
            raise UnreadableFile(_("The workbook is locked with a password. Save it without one."))

    def _small_xml(self, part: str):  # type: ignore[no-untyped-def]  # an ElementTree element
        if part not in self._zip.namelist():
            raise UnreadableFile(_("This is a zip file but not an XLSX workbook."))
        if self.size(part) > MAX_SMALL_PART_BYTES:
            raise UnreadableFile(_("The workbook's part %(part)s is too large.") % {"part": part})
        try:
            with self.open(part) as stream:
                return fromstring(stream.read(MAX_SMALL_PART_BYTES))
        except (ParseError, DefusedXmlException, zipfile.BadZipFile) as error:
            raise UnreadableFile(
                _("The workbook is damaged in its part %(part)s.") % {"part": part}
            ) from error

    def _read_sheets(self) -> list[Sheet]:
        targets = {
            relation.get("Id"): relation.get("Target", "")
            for relation in self._small_xml("xl/_rels/workbook.xml.rels")
        }
        sheets = []
        for element in self._small_xml("xl/workbook.xml").iter():
            name = element.tag.rpartition("}")[2]
            if name == "workbookPr":
                self.uses_1904_dates = element.get("date1904") in {"1", "true"}
            if name != "sheet" or element.get("state", "visible") != "visible":
                continue
            relation = next((value for key, value in element.items() if key.endswith("}id")), None)
            target = targets.get(relation, "")
            part = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            if part in self._zip.namelist() and "chartsheet" not in part:
                sheets.append(Sheet(name=element.get("name", "")[:80], part=part))
        return sheets


class SharedTexts:
    """The workbook's table of texts on disk: 8 bytes of memory a text, and a cache of short ones.

    A sheet refers to texts by number. `get` raises IndexError for a number that the table lacks.
    """

    CACHED = 20_000
    CACHED_CHARS = 200

    def __init__(self, source: IO[bytes] | None, max_chars: int) -> None:
        self._max_chars = max_chars + 1_000
        self._starts = array("Q", [0])
        self._store = tempfile.TemporaryFile(prefix="crm-texts-")  # noqa: SIM115  closed by __exit__
        self._cache: dict[int, str] = {}
        self._words: list[str] = []
        self._inside = False
        self._phonetic = False
        self._chars = 0
        if source is not None:
            with source:
                for _done in XmlStream(self._start, self._end, self._text).parse(source):
                    pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.close()

    def get(self, index: int) -> str:
        known = self._cache.get(index)
        if known is not None:
            return known
        text = self._load(index)
        if len(text) <= self.CACHED_CHARS:
            if len(self._cache) >= self.CACHED:
                self._cache.clear()
            self._cache[index] = text
        return text

    def _load(self, index: int) -> str:
        if not 0 <= index < len(self._starts) - 1:
            raise IndexError(index)
        self._store.seek(self._starts[index])
        return self._store.read(self._starts[index + 1] - self._starts[index]).decode("utf-8")

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        if name == "si":
            self._words, self._chars = [], 0
        elif name == "t":
            self._inside = not self._phonetic
        elif name == "rPh":  # the furigana above a Japanese word
            self._phonetic = True

    def _text(self, data: str) -> None:
        if self._inside:
            self._chars += len(data)
            if self._chars <= self._max_chars:
                self._words.append(data)

    def _end(self, name: str) -> None:
        if name == "t":
            self._inside = False
        elif name == "rPh":
            self._phonetic = False
        elif name == "si":
            encoded = "".join(self._words).encode("utf-8", errors="replace")
            self._store.write(encoded)
            self._starts.append(self._starts[-1] + len(encoded))


@lru_cache(maxsize=1_000)
def _letters_index(letters: str) -> int:
    index = 0
    for character in letters:
        index = index * 26 + ord(character) - 64
    return index - 1


def column_index(reference: str, row: int) -> int:
    """0 for A1, 27 for AB7. `row` is where the cell stands, for the fast way and for the error."""
    letters = reference.removesuffix(str(row))
    if not (letters.isascii() and letters.isupper() and letters.isalpha() and len(letters) <= 3):
        raise UnreadableFile(
            _("Row %(row)s of the workbook holds a cell that calls itself “%(cell)s”.")
            % {"row": row, "cell": reference[:20]}
        )
    return _letters_index(letters)
