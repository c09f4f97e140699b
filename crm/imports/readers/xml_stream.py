"""XML from strangers, streamed: no entities, no DTD, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO
from xml.parsers import expat

from django.utils.translation import gettext as _

from .base import UnreadableFile

CHUNK_BYTES = 64 * 1024


class XmlStream:
    """Calls back with element names stripped of their namespace; a document with entities is refused."""

    def __init__(
        self,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None],
        text: Callable[[str], None],
    ) -> None:
        self._start, self._end = start, end
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._first
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.EntityDeclHandler = _refuse_doctype
        self._parser = parser

    def parse(self, stream: IO[bytes]) -> Iterator[int]:
        """Yields the number of bytes parsed, after each chunk. Raises UnreadableFile for anything but plain
        XML."""
        done = 0
        try:
            while chunk := stream.read(CHUNK_BYTES):
                self._parser.Parse(chunk, False)
                done += len(chunk)
                yield done
            self._parser.Parse(b"", True)
            yield done
        except expat.ExpatError as error:
            raise UnreadableFile(
                _("The workbook is damaged: its XML breaks off at line %(line)s.") % {"line": error.lineno}
            ) from error

    def _first(self, name: str, attributes: dict[str, str]) -> None:
        """The root tells whether this writer prefixes its names (`x:worksheet`); only then is time spent on
        it."""
        parser = self._parser
        if ":" in name:
            parser.StartElementHandler = lambda name, attributes: self._start(
                name.rpartition(":")[2], attributes
            )
            parser.EndElementHandler = lambda name: self._end(name.rpartition(":")[2])
        else:
            parser.StartElementHandler = self._start
            parser.EndElementHandler = self._end
        self._start(name.rpartition(":")[2], attributes)


def _refuse_doctype(*_declaration: object) -> None:
    raise UnreadableFile(_("The workbook's XML defines entities: it is refused as a trap."))
