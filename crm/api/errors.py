"""Every refusal of the API as `{code, message, fields}` with the status that means it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg2.errors
import structlog
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError, OperationalError
from django.http import Http404
from django.http.request import UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from crm.lib.errors import CrmError, NotFound

log = structlog.get_logger()

# DRF's default codes said in the words of docs/api.md.
CODES = {
    exceptions.ParseError: "malformed",
    exceptions.NotAuthenticated: "unauthorised",
    exceptions.AuthenticationFailed: "unauthorised",
    exceptions.PermissionDenied: "forbidden",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "too_many_requests",
}
# Where a complaint is about the body or the row as a whole.
WHOLE = "body"


def api_exception_handler(exception: Exception, context: Any = None) -> Response | None:
    """The answer to a refusal; None for a bug, which becomes a 500 with a reference."""
    refusal = refusal_of(exception)
    if refusal is None:
        return None
    status, code, message, fields = refusal
    return Response(
        {"code": code, "message": message, "fields": fields},
        status=status,
        headers=_headers(exception, status),
    )


Refusal = tuple[int, str, str, dict[str, list[str]]]


def refusal_of(exception: Exception) -> Refusal | None:
    """(status, code, message, fields), or None when the exception is a bug."""
    if isinstance(exception, CrmError):
        fields = {name: [str(text) for text in texts] for name, texts in exception.fields.items()}
        return exception.status, exception.code_name, str(exception.message), fields
    if isinstance(exception, Http404):
        return refusal_of(NotFound())
    if isinstance(exception, exceptions.ValidationError):
        return invalid(dict(flattened(exception.detail)))
    if isinstance(exception, DjangoValidationError):
        return invalid(_django_fields(exception))
    if isinstance(exception, exceptions.APIException):
        return exception.status_code, CODES.get(type(exception), "error"), str(exception.detail), {}
    if isinstance(exception, PermissionDenied):
        return 403, "forbidden", _("This key may not do that."), {}
    return _request_refusal(exception) or _database_refusal(exception)


def invalid(fields: dict[str, list[str]]) -> Refusal:
    """The 422 of a body or query that can be read but not accepted."""
    whole = fields.get(WHOLE)
    message = whole[0] if whole and len(fields) == 1 else _("Some values can't be accepted; see “fields”.")
    return 422, "invalid", message, fields


def _request_refusal(exception: Exception) -> Refusal | None:
    if isinstance(exception, RequestDataTooBig):
        return 413, "too_large", _("The body is too large."), {}
    if isinstance(exception, UnreadablePostError | BadRequest | SuspiciousOperation):
        return 400, "malformed", _("The request can't be read."), {}
    return None


def _database_refusal(exception: Exception) -> Refusal | None:
    """What only the database could see: a number beyond its column, a race for the same unique value."""
    if isinstance(exception, DataError):
        log.warning("the database refused a value", error=str(exception))
        return 422, "invalid", _("A value is out of range."), {}
    cause = exception.__cause__
    if isinstance(exception, IntegrityError) and isinstance(cause, psycopg2.errors.UniqueViolation):
        return 409, "conflict", _("Something with the same unique value was written just now."), {}
    if isinstance(exception, OperationalError) and isinstance(
        cause, psycopg2.errors.DeadlockDetected | psycopg2.errors.SerializationFailure
    ):
        return 409, "busy", _("Another request changed the same rows. Send this one again."), {}
    return None


def _headers(exception: Exception, status: int) -> dict[str, str]:
    headers: dict[str, str] = {}
    if header := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = str(header)
    wait = getattr(exception, "wait", None)
    if status == 429 or wait is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait or 60)))
    elif status == 409:
        headers["Retry-After"] = "1"
    return headers


def flattened(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """("lines.0.quantity", messages) for each complaint in DRF's nested ones."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            part = "" if name == "non_field_errors" else str(name)
            yield from flattened(inner, ".".join(filter(None, [path, part])))
    elif isinstance(detail, list) and any(isinstance(inner, Mapping | list) for inner in detail):
        for number, inner in enumerate(detail):
            if inner:
                yield from flattened(inner, ".".join(filter(None, [path, str(number)])))
    elif isinstance(detail, list):
        yield path or WHOLE, [str(text) for text in detail]
    else:
        yield path or WHOLE, [str(detail)]


def _django_fields(exception: DjangoValidationError) -> dict[str, list[str]]:
    if hasattr(exception, "error_dict"):
        return {
            WHOLE if name == "__all__" else name: list(texts)
            for name, texts in exception.message_dict.items()
        }
    return {WHOLE: list(exception.messages)}
