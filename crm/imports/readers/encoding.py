"""Which encoding a text file is in, proven over the whole file rather than guessed from its start."""

from __future__ import annotations

import codecs
from pathlib import Path

from charset_normalizer import from_bytes
from django.utils.translation import gettext as _

from .base import UnreadableFile

CHUNK_BYTES = 1 << 20
# A text in GB18030 consists almost wholly of the 6,763 everyday characters; another encoding read as GB18030
# gives rare ones. Measured: Chinese shop exports ≥ .98, Western and Big5 text misread ≤ .6.
EVERYDAY_SHARE = 0.8
SAMPLE_BYTES = 64 * 1024

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def detect_encoding(path: Path) -> str:
    """A Python codec name that decodes every byte of the file: utf-8, utf-8-sig, utf-16*, or gb18030.

    Reads the file once, or twice when it is not UTF-8. Raises UnreadableFile naming the encoding that it
    seems to be in, and the row where UTF-8 stops.
    """
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise UnreadableFile(_("This file is in UTF-32. Save it as UTF-8 and upload it again."))
    for bom, name in _BOMS:
        if head.startswith(bom):
            _refuse_undecodable(path, name)
            return name
    utf16 = _utf16_without_bom(head)
    if utf16:
        _refuse_undecodable(path, utf16)
        return utf16
    if b"\0" in head:
        row = head[: head.index(b"\0")].count(b"\n") + 1
        raise UnreadableFile(
            _("Row %(row)s, column 1: this is not a text file, it holds zero bytes.") % {"row": row}
        )
    broken_at = _first_undecodable(path, "utf-8")
    if broken_at is None:
        return "utf-8"
    if _first_undecodable(path, "gb18030") is None and _looks_chinese(path, broken_at):
        return "gb18030"
    raise UnreadableFile(_name_the_encoding(path, broken_at))


def _utf16_without_bom(head: bytes) -> str | None:
    pairs = len(head) // 2
    if pairs < 4:
        return None
    even, odd = head[0 : pairs * 2 : 2].count(0), head[1 : pairs * 2 : 2].count(0)
    if odd > pairs * 0.3 and even < pairs * 0.05:
        return "utf-16-le"
    if even > pairs * 0.3 and odd < pairs * 0.05:
        return "utf-16-be"
    return None


def _first_undecodable(path: Path, encoding: str) -> int | None:
    """The offset of the first byte that isn't `encoding`, give or take a character; None if all of it is."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    offset = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return offset + error.start
            offset += len(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return offset
    return None


def _refuse_undecodable(path: Path, encoding: str) -> None:
    broken_at = _first_undecodable(path, encoding)
    if broken_at is not None:
        raise UnreadableFile(
            _("The file says that it is %(encoding)s, but byte %(offset)s is not. It may have been cut off.")
            % {"encoding": encoding.upper().removesuffix("-SIG"), "offset": f"{broken_at:,}"}
        )


def _looks_chinese(path: Path, offset: int) -> bool:
    """Whether the text from the first non-ASCII byte reads as everyday Chinese in GB18030."""
    foreign = [
        character
        for character in _sample(path, offset).decode("gb18030", errors="ignore")
        if not character.isascii()
    ]
    if not foreign:
        return False
    everyday = sum(1 for character in foreign if _is_everyday(character))
    return everyday / len(foreign) >= EVERYDAY_SHARE


def _is_everyday(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return ord(character) > 0xFFFF  # four-byte GB18030: emoji, rare names; no other encoding yields them
    return True


def _sample(path: Path, offset: int) -> bytes:
    """Up to 64 KB from the beginning of the line that holds `offset`, ASCII-only lines left out."""
    with path.open("rb") as file:
        start = max(0, offset - 4096)
        file.seek(start)
        block = file.read(SAMPLE_BYTES * 4)
    newline = block.rfind(b"\n", 0, offset - start)
    lines = block[newline + 1 :].split(b"\n")
    return b"\n".join(line for line in lines if not line.isascii())[:SAMPLE_BYTES]


def _name_the_encoding(path: Path, broken_at: int) -> str:
    row = 1
    with path.open("rb") as file:
        left = broken_at
        while left > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):
            row += chunk.count(b"\n")
            left -= len(chunk)
    best = from_bytes(_sample(path, broken_at)).best()
    if best is None:
        return _("Row %(row)s is in no encoding that can be read. Save the file as UTF-8.") % {"row": row}
    name = {"cp1252": "windows-1252", "cp1250": "windows-1250", "cp1251": "windows-1251"}.get(
        best.encoding, best.encoding.replace("_", "-")
    )
    return _(
        "Row %(row)s is not UTF-8: this looks like %(encoding)s. Save the file as UTF-8 and upload it again."
    ) % {
        "row": row,
        "encoding": name,
    }
