"""Upserts of one row or up to a thousand, each answered for itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import structlog
from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.errors import refusal_of
from crm.events.handling import asking_once
from crm.lib.errors import Rejected, Text

log = structlog.get_logger()
MAX_ROWS = 1_000
OUTCOMES = ("created", "updated", "unchanged", "stale")


class OutcomeField(serializers.ChoiceField):
    """What became of an upsert, beside the row."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(OUTCOMES, **{"read_only": True, **kwargs})


@dataclass(frozen=True)
class Saved:
    """A written row and what became of it: created, updated, unchanged or stale."""

    row: Any
    outcome: str

    @property
    def status(self) -> int:
        return 201 if self.outcome == "created" else 200


@dataclass(frozen=True)
class RowAnswer:
    index: int
    status: int
    outcome: str = "refused"
    id: int | None = None
    code: str = ""
    message: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)


class RowAnswerSerializer(serializers.Serializer[Any]):
    """What became of the row at `index` of the request; `status` is what it would have got alone."""

    index = serializers.IntegerField(min_value=0)
    status = serializers.IntegerField()
    outcome = serializers.ChoiceField([*OUTCOMES, "refused"])
    id = serializers.IntegerField(allow_null=True)
    code = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)
    fields = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))  # type: ignore[assignment]


class BulkAnswerSerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    refused = serializers.IntegerField()
    results = RowAnswerSerializer(many=True)


class UpsertMixin:
    """POST of one object, or of `{bulk_name: [objects]}`.

    `input_class` reads one row; `save_row(validated)` writes it in its own transaction and returns Saved;
    `outcome_class` shows it: the row's fields and `outcome`. Declare the schema with `upsert_schema`.
    """

    bulk_name: ClassVar[str]
    input_class: ClassVar[type[serializers.Serializer[Any]]]
    outcome_class: ClassVar[type[serializers.Serializer[Any]]]

    def save_row(self, data: dict[str, Any]) -> Saved:
        raise NotImplementedError

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        context: dict[str, Any] = self.get_serializer_context()  # type: ignore[attr-defined]
        data: Any = request.data
        if isinstance(data, dict) and self.bulk_name in data:
            answers = upsert_rows(self._checked(data[self.bulk_name], data), self._save_one)
            return Response(BulkAnswerSerializer(answers).data)
        saved = self._save_one(request.data)
        saved.row.outcome = saved.outcome
        return Response(self.outcome_class(saved.row, context=context).data, status=saved.status)

    def _save_one(self, data: Any) -> Saved:
        reader = self.input_class(data=data, context=self.get_serializer_context())  # type: ignore[attr-defined]
        reader.is_valid(raise_exception=True)
        return self.save_row(reader.validated_data)

    def _checked(self, rows: Any, data: dict[str, Any]) -> list[Any]:
        text = ""
        if not isinstance(rows, list) or not rows:
            text = _("Send a list of at least one row.")
        elif len(rows) > MAX_ROWS:
            text = _("Send at most %(limit)s rows at once; these are %(count)s.") % {
                "limit": MAX_ROWS,
                "count": len(rows),
            }
        if text:
            raise Rejected(text, code="invalid", fields={self.bulk_name: [text]})
        others: dict[str, list[Text]] = {
            name: [_("Unknown field.")] for name in data if name != self.bulk_name
        }
        if others:
            raise Rejected(code="invalid", fields=others)
        return list(rows)


def upsert_rows(rows: list[Any], save: Callable[[Any], Saved]) -> dict[str, Any]:
    """{accepted, refused, results}. A refused row takes nothing else with it; a bug is raised."""
    with asking_once():
        answers = [_answer(index, row, save) for index, row in enumerate(rows)]
    accepted = sum(answer.status < 400 for answer in answers)
    return {"accepted": accepted, "refused": len(answers) - accepted, "results": answers}


def _answer(index: int, row: Any, save: Callable[[Any], Saved]) -> RowAnswer:
    try:
        with transaction.atomic():
            saved = save(row)
    except Exception as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        status, code, message, fields = refusal
        return RowAnswer(index, status, code=code, message=message, fields=fields)
    return RowAnswer(index, saved.status, saved.outcome, saved.row.pk)
