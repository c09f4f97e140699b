"""Moving deliveries from state to state, always in batches, always guarded by who holds them.

    queued, deferred ──claim──▶ sending ──record──▶ sent, failed, deferred, unknown
                                   └──give_back, reap──▶ queued

A claim marks hundreds of rows as `sending` in one committed statement, before any of them leaves. They are
handed to the engine in the order in which they were marked (`sending_at`, id), and a mail's body leaves only
while it is one of the first `SendingRun.window` of them without a written outcome. So of a dead run's rows
only the first `window` can have left: these become `unknown` and are never sent again by themselves; the
others wait in the queue again.

What a run writes holds its row in SHARE mode and whoever declares it dead holds that for UPDATE, so both see
each other's whole work. The campaign's own state is only read: who cancels waits until no run is left.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.lib.locking import hold
from customers.models.consent import Channel
from marketing.engine.smtp import Result, Status
from marketing.models import Campaign, Delivery, SendingPolicy, SendingRun
from marketing.pacing import admitting
from marketing.pacing.admitting import Pace
from marketing.sending import checking, telling

CLAIM = 500
TABLE = Delivery._meta.db_table
FIRST_WAIT_SECONDS = 300
LONGEST_WAIT_SECONDS = 4 * 3600
# A claim that finds nobody who may leave looks on for so long, then lets its run beat.
LOOK_SECONDS = 1.0
MAX_ATTEMPTS = 10  # with these waits a little over a day


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that is ours to send now."""

    delivery_id: int
    customer_id: int
    address: str
    message_id: str
    version: str = ""


@dataclass(slots=True)
class Place:
    """How far a run has come in its campaign's queue: what is behind it is left for the next look from the
    front. `is_full` tells that the last look took as many rows as it could, `looks_on` that a claim's time
    was over before the rows were."""

    due_at: datetime | None = None
    delivery_id: int = 0
    is_full: bool = False
    looks_on: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mail. `reason` is a code of marketing/models/delivery.py."""

    delivery_id: int
    state: str
    reason: str
    receipt: str
    provider_id: str = ""


_STATES = {
    Status.SENT: (Delivery.State.SENT.value, ""),
    Status.FAILED: (Delivery.State.FAILED.value, "refused"),
    Status.UNKNOWN: (Delivery.State.UNKNOWN.value, "line_lost"),
    Status.RETURNED: (Delivery.State.QUEUED.value, ""),
}


def outcome_of(result: Result) -> Outcome:
    """The engine's result as a row's next state."""
    if result.status is Status.DEFERRED:
        reason = "later" if result.code else "line_lost"
        return Outcome(result.id, Delivery.State.DEFERRED.value, reason, result.text)
    state, reason = _STATES[result.status]
    return Outcome(result.id, state, reason, result.text, result.provider_id)


def claim(
    *,
    merchant: Merchant,
    campaign: Campaign,
    run: SendingRun,
    policy: SendingPolicy,
    at: datetime,
    limit: int = CLAIM,
    place: Place | None = None,
    pace: Pace | None = None,
) -> list[Claimed]:
    """Up to `limit` rows that may leave now, marked as `sending` by this run and committed; in marking order.

    `at` must grow from claim to claim of a run; asking again with the same one, after a commit whose answer
    was lost, gives what that commit marked. Rows whose customer may not be written to are skipped or put
    off with their reason on the way, and so is who goes beyond `pace`. `place` is where to look on from, and
    is moved. Empty when nothing is due, the campaign was paused or cancelled, the run was declared dead, or
    after a second of rows none of which may leave (`place.looks_on`).
    """
    place = place or Place()
    place.looks_on = False
    until = time.monotonic() + LOOK_SECONDS
    while True:
        with transaction.atomic():
            if not _may_go(run):
                return []
            if marked := _marked(run, at):
                return marked
            due = _lock_due(merchant, campaign, limit, place)
            if not due:
                return []
            claimed = _mark_checked(merchant, campaign, run, policy, due, at, pace)
        if claimed:
            return claimed
        if time.monotonic() > until:
            place.looks_on = True
            return []


def _mark_checked(
    merchant: Merchant,
    campaign: Campaign,
    run: SendingRun,
    policy: SendingPolicy,
    due: Sequence[int],
    at: datetime,
    pace: Pace | None,
) -> list[Claimed]:
    if policy.cap_count:
        # Two campaigns must not each count a customer's mails before the other has marked its own.
        hold(f"mail cap:{merchant.pk}")
    verdicts = checking.check(
        merchant=merchant, policy=policy, delivery_ids=due, channel=Channel(campaign.channel)
    )
    refused = [verdict for verdict in verdicts if verdict.reason]
    allowed = [verdict.delivery_id for verdict in verdicts if not verdict.reason]
    if pace is not None and allowed:
        may = set(allowed)
        allowed, waiting = admitting.admit(pace, [each for each in due if each in may])
        refused += waiting
    _refuse(merchant, refused)
    return _mark(merchant, run, allowed, at)


_MAY_GO = f"""
    SELECT r.ended_at IS NULL AND c.state = 'sending' AS goes, c.state AS campaign_state
    FROM {SendingRun._meta.db_table} r JOIN {Campaign._meta.db_table} c
      ON c.id = r.campaign_id AND c.merchant_id = r.merchant_id
    WHERE r.id = %(run)s AND r.merchant_id = %(merchant)s FOR SHARE OF r
"""


def _may_go(run: SendingRun) -> bool:
    """Whether the campaign is being sent and the run alive; that it stays until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_MAY_GO, {"run": run.pk, "merchant": run.merchant_id})
        row = cursor.fetchone()
    return bool(row and row[0])


def _marked(run: SendingRun, at: datetime) -> list[Claimed]:
    with connection.cursor() as cursor:
        # By the run alone, which is one merchant's: the index of what it holds answers this, no other does.
        cursor.execute(
            f"""
            SELECT id, customer_id, address, message_id, version FROM {TABLE}
            WHERE run_id = %s AND sending_at = %s AND state = 'sending' ORDER BY id
            """,
            [run.pk, at],
        )
        return [Claimed(*row) for row in cursor.fetchall()]


def _lock_due(merchant: Merchant, campaign: Campaign, limit: int, place: Place) -> list[int]:
    """The next rows behind the place, or from the front when there are none. The index keeps a dead entry of
    each row that was marked: from the front, every claim would pass all before it."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                f"""
                SELECT id, due_at FROM {TABLE}
                WHERE merchant_id = %(merchant)s AND campaign_id = %(campaign)s
                  AND state IN ('queued', 'deferred') AND due_at <= statement_timestamp()
                  {"AND (due_at, id) > (%(due_at)s, %(id)s)" if place.due_at else ""}
                ORDER BY due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
                """,
                {
                    "merchant": merchant.pk,
                    "campaign": campaign.pk,
                    "due_at": place.due_at,
                    "id": place.delivery_id,
                    "limit": limit,
                },
            )
            rows = cursor.fetchall()
            if rows or place.due_at is None:
                break
            place.due_at = None
        place.is_full = len(rows) == limit
        if rows:
            place.delivery_id, place.due_at = rows[-1]
        return [row[0] for row in rows]


def next_due(campaign: Campaign) -> datetime | None:
    """When the next of its rows may be looked at; None when none waits."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT due_at FROM {TABLE} WHERE merchant_id = %s AND campaign_id = %s
              AND state IN ('queued', 'deferred') ORDER BY due_at, id LIMIT 1
            """,
            [campaign.merchant_id, campaign.pk],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _mark(merchant: Merchant, run: SendingRun, delivery_ids: Sequence[int], at: datetime) -> list[Claimed]:
    if not delivery_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {TABLE} SET state = 'sending', reason = '', run_id = %s, sending_at = %s,
                               attempts = attempts + 1
            WHERE merchant_id = %s AND id = ANY(%s) RETURNING id, customer_id, address, message_id, version
            """,
            [run.pk, at, merchant.pk, list(delivery_ids)],
        )
        return [Claimed(*row) for row in sorted(cursor.fetchall())]


def _refuse(merchant: Merchant, verdicts: Sequence[checking.Verdict]) -> None:
    if not verdicts:
        return
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {TABLE} d SET state = v.state, reason = v.reason, due_at = v.due_at, run_id = NULL
            FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[])
                 AS v (id, state, reason, due_at)
            WHERE d.id = v.id AND d.merchant_id = %s
            """,
            [
                [verdict.delivery_id for verdict in verdicts],
                ["queued" if verdict.until else "skipped" for verdict in verdicts],
                [verdict.reason for verdict in verdicts],
                [verdict.until or now for verdict in verdicts],
                merchant.pk,
            ],
        )


_GAVE_UP = f"v.state = 'deferred' AND d.attempts >= {MAX_ATTEMPTS}"
# What comes back to a campaign that was cancelled meanwhile is not sent any more.
_CANCELLED = "v.state IN ('queued', 'deferred') AND may.campaign_state = 'cancelled'"
# One statement, so one round trip and one commit: the run's row is locked before any of its mails is. "IS
# TRUE" keeps the planner to the ids: what it knows of the states is from before the campaign began, when
# hardly a row was `sending`, so it would rather read all that are.
_WRITE = f"""
    WITH may AS MATERIALIZED ({_MAY_GO}),
    written AS (
        UPDATE {TABLE} d SET
            state = CASE WHEN {_CANCELLED} THEN 'skipped' WHEN {_GAVE_UP} THEN 'failed' ELSE v.state END,
            reason = CASE WHEN {_CANCELLED} THEN 'cancelled' WHEN {_GAVE_UP} THEN 'gave_up'
                          ELSE v.reason END,
            receipt = v.receipt, provider_id = v.provider_id,
            sent_at = CASE WHEN v.state = 'sent' THEN clock_timestamp() END,
            attempts = d.attempts - CASE WHEN v.state = 'queued' THEN 1 ELSE 0 END,
            due_at = CASE WHEN v.state = 'deferred'
                THEN now() + make_interval(secs => least({LONGEST_WAIT_SECONDS},
                     {FIRST_WAIT_SECONDS} * power(2, greatest(d.attempts - 1, 0)))) ELSE d.due_at END,
            run_id = CASE WHEN v.state IN ('queued', 'deferred') THEN NULL ELSE d.run_id END
        FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(reasons)s::text[], %(receipts)s::text[],
                    %(provider_ids)s::text[]) AS v (id, state, reason, receipt, provider_id), may
        WHERE d.id = v.id AND d.merchant_id = %(merchant)s AND d.run_id = %(run)s
          AND (d.state IN ('sending', 'unknown')) IS TRUE
    )
    SELECT goes FROM may
"""


def record(*, campaign: Campaign, run: SendingRun, outcomes: Sequence[Outcome]) -> bool:
    """Writes what came back; whether the run may go on. What was sent is still to be told (telling.py).

    When it may not go on, the caller must hand nothing more over: the reaper may have given its rows to
    others. Of a mail that the reaper has called `unknown` the better knowledge is taken; nothing else moves.
    Asking again after a broken commit is harmless.
    """
    alive = _write(run, outcomes)
    if not alive:
        # Nobody would come by for what a dead run left untold.
        telling.tell(campaign=campaign, run=run, delivery_ids=[each.delivery_id for each in outcomes])
    return alive


def _write(run: SendingRun, outcomes: Sequence[Outcome]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE,
            {
                "ids": [each.delivery_id for each in outcomes],
                "states": [each.state for each in outcomes],
                "reasons": [each.reason for each in outcomes],
                "receipts": [each.receipt[:500] for each in outcomes],
                "provider_ids": [each.provider_id[:200] for each in outcomes],
                "merchant": run.merchant_id,
                "run": run.pk,
            },
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def give_back(*, campaign: Campaign, run: SendingRun, delivery_ids: Sequence[int]) -> None:
    """Rows that were marked and never handed over wait again."""
    record(campaign=campaign, run=run, outcomes=[_untouched(each) for each in delivery_ids])


def _untouched(delivery_id: int) -> Outcome:
    return Outcome(delivery_id, Delivery.State.QUEUED.value, "", "")


def _doubtful(delivery_id: int) -> Outcome:
    return Outcome(delivery_id, Delivery.State.UNKNOWN.value, "line_lost", "")


def take_back(*, run: SendingRun, delivery_ids: Sequence[int]) -> None:
    """Mails of this run that were refused for a reason that is not theirs wait again."""
    Delivery.objects.filter(
        merchant=run.merchant_id, run_id=run.pk, pk__in=list(delivery_ids), state=Delivery.State.FAILED
    ).update(state=Delivery.State.QUEUED, reason="", run_id=None, attempts=F("attempts") - 1)


def beat(run: SendingRun) -> bool:
    """Says that the run lives. False when it was declared dead: then it must not begin anything more."""
    return bool(SendingRun.objects.filter(pk=run.pk, ended_at__isnull=True).update(beat_at=timezone.now()))


def last_breath() -> datetime:
    """Who has not beaten since has lost its machine, its database or its life."""
    return timezone.now() - timedelta(seconds=settings.SENDING_SILENCE_SECONDS)


def silent_runs() -> list[SendingRun]:
    """Runs that stopped beating, of every merchant; call it with the wall lifted."""
    return list(
        SendingRun.objects.filter(ended_at__isnull=True, beat_at__lt=last_breath()).order_by("pk")[:200]
    )


def reap(run: SendingRun) -> tuple[int, int]:
    """(returned, unknown) of a dead run: see the module's text for which is which."""
    return _end(run, None)


def end(run: SendingRun, *, in_doubt: Sequence[int]) -> tuple[int, int]:
    """(returned, unknown): a run says that it is over. Whatever the database still holds as being handed over
    by it goes back, except for those that it can't vouch for. Nothing for a run that is over already."""
    return _end(run, in_doubt)


@transaction.atomic
def _end(run: SendingRun, in_doubt: Sequence[int] | None) -> tuple[int, int]:
    found = SendingRun.objects.select_for_update(skip_locked=in_doubt is None)
    held = found.filter(pk=run.pk, ended_at__isnull=True).select_related("campaign").first()
    if held is None:
        return 0, 0
    mine = Delivery.objects.filter(merchant=held.merchant_id, run_id=held.pk, state=Delivery.State.SENDING)
    ids = list(mine.order_by("sending_at", "pk").values_list("pk", flat=True))
    doubtful = set(ids[: held.window]) if in_doubt is None else set(ids) & set(in_doubt)
    outcomes = [_doubtful(each) if each in doubtful else _untouched(each) for each in ids]
    if outcomes:
        _write(held, outcomes)
    if in_doubt is None:
        telling.tell_rest(held)
    held.ended_at = timezone.now()
    held.save(update_fields=["ended_at"])
    return len(ids) - len(doubtful), len(doubtful)
