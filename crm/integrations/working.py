"""Working what was sent to us: claim, normalise, hand to whoever takes it, mark, in one transaction."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone
from django.utils.datastructures import CaseInsensitiveMapping
from django.utils.translation import gettext as _

from crm.api.errors import refusal_of
from crm.events.ringing import PER_RING, ring_task
from crm.integrations.catalog import MESSENGERS, store
from crm.integrations.connecting import hook_url
from crm.integrations.messengers.base import Call, Told
from crm.integrations.models import InboundHook
from crm.integrations.registry import NotYet, taker_of
from crm.integrations.stores.base import decoded
from crm.integrations.stores.normalised import Ignored, Item
from crm.lib.errors import Upstream
from crm.lib.tenancy import all_merchants, merchant_scope

log = structlog.get_logger()

State = InboundHook.State
# Ten tries over about a day and a half, for bugs and for what must wait for another delivery.
MAX_ATTEMPTS = 10
FIRST_WAIT_SECONDS = 10
LONGEST_WAIT_SECONDS = 6 * 3600
SWEEP_LIMIT = 5_000
KEEP_BODIES_DAYS = 30
KEEP_ROWS_DAYS = 180
RESULT_CHARS = 2_000


def work(hook_id: int) -> bool:
    """True when the delivery is settled. A failure leaves nothing behind but its reason and a later time."""
    with (
        transaction.atomic(),
        all_merchants(reason="a delivery claimed by id brings its merchant"),
    ):
        hook = (
            InboundHook.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("connection", "merchant")
            .filter(pk=hook_id, state__in=InboundHook.OPEN, due_at__lte=timezone.now())
            .filter(connection__state="active")
            .first()
        )
        if hook is None:
            return False
        settled = _settle(hook)
        hook.save(update_fields=["state", "result", "attempts", "due_at", "done_at"])
    return settled


def _settle(hook: InboundHook) -> bool:
    try:
        with transaction.atomic(), merchant_scope(hook.merchant):
            hook.state, hook.result = understand(hook)
    except NotYet as reason:
        return _later(hook, str(reason))
    except Upstream as error:
        return _later(hook, str(error.message))
    except Exception as error:
        refusal = None if isinstance(error, IntegrityError | OperationalError) else refusal_of(error)
        if refusal is None:
            log.exception("a delivery failed", hook=hook.pk, topic=hook.topic)
            return _later(hook, repr(error))
        _status, _code, message, fields = refusal
        complaints = [text for texts in fields.values() for text in texts if text != message]
        hook.state, hook.result = State.REFUSED, " ".join([message, *complaints])[:RESULT_CHARS]
    hook.done_at = timezone.now()
    return True


def understand(hook: InboundHook) -> tuple[str, str]:
    """(state, what became of it). Raises what the adapter or the taker raises."""
    results = [take(hook, item) for item in items_of(hook)]
    used = [text for state, text in results if state == State.DONE]
    if used:
        return State.DONE, "\n".join(used)[:RESULT_CHARS]
    return State.IGNORED, "\n".join(dict.fromkeys(text for _state, text in results))[:RESULT_CHARS]


def items_of(hook: InboundHook) -> list[Item] | list[Told]:
    """What the delivery says. Raises what the adapter raises."""
    body = bytes(hook.body)
    carrier = MESSENGERS.get(hook.connection.platform)
    if carrier is None:
        return store(hook.connection.platform).normalise(topic=hook.topic, payload=decoded(body))
    headers = CaseInsensitiveMapping(hook.headers)
    call = Call("POST", hook_url(hook.connection), body, headers, hook.topic)
    secrets = hook.connection.secrets()
    return carrier.normalise(call, secrets, topic=hook.topic, received_at=hook.received_at)


def take(hook: InboundHook, item: Item | Told) -> tuple[str, str]:
    if isinstance(item, Ignored):
        return State.IGNORED, item.reason
    taker = taker_of(item)
    if taker is None:
        return State.IGNORED, _("Nothing here uses a %(kind)s.") % {"kind": type(item).__name__}
    return State.DONE, taker(hook.connection, item, hook.backfill)


def _later(hook: InboundHook, reason: str) -> bool:
    hook.attempts += 1
    hook.result = reason[:RESULT_CHARS]
    exhausted = hook.attempts >= MAX_ATTEMPTS
    hook.state = State.REFUSED if exhausted else State.FAILED
    wait = min(FIRST_WAIT_SECONDS * 4 ** (hook.attempts - 1), LONGEST_WAIT_SECONDS)
    hook.due_at = timezone.now() + timedelta(seconds=wait)
    return exhausted


def sweep() -> int:
    """Rings for every delivery that is due and was missed; their number."""
    with all_merchants(reason="the sweeper looks after every merchant"):
        due = InboundHook.objects.filter(
            state__in=InboundHook.OPEN, due_at__lte=timezone.now(), connection__state="active"
        )
        ids = list(due.order_by("due_at", "id").values_list("id", flat=True)[:SWEEP_LIMIT])
    for start in range(0, len(ids), PER_RING):
        ring_task("integrations.work_hooks", [ids[start : start + PER_RING]])
    return len(ids)


def prune() -> int:
    """Empties bodies after 30 days and forgets settled deliveries after 180; rows touched."""
    now = timezone.now()
    with all_merchants(reason="housekeeping for every merchant"):
        old_bodies = InboundHook.objects.filter(received_at__lt=now - timedelta(days=KEEP_BODIES_DAYS))
        emptied = old_bodies.exclude(body=b"").exclude(state__in=InboundHook.OPEN).update(body=b"")
        old_rows = InboundHook.objects.filter(received_at__lt=now - timedelta(days=KEEP_ROWS_DAYS))
        removed, _by_model = old_rows.exclude(state__in=InboundHook.OPEN).delete()
    return emptied + removed
