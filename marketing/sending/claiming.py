"""Moving deliveries from state to state, always in batches, always guarded by who holds them.

A row in `claimed` was never handed to a server; one in `sending` may have been. So `claimed` goes back to the
queue without a thought, `sending` becomes `unknown` and is never sent again by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from psycopg2.extras import execute_values

from crm.accounts.models import Merchant
from customers.models import Metrics
from marketing.engine.smtp import Result, Status
from marketing.models import Campaign, Delivery, SendingPolicy, SendingRun
from marketing.sending import checking

CLAIM = 500
TABLE = Delivery._meta.db_table
# A worker beats every 2 s; one that was silent for 20 has lost its machine, its database or its life.
SILENCE_SECONDS = 20
FIRST_WAIT_SECONDS = 300
LONGEST_WAIT_SECONDS = 4 * 3600
MAX_ATTEMPTS = 10  # with these waits a little over a day


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mail. `reason` is a code of marketing/models/delivery.py."""

    delivery_id: int
    state: str
    reason: str
    receipt: str


def outcome_of(result: Result) -> Outcome:
    """The engine's result as a row's next state."""
    table = {
        Status.SENT: (Delivery.State.SENT, ""),
        Status.FAILED: (Delivery.State.FAILED, "refused"),
        Status.DEFERRED: (Delivery.State.DEFERRED, "later" if result.code else "line_lost"),
        Status.UNKNOWN: (Delivery.State.UNKNOWN, "line_lost"),
        Status.RETURNED: (Delivery.State.QUEUED, ""),
    }
    state, reason = table[result.status]
    return Outcome(result.id, str(state), reason, result.text)


def claim(
    *, merchant: Merchant, campaign: Campaign, run: SendingRun, policy: SendingPolicy
) -> list[tuple[int, int]]:
    """Up to 500 (delivery id, customer id) that may leave now, held by this run, in id order.

    Two transactions: the claim, then the check that sorts out who may not get it. Empty when nothing is due.
    """
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                WITH due AS (
                    SELECT id FROM {TABLE}
                    WHERE merchant_id = %(merchant)s AND campaign_id = %(campaign)s
                      AND state IN ('queued', 'deferred') AND due_at <= statement_timestamp()
                    ORDER BY due_at, id LIMIT {CLAIM} FOR UPDATE SKIP LOCKED
                )
                UPDATE {TABLE} d SET state = 'claimed', run_id = %(run)s, reason = ''
                FROM due WHERE d.id = due.id AND d.merchant_id = %(merchant)s RETURNING d.id, d.customer_id
                """,
                {"merchant": merchant.pk, "campaign": campaign.pk, "run": run.pk},
            )
            claimed: dict[int, int] = dict(cursor.fetchall())
        if not claimed:
            return []
        allowed = recheck(merchant=merchant, run=run, policy=policy, delivery_ids=sorted(claimed))
        if allowed:
            return [(delivery_id, claimed[delivery_id]) for delivery_id in allowed]


@transaction.atomic
def recheck(
    *, merchant: Merchant, run: SendingRun, policy: SendingPolicy, delivery_ids: Sequence[int]
) -> list[int]:
    """The ids that may leave now; the others are skipped or put off with their reason."""
    verdicts = checking.check(merchant=merchant, policy=policy, delivery_ids=delivery_ids)
    now = timezone.now()
    refused = [
        (
            verdict.delivery_id,
            "queued" if verdict.until else "skipped",
            verdict.reason,
            verdict.until or now,
        )
        for verdict in verdicts
        if verdict.reason
    ]
    if refused:
        with connection.cursor() as cursor:
            execute_values(
                cursor.cursor,
                f"""
                UPDATE {TABLE} d SET state = v.state, reason = v.reason, due_at = v.due_at::timestamptz,
                run_id = NULL
                FROM (VALUES %s) AS v (id, state, reason, due_at)
                WHERE d.id = v.id AND d.merchant_id = {int(merchant.pk)} AND d.state = 'claimed'
                  AND d.run_id = {int(run.pk)}
                """,
                refused,
                page_size=CLAIM,
            )
    return [verdict.delivery_id for verdict in verdicts if not verdict.reason]


def mark_sending(*, merchant: Merchant, run: SendingRun, delivery_ids: Sequence[int]) -> set[int]:
    """The ids that are ours to send now. Only after this is committed may a mail be handed over."""
    return turn(merchant=merchant, run=run, outcomes=[], delivery_ids=delivery_ids)


def turn(
    *, merchant: Merchant, run: SendingRun, outcomes: Sequence[Outcome], delivery_ids: Sequence[int]
) -> set[int]:
    """Writes what came back and marks what goes next, in one self-committing statement; the ids to send.

    None when the campaign was paused or cancelled, or this run was declared dead: both act with their commit.

    Of a mail that the reaper has called `unknown` in the meantime the better knowledge is taken; nothing else
    moves. Asking again after a broken commit is harmless: what is written stays so, and a row that is
    `sending` for us already stays so.
    """
    values: dict[str, Any] = {"merchant": merchant.pk, "run": run.pk, "ids": list(delivery_ids)}
    with connection.cursor() as cursor:
        rows = b",".join(
            cursor.cursor.mogrify(
                "(%s, %s, %s, %s)", [each.delivery_id, each.state, each.reason, each.receipt[:500]]
            )
            for each in outcomes
        )
        told = _TOLD.replace("/*rows*/", rows.decode().replace("%", "%%")) if outcomes else _TOLD_NOTHING
        cursor.execute(f"WITH told AS ({told}), begun AS ({_BEGUN}) SELECT id FROM begun", values)
        return {row[0] for row in cursor.fetchall()}


_BEGUN = f"""
    UPDATE {TABLE} SET state = 'sending', sending_at = clock_timestamp(),
           attempts = attempts + CASE WHEN state = 'claimed' THEN 1 ELSE 0 END
    WHERE id = ANY(%(ids)s) AND merchant_id = %(merchant)s AND run_id = %(run)s
          AND state IN ('claimed', 'sending')
          AND EXISTS (SELECT 1 FROM {Campaign._meta.db_table} c JOIN {SendingRun._meta.db_table} r
                      ON r.campaign_id = c.id AND r.merchant_id = c.merchant_id
                      WHERE r.id = %(run)s AND r.ended_at IS NULL AND c.state = 'sending')
    RETURNING id
"""
_TOLD_NOTHING = "SELECT 1"
_GAVE_UP = f"v.state = 'deferred' AND d.attempts >= {MAX_ATTEMPTS}"
_TOLD = f"""
    UPDATE {TABLE} d SET
        state = CASE WHEN {_GAVE_UP} THEN 'failed' ELSE v.state END,
        reason = CASE WHEN {_GAVE_UP} THEN 'gave_up' ELSE v.reason END,
        receipt = v.receipt,
        sent_at = CASE WHEN v.state = 'sent' THEN clock_timestamp() END,
        attempts = d.attempts - CASE WHEN v.state = 'queued' THEN 1 ELSE 0 END,
        due_at = CASE WHEN v.state = 'deferred'
            THEN now() + make_interval(secs => least({LONGEST_WAIT_SECONDS},
                 {FIRST_WAIT_SECONDS} * power(2, greatest(d.attempts - 1, 0)))) ELSE d.due_at END,
        run_id = CASE WHEN v.state IN ('queued', 'deferred') THEN NULL ELSE d.run_id END
    FROM (VALUES /*rows*/) AS v (id, state, reason, receipt)
    WHERE d.id = v.id AND d.merchant_id = %(merchant)s AND d.run_id = %(run)s
          AND d.state IN ('sending', 'unknown')
"""


@transaction.atomic
def take_unannounced(*, merchant: Merchant, campaign: Campaign, limit: int = 2_000) -> list[tuple[int, int]]:
    """(delivery id, customer id) of sent mails that nobody was told of yet; marked as told, figures moved.

    Apart from the sending itself, so that announcing costs a statement for hundreds of mails;
    what a dead worker left unannounced is taken by the next one.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {TABLE} d SET announced = TRUE
            FROM (SELECT id FROM {TABLE} WHERE merchant_id = %(merchant)s AND campaign_id = %(campaign)s
                  AND state = 'sent' AND NOT announced ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED) s
            WHERE d.id = s.id AND d.merchant_id = %(merchant)s RETURNING d.id, d.customer_id
            """,
            {"merchant": merchant.pk, "campaign": campaign.pk, "limit": limit},
        )
        sent: list[tuple[int, int]] = sorted(cursor.fetchall())
        if sent:
            cursor.execute(
                f"UPDATE {Metrics._meta.db_table} SET last_sent_at = now()"
                " WHERE merchant_id = %s AND customer_id = ANY(%s)",
                [merchant.pk, [customer for _delivery, customer in sent]],
            )
    return sent


def release(*, merchant: Merchant, run: SendingRun) -> int:
    """Gives back what this run had claimed and not begun; how many."""
    return Delivery.objects.filter(merchant=merchant, run_id=run.pk, state=Delivery.State.CLAIMED).update(
        state=Delivery.State.QUEUED, run_id=None
    )


def beat(run: SendingRun) -> bool:
    """Says that the run lives. False when it was declared dead: then it must not begin anything more."""
    return bool(SendingRun.objects.filter(pk=run.pk, ended_at__isnull=True).update(beat_at=timezone.now()))


def silent_runs() -> list[SendingRun]:
    """Runs that stopped beating, of every merchant; call it with the wall lifted."""
    limit = timezone.now() - timedelta(seconds=SILENCE_SECONDS)
    return list(SendingRun.objects.filter(ended_at__isnull=True, beat_at__lt=limit).order_by("pk")[:200])


@transaction.atomic
def reap(run: SendingRun) -> tuple[int, int]:
    """(returned, unknown) of a dead run: what it had claimed waits again, what it was sending is in doubt."""
    held = (
        SendingRun.objects.select_for_update(skip_locked=True)
        .filter(pk=run.pk, ended_at__isnull=True)
        .first()
    )
    if held is None:
        return 0, 0
    mine = Delivery.objects.filter(merchant=run.merchant_id, run_id=run.pk)
    returned = mine.filter(state=Delivery.State.CLAIMED).update(state=Delivery.State.QUEUED, run_id=None)
    unknown = mine.filter(state=Delivery.State.SENDING).update(
        state=Delivery.State.UNKNOWN, reason="line_lost"
    )
    held.ended_at = timezone.now()
    held.save(update_fields=["ended_at"])
    return returned, unknown
