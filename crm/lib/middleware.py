"""One place turns every refusal into a page, a fragment or JSON. Nobody sees a traceback or a bare 500."""

import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from crm.lib.errors import CrmError, Forbidden, NotFound
from crm.lib.http import wants_json

log = structlog.get_logger()
# A page without a frame: what broke may be the database, which the frame asks for its counts.
FRAMELESS: dict[str, Any] = {
    "user": None,
    "membership": None,
    "merchant": None,
    "live_token": "",
    "messages": (),
}


class ErrorMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return error_response(request, exception)


def error_response(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """The answer to an exception that left a view; None lets Django show its debug page."""
    if isinstance(exception, CrmError):
        refusal = exception
    elif isinstance(exception, Http404):
        refusal = NotFound()
    elif isinstance(exception, PermissionDenied):
        refusal = Forbidden()
    elif isinstance(exception, RequestDataTooBig | TooManyFieldsSent | SuspiciousOperation | BadRequest):
        return respond(request, 400, "bad_request", _("The request can't be read. Go back and try again."))
    else:
        return unexpected(request, exception)
    return respond(request, refusal.status, refusal.code_name, str(refusal.message), refusal.fields)


def unexpected(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """A bug: logged with a reference that the person can pass on."""
    reference = uuid.uuid4().hex[:10]
    log.error("unexpected error", path=request.path, reference=reference, exc_info=exception)
    if settings.DEBUG and not wants_json(request):
        return None
    text = _("Something broke on our side; nothing you entered was changed. Reference: %(ref)s")
    return respond(request, 500, "internal", text % {"ref": reference})


def respond(
    request: HttpRequest, status: int, code: str, message: str, fields: dict[str, Any] | None = None
) -> HttpResponse:
    """JSON for the API, a fragment for htmx, else a page."""
    shown = {name: [str(text) for text in texts] for name, texts in (fields or {}).items()}
    if wants_json(request):
        return JsonResponse({"code": code, "message": message, "fields": shown}, status=status)
    context = {"status": status, "code": code, "message": message, "fields": shown}
    if status >= 500:
        context |= FRAMELESS
    fragment = request.headers.get("HX-Request") == "true"
    template = "errors/_error.html" if fragment else "errors/error.html"
    return render(request, template, context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 400, "bad_request", _("The request can't be read. Go back and try again."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 403, "forbidden", str(Forbidden().message))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 404, "not_found", str(NotFound().message))


def server_error(request: HttpRequest) -> HttpResponse:
    return respond(request, 500, "internal", _("Something broke on our side. Try again in a minute."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    text = _("This page was open too long or its cookies were cleared. Reload it and try again.")
    return respond(request, 403, "csrf", text)
