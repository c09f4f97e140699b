"""Writing the zip: chapter by chapter, row by row, so that a life of 50,000 events costs no more memory than
one of five."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from customers.models import DataPackage
from customers.my_data.html import write_page
from customers.portal_registry import CHAPTERS, LEFT_OUT, Chapter

# What a program reads in data.json; raised when a key changes its meaning or goes.
SCHEMA = "guanxi.my-data/1"
FLUSH_BYTES = 64 * 1024


class Stream:
    """Text into one member of the zip, in pieces of 64 KB."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._member = archive.open(name, "w", force_zip64=True)
        self._buffer = io.BytesIO()

    def write(self, text: str) -> None:
        self._buffer.write(text.encode())
        if self._buffer.tell() >= FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._member.write(self._buffer.getbuffer())
        self._buffer = io.BytesIO()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_error: object) -> None:
        self._flush()
        self._member.close()


def write_package(package: DataPackage, path: Path) -> None:
    """index.html in the package's language, data.json, and the person's files in files/.

    Each chapter is read twice, once for each form; nothing is kept in between. Inside the shop's scope.
    """
    with (
        translation.override(package.language),
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
    ):
        names = _write_files(archive, package)
        with Stream(archive, "data.json") as out:
            _write_json(out, package, names)
        with Stream(archive, "index.html") as out:
            write_page(out.write, facts=_facts(package, names), chapters=_chapters(package))


def _chapters(package: DataPackage) -> Iterable[tuple[Chapter, Any]]:
    for chapter in CHAPTERS.values():
        yield chapter, chapter.collect(package.customer, package.grants)


def _facts(package: DataPackage, names: list[str]) -> dict[str, Any]:
    return {
        "shop": package.merchant,
        "who": (package.customer.name if package.customer else "") or package.address,
        "made_at": timezone.now(),
        "language": package.language,
        "left_out": LEFT_OUT,
        "files": names,
        "contents": [(one.key, one.label) for one in CHAPTERS.values()],
    }


def _write_json(out: Stream, package: DataPackage, names: list[str]) -> None:
    head = {
        "schema": SCHEMA,
        "shop": package.merchant.name,
        "made_at": timezone.now(),
        "language": package.language,
        "files": names,
        "left_out": [{"what": str(one.what), "why": str(one.why)} for one in LEFT_OUT],
    }
    out.write(_json(head)[:-1] + ', "data": {')
    for number, (chapter, content) in enumerate(_chapters(package)):
        out.write(f"{', ' if number else ''}{_json(chapter.key)}: ")
        if isinstance(content, Mapping):
            out.write(_json(content))
            continue
        out.write("[")
        for row_number, row in enumerate(content):
            out.write((",\n" if row_number else "\n") + _json(row))
        out.write("]")
    out.write("}}\n")


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


def _write_files(archive: zipfile.ZipFile, package: DataPackage) -> list[str]:
    """The names under which the person's files stand in the zip; a second one of a name gets a number."""
    names: list[str] = []
    for chapter in CHAPTERS.values():
        for file in chapter.files(package.customer, package.grants) if chapter.files else ():
            name = _free_name(f"files/{chapter.key}/{_safe(file.name)}", names)
            with file.open() as source, archive.open(name, "w", force_zip64=True) as member:
                shutil.copyfileobj(source, member, FLUSH_BYTES)
            names.append(name)
    return names


def _safe(name: str) -> str:
    """The file's own name without anything that leads out of its folder."""
    plain = re.sub(r"[^\w.\- ]", "_", name.replace("\\", "/").rpartition("/")[2]).strip(" .")
    return plain[-120:] or _("file")


def _free_name(wanted: str, taken: list[str]) -> str:
    name, number = wanted, 1
    stem, dot, suffix = wanted.rpartition(".")
    while name in taken:
        number += 1
        name = f"{stem}-{number}.{suffix}" if dot and "/" not in suffix else f"{wanted}-{number}"
    return name
