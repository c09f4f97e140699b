"""The door for stores: check the raw bytes, keep them, answer. The work comes later."""

from __future__ import annotations

import uuid
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from crm.events.ringing import ring_task
from crm.integrations.catalog import store
from crm.integrations.models import Connection, InboundHook
from crm.integrations.stores.base import Received
from crm.lib.errors import CrmError, NotFound
from crm.lib.tenancy import all_merchants, merchant_scope

log = structlog.get_logger()


@csrf_exempt
def hook(request: HttpRequest, connection_uuid: uuid.UUID) -> HttpResponse:
    """POST from a store. Signed over the raw bytes, so there is neither session nor CSRF token."""
    if request.method != "POST":
        answer = refusal(405, "method_not_allowed", _("Stores post here; there is nothing to see."))
        answer["Allow"] = "POST"
        return answer
    try:
        return _take(request, connection_uuid)
    except RequestDataTooBig:
        return refusal(413, "too_large", _("The body is too large."))
    except UnreadablePostError:
        return refusal(400, "malformed", _("The body ended early."))
    except CrmError as error:
        return refusal(error.status, error.code_name, str(error.message))


def refusal(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"code": code, "message": message, "fields": {}}, status=status)


def _take(request: HttpRequest, connection_uuid: uuid.UUID) -> HttpResponse:
    with all_merchants(reason="a connection is found by its secret address; it decides the merchant"):
        connection = (
            Connection.objects.select_related("merchant")
            .filter(uuid=connection_uuid, merchant__is_active=True)
            .first()
        )
    if connection is None:
        raise NotFound()
    adapter = store(connection.platform)
    received = adapter.verify(body=request.body, headers=request.headers, secrets=connection.secrets())
    new = False
    if not received.ping:
        with merchant_scope(connection.merchant):
            new = keep(connection, received, request.body)
    answer = adapter.acknowledge(received, repeated=not new and not received.ping)
    return JsonResponse(answer.body, status=answer.status)


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
