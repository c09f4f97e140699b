"""Fetching what hooks didn't tell: history after connecting, and what was lost since, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.events.ringing import ring_task
from crm.integrations.catalog import store
from crm.integrations.connecting import can_fetch
from crm.integrations.models import Connection, InboundHook
from crm.integrations.receiving import keep
from crm.integrations.stores.base import Received
from crm.lib.errors import CrmError, Upstream
from crm.lib.tenancy import all_merchants, merchant_scope

log = structlog.get_logger()

# How long a page may take before another worker tries it.
LEASE_SECONDS = 180
# Stores lose hooks; what changed is asked for again this often.
EVERY_HOURS = 6
# Clocks differ and a store may write an order a moment after its time stamp.
OVERLAP_MINUTES = 10
MAX_ATTEMPTS = 8
FIRST_WAIT_SECONDS = 30
LONGEST_WAIT_SECONDS = 3 * 3600


def fetch_page(connection_id: int) -> bool:
    """True when there is more to fetch.

    Claims, asks the store outside any transaction, then stores the page and the new cursor together: a worker
    killed in between asks for the same page again, and nothing doubles.
    """
    connection = _claim(connection_id)
    if connection is None:
        return False
    cursor: dict[str, Any] = connection.cursor or {}
    since = datetime.fromisoformat(cursor["since"]) if cursor.get("since") else None
    started_at = cursor.get("started_at") or timezone.now().isoformat()
    try:
        adapter = store(connection.platform)
        page = adapter.fetch(secrets=connection.secrets(), since=since, page=cursor.get("page"))
    except CrmError as error:
        _failed(connection, error)
        return False
    with merchant_scope(connection.merchant), transaction.atomic():
        for order in page.orders:
            _keep_order(connection, adapter.order_topic, order)
        _go_on(connection, page.next_page, started_at, cursor)
    if page.next_page:
        ring_task("integrations.fetch", [connection.pk])
    return page.next_page is not None


def _claim(connection_id: int) -> Connection | None:
    with transaction.atomic(), all_merchants(reason="a connection is claimed by id"):
        connection = (
            Connection.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("merchant")
            .filter(pk=connection_id, state=Connection.State.ACTIVE, fetch_due_at__lte=timezone.now())
            .first()
        )
        if connection is None:
            return None
        connection.fetch_due_at = timezone.now() + timedelta(seconds=LEASE_SECONDS)
        connection.save(update_fields=["fetch_due_at"])
    return connection


def _keep_order(connection: Connection, topic: str, order: Mapping[str, Any]) -> None:
    """As a hook would have told it; the same version is kept once."""
    changed = order.get("updated_at") or order.get("date_modified_gmt") or ""
    received = Received(f"fetch:{order.get('id')}:{changed}"[:200], topic)
    keep(connection, received, json.dumps(order, ensure_ascii=False).encode(), backfill=True)


def _go_on(connection: Connection, page: str | None, started_at: str, cursor: dict[str, Any]) -> None:
    now = timezone.now()
    if page:
        connection.cursor = {"since": cursor.get("since"), "page": page, "started_at": started_at}
        connection.fetch_due_at = now
    else:
        since = datetime.fromisoformat(started_at) - timedelta(minutes=OVERLAP_MINUTES)
        connection.cursor = {"since": since.isoformat()}
        connection.fetch_due_at = now + timedelta(hours=EVERY_HOURS)
        connection.fetched_at = now
    connection.fetch_attempts, connection.fetch_error = 0, ""
    fields = ["cursor", "fetch_due_at", "fetched_at", "fetch_attempts", "fetch_error"]
    connection.save(update_fields=fields)


def _failed(connection: Connection, error: CrmError) -> None:
    """Tries again later; a refused key or a wrong address waits for somebody to mend it."""
    connection.fetch_attempts += 1
    retryable = isinstance(error, Upstream) and error.retryable and connection.fetch_attempts < MAX_ATTEMPTS
    wait = min(FIRST_WAIT_SECONDS * 3 ** (connection.fetch_attempts - 1), LONGEST_WAIT_SECONDS)
    connection.fetch_due_at = timezone.now() + timedelta(seconds=wait) if retryable else None
    connection.fetch_error = str(error.message)[:500] or _("unknown")
    log.warning("fetching failed", connection=connection.pk, error=connection.fetch_error)
    with merchant_scope(connection.merchant):
        connection.save(update_fields=["fetch_attempts", "fetch_due_at", "fetch_error"])


def sweep() -> int:
    """Rings for connections whose next page is due; their number."""
    with all_merchants(reason="the sweeper looks after every merchant"):
        due = Connection.objects.filter(state=Connection.State.ACTIVE, fetch_due_at__lte=timezone.now())
        ids = list(due.values_list("id", flat=True)[:500])
    for connection_id in ids:
        ring_task("integrations.fetch", [connection_id])
    return len(ids)


def waiting_hooks(connection: Connection) -> int:
    return InboundHook.objects.filter(connection=connection, state__in=InboundHook.OPEN).count()


__all__ = ["can_fetch", "fetch_page", "sweep", "waiting_hooks"]
