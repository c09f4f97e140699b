"""Reading JSON from strangers: bounded, strict, and nothing that PostgreSQL can't store."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from crm.lib.errors import Rejected

# Deeper than any operation's body; keeps the walk and the serialisers' recursion small.
MAX_DEPTH = 32
# A lone surrogate can't be encoded as UTF-8, a NUL can't be stored as text.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class StrictJSONParser(BaseParser):
    """application/json in UTF-8. 400 for no JSON, 413 for too much of it, 422 for what can't be kept."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise RequestDataTooBig
        return read_json(raw)


def read_json(raw: bytes) -> Any:
    """The value. Raises ParseError (400) or Rejected (422)."""
    if raw.startswith(codecs.BOM_UTF8):
        raise ParseError(_("The body starts with a byte order mark; send plain UTF-8."))
    try:
        data = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise ParseError(_("The body is not UTF-8 (byte %(place)s).") % {"place": error.start}) from error
    except json.JSONDecodeError as error:
        text = _("The body is not JSON: line %(line)s, column %(column)s.")
        raise ParseError(text % {"line": error.lineno, "column": error.colno}) from error
    except (RecursionError, ValueError) as error:
        raise ParseError(_("The body is not JSON that can be read: %(why)s.") % {"why": error}) from error
    check_storable(data)
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(_("%(name)s is no number in JSON") % {"name": name})


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(_("a number is too large"))
    return number


def check_storable(data: Any) -> None:
    """Raises Rejected for nesting beyond MAX_DEPTH, NUL characters and halves of surrogate pairs."""
    waiting: list[tuple[Any, int]] = [(data, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            if UNSTORABLE.search(value):
                raise Rejected(_("A text contains a character that can't be stored (NUL or half a pair)."))
        elif isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                raise Rejected(_("The body is nested deeper than %(limit)s levels.") % {"limit": MAX_DEPTH})
            if isinstance(value, dict):
                waiting += [(name, depth) for name in value]
                value = list(value.values())
            waiting += [(inner, depth + 1) for inner in value]
