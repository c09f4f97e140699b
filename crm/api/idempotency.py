"""A POST sent twice with the same Idempotency-Key is done once.

draft-ietf-httpapi-idempotency-key-header: the same answer again for 24 hours, 422 for another body under the
same key, 409 while the first one is still at work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NoReturn

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.response import Response

from crm.accounts.models import ApiKey
from crm.api.models import IdempotentRequest
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import all_merchants

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEEP_HOURS = 24
MAX_KEY_CHARS = 255
KEPT_HEADERS = ("Location",)
# Sending again may help for these, so their answers are not kept.
PASSING = frozenset({401, 403, 409, 429})


def read_key(request: HttpRequest) -> str | None:
    """The header's key, or None without one. Raises Rejected for an unusable key."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_CHARS or not key.isascii() or not key.isprintable():
        text = _("Use 1 to %(limit)s printable ASCII characters, such as a UUID.") % {"limit": MAX_KEY_CHARS}
        raise Rejected(text, code="invalid", fields={HEADER: [text]})
    return key


def fingerprint(request: HttpRequest) -> str:
    """The same for the same method, address and bytes."""
    head = f"{request.method} {request.get_full_path()}\n".encode("utf-8", "surrogateescape")
    return hashlib.sha256(head + request.body).hexdigest()


def answer_once(
    *, api_key: ApiKey, key: str, request: HttpRequest, work: Callable[[], Response]
) -> HttpResponse:
    """The answer of `work`, or the kept one of the first time.

    `work` runs in the transaction that keeps its answer, with the row locked: both are there or neither, so a
    process killed at any moment leaves nothing half done and its lock falls with its connection. `work`
    returns a rendered response and undoes what a refused request wrote. Raises Conflict while the same
    key is in flight and Rejected for a key used with another body.
    """
    wanted = fingerprint(request)
    row_id = _claim(api_key, key, wanted)
    with transaction.atomic():
        row = IdempotentRequest.objects.select_for_update(skip_locked=True).filter(pk=row_id).first()
        if row is None:
            _refuse_in_flight(row_id, wanted)
        if row.expires_at <= timezone.now():
            row.fingerprint, row.status, row.expires_at = wanted, None, _expiry()
        if row.fingerprint != wanted:
            _refuse_other_body()
        if row.status is not None:
            return _replay(row)
        response = work()
        _keep(row, response)
    return response


def _claim(api_key: ApiKey, key: str, wanted: str) -> int:
    """The id of the key's row, made and committed if new."""
    with transaction.atomic():
        fresh = IdempotentRequest(
            merchant_id=api_key.merchant_id,
            api_key=api_key,
            key=key,
            fingerprint=wanted,
            expires_at=_expiry(),
        )
        IdempotentRequest.objects.bulk_create([fresh], ignore_conflicts=True)
        return IdempotentRequest.objects.values_list("pk", flat=True).get(api_key=api_key, key=key)


def _expiry() -> datetime:
    return timezone.now() + timedelta(hours=KEEP_HOURS)


def _refuse_in_flight(row_id: int, wanted: str) -> NoReturn:
    row = IdempotentRequest.objects.filter(pk=row_id).first()
    if row is not None and row.fingerprint != wanted and row.expires_at > timezone.now():
        _refuse_other_body()
    text = _("A request with this Idempotency-Key is still at work. Send it again in a moment.")
    raise Conflict(text, code="in_flight")


def _refuse_other_body() -> NoReturn:
    text = _("This Idempotency-Key was used for another request. Use a new key for a new request.")
    raise Rejected(text, code="idempotency_key_reused", fields={HEADER: [text]})


def _keep(row: IdempotentRequest, response: Response) -> None:
    if response.status_code >= 500 or response.status_code in PASSING:
        row.delete()
        return
    row.status = response.status_code
    row.body = response.content.decode()
    row.headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    row.save(update_fields=["fingerprint", "status", "body", "headers", "expires_at"])


def _replay(row: IdempotentRequest) -> HttpResponse:
    assert row.status is not None
    response = HttpResponse(row.body, status=row.status, content_type="application/json")
    for name, value in row.headers.items():
        response[name] = value
    response[REPLAYED] = "true"
    return response


def prune() -> int:
    """Forgets keys whose day is over; rows removed."""
    with all_merchants(reason="housekeeping for every merchant"):
        removed, _by_model = IdempotentRequest.objects.filter(expires_at__lt=timezone.now()).delete()
    return removed
