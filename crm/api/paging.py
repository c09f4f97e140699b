"""Keyset pages: as fast on page 10,000 as on page 1, and nothing skipped or doubled while rows come in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.signing import BadSignature
from django.db.models import Model, Q
from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from crm.lib.crypto import sign, unsign
from crm.lib.errors import Rejected

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
PURPOSE = "api.cursor"
DECODERS: dict[str, Callable[[str], Any]] = {
    "t": datetime.fromisoformat,
    "d": date.fromisoformat,
    "n": Decimal,
}


@dataclass(frozen=True)
class Position:
    """After (or, going back, before) the row with these values of the ordering's columns."""

    values: tuple[Any, ...]
    back: bool


class KeysetPagination(BasePagination):
    """`?limit=` and an opaque signed `?cursor=`. The view's `ordering` names the columns, ending unique.

    All columns go the same way (all "-" or none) and are never NULL.
    """

    parameters = ("limit", "cursor")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.ordering: Sequence[str] = view.ordering
        self.limit = read_limit(request.query_params.get("limit"))
        self.position = read_cursor(request.query_params.get("cursor"), self.ordering, request.path)
        back = self.position is not None and self.position.back
        ordering = [_reversed(name) for name in self.ordering] if back else list(self.ordering)
        if self.position is not None:
            queryset = queryset.filter(beyond(ordering, self.position.values))
        rows = list(queryset.order_by(*ordering)[: self.limit + 1])
        more, rows = len(rows) > self.limit, rows[: self.limit]
        if back:
            rows.reverse()
        self.has_next = more if not back else True
        self.has_previous = more if back else self.position is not None
        self.rows = rows
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._link(back=False), "previous": self._link(back=True), "results": data})

    def _link(self, *, back: bool) -> str | None:
        url = self.request.build_absolute_uri()
        if not self.rows:  # past an end: the way back is the first page
            return remove_query_param(url, "cursor") if back and self.position else None
        if not (self.has_previous if back else self.has_next):
            return None
        row = self.rows[0] if back else self.rows[-1]
        cursor = write_cursor(row, self.ordering, self.request.path, back=back)
        return replace_query_param(url, "cursor", cursor)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "nullable": True, "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        return [
            {
                "name": "limit",
                "in": "query",
                "required": False,
                "description": "Rows on a page.",
                "schema": limit,
            },
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "From a `next` or `previous` link; opaque.",
                "schema": {"type": "string"},
            },
        ]


def read_limit(text: str | None) -> int:
    """Rows on a page. Raises Rejected."""
    if text is None:
        return DEFAULT_LIMIT
    if text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    message = _("Use a number from 1 to %(limit)s.") % {"limit": MAX_LIMIT}
    raise Rejected(message, code="invalid", fields={"limit": [message]})


def read_cursor(text: str | None, ordering: Sequence[str], path: str) -> Position | None:
    """The position; None for the first page. Raises Rejected for a cursor of another list or none of ours."""
    if text is None:
        return None
    try:
        data = unsign(text, purpose=PURPOSE)
        if not isinstance(data, dict) or data["o"] != list(ordering) or data["p"] != path:
            raise ValueError("a cursor of another list")
        return Position(tuple(_decoded(value) for value in data["v"]), bool(data["b"]))
    except (BadSignature, ValueError, KeyError, TypeError) as error:
        message = _("This cursor is not of this list. Start again without it.")
        raise Rejected(message, code="invalid", fields={"cursor": [message]}) from error


def write_cursor(row: Model, ordering: Sequence[str], path: str, *, back: bool) -> str:
    values = [_encoded(_value(row, name.lstrip("-"))) for name in ordering]
    return sign({"o": list(ordering), "p": path, "v": values, "b": back}, purpose=PURPOSE)


def beyond(ordering: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows after the position. The first comparison alone bounds the index scan; the rest breaks ties."""
    names = [name.lstrip("-") for name in ordering]
    side = "lt" if ordering[0].startswith("-") else "gt"
    after, same = Q(), Q()
    for name, value in zip(names, values, strict=True):
        after |= same & Q(**{f"{name}__{side}": value})
        same &= Q(**{name: value})
    return Q(**{f"{names[0]}__{side}e": values[0]}) & after


def _value(row: Any, name: str) -> Any:
    for part in name.split("__"):
        row = getattr(row, part)
    return row


def _reversed(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _encoded(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"t": value.isoformat()}
    if isinstance(value, date):
        return {"d": value.isoformat()}
    if isinstance(value, Decimal):
        return {"n": str(value)}
    return value


def _decoded(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    return DECODERS[kind](text)
