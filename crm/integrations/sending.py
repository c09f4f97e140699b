"""Carrying outgoing webhooks: claim, send outside any transaction, write down what came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from standardwebhooks import Webhook

from crm.accounts.models import Membership
from crm.events.emitting import emit
from crm.events.ringing import ring_task
from crm.integrations import events, http, mail
from crm.integrations.models import WebhookAttempt, WebhookEndpoint
from crm.lib.errors import CrmError
from crm.lib.tenancy import all_merchants, merchant_scope

log = structlog.get_logger()

State = WebhookAttempt.State
# Eight tries over about 24 hours: what Standard Webhooks proposes, a little shortened.
WAITS_SECONDS = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 6 * 3600, 10 * 3600)
# A claimed message is free again after this long: longer than any request can take.
LEASE_SECONDS = 120
# An endpoint that has answered nothing for so long is switched off.
GIVE_UP_DAYS = 5
SNIPPET_BYTES = 500
KEEP_DAYS = 30
SWEEP_LIMIT = 2_000


@dataclass(frozen=True)
class Outcome:
    """What a try met. `gone` is the receiver's 410: it wants nothing more."""

    delivered: bool
    gone: bool
    note: dict[str, Any]


def signed_headers(*, secret: str, message_id: str, body: str, at: datetime) -> dict[str, str]:
    """The three headers of Standard Webhooks; `at` is the moment of this try, not of the event."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at.astimezone(UTC), body),
    }


def deliver(attempt_id: int) -> bool:
    """True when the receiver took the message. At least once: a worker that dies between the answer and the
    note sends again after the lease, under the same webhook-id."""
    attempt = _claim(attempt_id)
    if attempt is None:
        return False
    outcome = _send(attempt)
    with transaction.atomic(), merchant_scope(attempt.merchant):
        _note(attempt, outcome)
    return outcome.delivered


def _claim(attempt_id: int) -> WebhookAttempt | None:
    with transaction.atomic(), all_merchants(reason="a message is claimed by id, its merchant comes with it"):
        attempt = (
            WebhookAttempt.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("endpoint", "merchant")
            .filter(pk=attempt_id, state=State.PENDING, due_at__lte=timezone.now(), endpoint__is_active=True)
            .first()
        )
        if attempt is None:
            return None
        attempt.attempts += 1
        attempt.due_at = timezone.now() + timedelta(seconds=LEASE_SECONDS)
        attempt.save(update_fields=["attempts", "due_at"])
    return attempt


def _send(attempt: WebhookAttempt) -> Outcome:
    now = timezone.now()
    note: dict[str, Any] = {
        "at": now.isoformat(),
        "status": None,
        "seconds": None,
        "snippet": "",
        "error": "",
    }
    try:
        secret = attempt.endpoint.plain_secret()
        headers = signed_headers(secret=secret, message_id=attempt.message_id, body=attempt.body, at=now)
        headers["Content-Type"] = "application/json"
        answer = http.send(
            "POST",
            attempt.endpoint.url,
            headers=headers,
            data=attempt.body.encode(),
            largest=SNIPPET_BYTES,
            cut=True,
        )
    except CrmError as error:  # no answer, an address that is not allowed, a secret that can't be read
        return Outcome(False, False, note | {"error": str(error.message)[:300]})
    snippet = answer.body.decode("utf-8", "replace").replace("\x00", "")
    note |= {"status": answer.status, "seconds": round(answer.seconds, 3), "snippet": snippet}
    return Outcome(200 <= answer.status < 300, answer.status == 410, note)


def _note(attempt: WebhookAttempt, outcome: Outcome) -> None:
    now = timezone.now()
    fresh = WebhookAttempt.objects.select_for_update().filter(pk=attempt.pk).first()
    endpoint = WebhookEndpoint.objects.select_for_update().filter(pk=attempt.endpoint_id).first()
    if fresh is None or endpoint is None:  # removed by staff while we spoke
        return
    fresh.tries = [*fresh.tries, outcome.note][-20:]
    failing_since = endpoint.failing_since or now
    if outcome.delivered:
        fresh.state, fresh.done_at = State.DELIVERED, now
        endpoint.failing_since = None
    else:
        endpoint.failing_since = failing_since
        if fresh.attempts > len(WAITS_SECONDS) or outcome.gone:
            fresh.state, fresh.done_at = State.FAILED, now
        else:
            fresh.due_at = now + timedelta(seconds=WAITS_SECONDS[fresh.attempts - 1])
    fresh.save(update_fields=["tries", "state", "done_at", "due_at"])
    endpoint.save(update_fields=["failing_since", "updated_at"])
    if outcome.gone:
        _switch_off(endpoint, _("it answered 410, that it wants nothing more"))
    elif not outcome.delivered and now - failing_since >= timedelta(days=GIVE_UP_DAYS):
        _switch_off(endpoint, _("nothing arrived for %(days)s days") % {"days": GIVE_UP_DAYS})


def _switch_off(endpoint: WebhookEndpoint, reason: str) -> None:
    """The endpoint rests, its waiting messages are given up, and owners get a mail."""
    if not endpoint.is_active:
        return
    now = timezone.now()
    endpoint.is_active, endpoint.disabled_at, endpoint.disabled_reason = False, now, reason[:200]
    endpoint.save(update_fields=["is_active", "disabled_at", "disabled_reason", "updated_at"])
    endpoint.attempts.filter(state=State.PENDING).update(state=State.FAILED, done_at=now)
    data = {"url": endpoint.url, "reason": reason}
    emit(events.ENDPOINT_DISABLED, merchant=endpoint.merchant_id, subject=endpoint, data=data)
    owners = Membership.objects.filter(merchant=endpoint.merchant_id, role="owner", is_active=True)
    for owner in owners.select_related("user", "merchant"):
        mail.post(
            merchant=owner.merchant,
            to=owner.user.email,
            subject=_("Webhook switched off: %(url)s") % {"url": endpoint.url},
            text=_(
                "We switched off the webhook to %(url)s, because %(reason)s.\n"
                "Mend the receiver, then switch the webhook on again under Settings → Webhooks. "
                "Messages that were given up can be sent again from there."
            )
            % data,
            purpose="webhook_disabled",
            dedupe_key=f"webhook_disabled:{endpoint.pk}:{now:%Y%m%d%H%M%S}:{owner.pk}",
        )


def sweep() -> int:
    """Rings for every message that is due and was missed; their number."""
    with all_merchants(reason="the sweeper looks after every merchant"):
        due = WebhookAttempt.objects.filter(
            state=State.PENDING, due_at__lte=timezone.now(), endpoint__is_active=True
        )
        ids = list(due.order_by("due_at", "id").values_list("id", flat=True)[:SWEEP_LIMIT])
    for attempt_id in ids:
        ring_task("integrations.send_webhook", [attempt_id])
    return len(ids)


def prune() -> int:
    """Forgets messages settled 30 days ago; rows removed."""
    with all_merchants(reason="housekeeping for every merchant"):
        old = timezone.now() - timedelta(days=KEEP_DAYS)
        removed, _by_model = WebhookAttempt.objects.filter(done_at__lt=old).delete()
    return removed
