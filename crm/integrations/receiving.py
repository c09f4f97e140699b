"""The door for stores and carriers: check the raw bytes, keep them, answer. The work comes later."""

from __future__ import annotations

import uuid
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from crm.events.ringing import ring_task
from crm.integrations.catalog import MESSENGERS, STORES, adapter_of
from crm.integrations.messengers.base import Call
from crm.integrations.models import Connection, InboundHook
from crm.integrations.stores.base import Received
from crm.lib.errors import CrmError, NotFound
from crm.lib.tenancy import all_merchants, merchant_scope

log = structlog.get_logger()

KEPT_HEADER = 500


@csrf_exempt
def hook(request: HttpRequest, connection_uuid: uuid.UUID, part: str = "") -> HttpResponse:
    """POST from a store or carrier. Signed over the raw bytes, so there is neither session nor CSRF token."""
    try:
        return _take(request, connection_uuid, part)
    except RequestDataTooBig:
        return refusal(413, "too_large", _("The body is too large."))
    except UnreadablePostError:
        return refusal(400, "malformed", _("The body ended early."))
    except CrmError as error:
        answer = refusal(error.status, error.code_name, str(error.message))
        if error.status == 401:  # Amazon sends its password only after it was asked for it
            answer["WWW-Authenticate"] = 'Basic realm="hooks"'
        return answer


def refusal(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"code": code, "message": message, "fields": {}}, status=status)


def _take(request: HttpRequest, connection_uuid: uuid.UUID, part: str) -> HttpResponse:
    carrier_methods = {"POST", "GET", "HEAD"}
    if request.method not in carrier_methods:
        return _method_refused()
    with all_merchants(reason="a connection is found by its secret address; it decides the merchant"):
        connection = (
            Connection.objects.select_related("merchant")
            .filter(uuid=connection_uuid, merchant__is_active=True)
            .first()
        )
    if connection is None:
        raise NotFound()
    adapter, kept = adapter_of(connection.platform), {}
    if connection.platform in STORES:
        if request.method != "POST" or part:
            return _method_refused()
        received = STORES[connection.platform].verify(
            body=request.body, headers=request.headers, secrets=connection.secrets()
        )
    else:
        carrier = MESSENGERS[connection.platform]
        url = settings.PUBLIC_URL + request.get_full_path()
        call = Call(request.method or "", url, request.body, request.headers, part)
        received = carrier.verify(call, connection.secrets())
        kept = {
            name: call.headers[name][:KEPT_HEADER] for name in carrier.kept_headers if name in call.headers
        }
    new = False
    if not received.ping:
        with merchant_scope(connection.merchant):
            new = keep(connection, received, request.body, headers=kept)
    answer = adapter.acknowledge(received, repeated=not new and not received.ping)
    if answer.text is not None:
        return HttpResponse(answer.text, status=answer.status, content_type=answer.content_type)
    return JsonResponse(answer.body, status=answer.status)


def _method_refused() -> JsonResponse:
    answer = refusal(405, "method_not_allowed", _("Stores post here; there is nothing to see."))
    answer["Allow"] = "POST"
    return answer


def keep(connection: Connection, received: Received, body: bytes, **fields: Any) -> bool:
    """True when the delivery is new. Stored, noted on the connection and rung for, in one transaction."""
    with transaction.atomic():
        hook = InboundHook(
            merchant_id=connection.merchant_id,
            connection=connection,
            source_id=received.source_id,
            topic=received.topic,
            body=body,
            **fields,
        )
        InboundHook.objects.bulk_create([hook], ignore_conflicts=True)
        stored = InboundHook.objects.filter(connection=connection, source_id=received.source_id)
        row_id, received_at = stored.values_list("id", "received_at").get()
        new = bool(received_at == hook.received_at)
        if new:
            Connection.objects.filter(pk=connection.pk).update(last_hook_at=timezone.now())
            if connection.is_active:
                transaction.on_commit(lambda: ring_task("integrations.work_hooks", [[row_id]]), robust=True)
    return new
