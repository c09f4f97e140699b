"""Endpoints of outgoing webhooks: making, changing, asking for a test."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.events.models import Event
from crm.events.ringing import ring_task
from crm.events.types import REGISTRY
from crm.integrations import events
from crm.integrations.models import WebhookAttempt, WebhookEndpoint
from crm.lib.crypto import encrypt
from crm.lib.errors import Conflict, Rejected, Text

MAX_ENDPOINTS = 20
TEST_EVENT = "webhooks.test"


def fresh_secret() -> str:
    """ "whsec_" and 24 random bytes in base64 (Standard Webhooks)."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


@transaction.atomic
def endpoint_create(
    *, merchant: Merchant, url: str, names: Iterable[str], name: str = ""
) -> tuple[WebhookEndpoint, str]:
    """(the endpoint, its secret). Raises Rejected for an unusable address or unknown events."""
    wanted = _checked(url, names)
    if WebhookEndpoint.objects.count() >= MAX_ENDPOINTS:
        raise Conflict(_("A shop can have %(most)s webhooks.") % {"most": MAX_ENDPOINTS}, code="too_many")
    secret = fresh_secret()
    endpoint = WebhookEndpoint.objects.create(
        merchant=merchant, url=url, name=name.strip(), secret=encrypt(secret), events=wanted
    )
    emit(events.ENDPOINT_MADE, merchant=merchant, subject=endpoint, data={"url": url})
    return endpoint, secret


@transaction.atomic
def endpoint_change(
    *,
    endpoint: WebhookEndpoint,
    url: str | None = None,
    names: Iterable[str] | None = None,
    name: str | None = None,
    is_active: bool | None = None,
) -> WebhookEndpoint:
    """What is None stays. Switching on forgets earlier failures."""
    endpoint = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
    wanted = _checked(url or endpoint.url, endpoint.events if names is None else names)
    values: dict[str, Any] = {"url": url or endpoint.url, "events": wanted}
    values |= {} if name is None else {"name": name.strip()}
    values |= {} if is_active is None else {"is_active": is_active}
    changes = sorted(field for field, value in values.items() if getattr(endpoint, field) != value)
    if "is_active" in changes and is_active:
        endpoint.failing_since = endpoint.disabled_at = None
        endpoint.disabled_reason = ""
    for field, value in values.items():
        setattr(endpoint, field, value)
    endpoint.save()
    if changes:
        data = {"url": endpoint.url, "changes": ", ".join(changes)}
        emit(events.ENDPOINT_CHANGED, merchant=endpoint.merchant_id, subject=endpoint, data=data)
    return endpoint


@transaction.atomic
def endpoint_delete(*, endpoint: WebhookEndpoint) -> None:
    """Its waiting messages go with it."""
    data = {"url": endpoint.url, "changes": _("removed")}
    emit(events.ENDPOINT_CHANGED, merchant=endpoint.merchant_id, subject=endpoint, data=data)
    endpoint.delete()


@transaction.atomic
def secret_rotate(*, endpoint: WebhookEndpoint) -> str:
    """The new secret; the old one signs nothing any more."""
    secret = fresh_secret()
    endpoint.secret = encrypt(secret)
    endpoint.save(update_fields=["secret", "updated_at"])
    data = {"url": endpoint.url, "changes": _("new secret")}
    emit(events.ENDPOINT_CHANGED, merchant=endpoint.merchant_id, subject=endpoint, data=data)
    return secret


@transaction.atomic
def test_send(*, endpoint: WebhookEndpoint) -> WebhookAttempt:
    """A message that no event stands behind, sent like any other. Raises Conflict while switched off."""
    if not endpoint.is_active:
        raise Conflict(_("The webhook is switched off. Switch it on first."), code="inactive")
    body = payload(TEST_EVENT, timezone.now().isoformat(), {"note": "A test from Guanxi."})
    attempt = WebhookAttempt.objects.create(
        merchant_id=endpoint.merchant_id, endpoint=endpoint, event_name=TEST_EVENT, body=body
    )
    _ring([attempt.pk])
    return attempt


@transaction.atomic
def attempt_again(*, attempt: WebhookAttempt) -> None:
    """Sends the same message once more, with fresh tries. Raises Conflict while the endpoint is off."""
    attempt = WebhookAttempt.objects.select_for_update().get(pk=attempt.pk)
    if not attempt.endpoint.is_active:
        raise Conflict(_("The webhook is switched off. Switch it on first."), code="inactive")
    attempt.state, attempt.attempts, attempt.due_at = WebhookAttempt.State.PENDING, 0, timezone.now()
    attempt.done_at = None
    attempt.save(update_fields=["state", "attempts", "due_at", "done_at"])
    _ring([attempt.pk])


def enqueue(event: Event) -> int:
    """One message row for each endpoint that wants the event; their number. Called twice it adds none."""
    endpoints = WebhookEndpoint.objects.filter(is_active=True, events__contains=[event.name])
    facts = {
        "id": event.pk,
        "customer": event.customer_id,
        "subject_type": event.subject_type,
        "subject_id": event.subject_id,
        **event.data,
    }
    body = payload(event.name, event.occurred_at.isoformat(), facts)
    rows = [
        WebhookAttempt(
            merchant_id=event.merchant_id,
            endpoint=endpoint,
            event_id=event.pk,
            event_name=event.name,
            body=body,
        )
        for endpoint in endpoints
    ]
    WebhookAttempt.objects.bulk_create(rows, ignore_conflicts=True)
    waiting = WebhookAttempt.objects.filter(event_id=event.pk, endpoint__in=[row.endpoint_id for row in rows])
    _ring(list(waiting.values_list("id", flat=True)))
    return len(rows)


def payload(name: str, timestamp: str, data: dict[str, Any]) -> str:
    """The body as Standard Webhooks recommends it, compact."""
    whole = {"type": name, "timestamp": timestamp, "data": data}
    return json.dumps(whole, cls=DjangoJSONEncoder, ensure_ascii=False, separators=(",", ":"))


def _ring(ids: list[int]) -> None:
    """One ring a message, so that a slow receiver holds up no other."""
    for attempt_id in ids:
        transaction.on_commit(partial(ring_task, "integrations.send_webhook", [attempt_id]), robust=True)


def _checked(url: str, names: Iterable[str]) -> list[str]:
    wanted = sorted(set(names))
    unknown = [name for name in wanted if name not in REGISTRY]
    faults: dict[str, list[Text]] = {}
    if unknown or not wanted:
        text = _("Unknown events: %(names)s") % {"names": ", ".join(unknown)[:300]}
        faults["events"] = [text if unknown else _("Choose at least one event.")]
    parts = urlsplit(url)
    loopback = settings.OUTGOING_ALLOW_LOOPBACK and parts.hostname in {"127.0.0.1", "localhost"}
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        faults["url"] = [_("The address must start with https://.")]
    elif not parts.hostname or parts.username or parts.password:
        faults["url"] = [_("The address needs a host name and no user name or password.")]
    if faults:
        raise Rejected(code="invalid", fields=faults)
    return wanted
