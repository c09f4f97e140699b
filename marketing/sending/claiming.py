"""Moving deliveries from state to state, always in batches, always guarded by who holds them.

    queued, deferred ──claim──▶ sending ──record──▶ sent, failed, deferred, unknown
                                   └──give_back, reap──▶ queued

A claim marks hundreds of rows as `sending` in one committed statement, before any of them leaves. They are
handed to the server in the order in which they were marked (`sending_at`, id), and never more than
`SendingRun.window` of them without a written outcome. So of a dead run's rows only the first `window` can
have left: these become `unknown` and are never sent again by themselves; the others wait in the queue again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.emitting import Draft, emit_many
from customers.models import Metrics
from marketing.campaigns import events
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
class Claimed:
    """A row that is ours to send now."""

    delivery_id: int
    customer_id: int
    address: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that the server took, and when that was written (UTC)."""

    delivery_id: int
    customer_id: int
    sent_at: datetime


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
    *,
    merchant: Merchant,
    campaign: Campaign,
    run: SendingRun,
    policy: SendingPolicy,
    at: datetime,
    limit: int = CLAIM,
) -> list[Claimed]:
    """Up to `limit` rows that may leave now, marked as `sending` by this run and committed; in marking order.

    `at` must grow from claim to claim of a run; asking again with the same one, after a commit whose answer
    was lost, gives what that commit marked. Rows whose customer may not be written to are skipped or put
    off with their reason on the way. Empty when nothing is due, the campaign was paused or cancelled, or the
    run was declared dead.
    """
    while True:
        with transaction.atomic():
            if not may_go(run):
                return []
            if marked := _marked(run, at):
                return marked
            due = _lock_due(merchant, campaign, limit)
            if not due:
                return []
            verdicts = checking.check(merchant=merchant, policy=policy, delivery_ids=due)
            _refuse(merchant, [verdict for verdict in verdicts if verdict.reason])
            claimed = _mark(merchant, run, [each.delivery_id for each in verdicts if not each.reason], at)
        if claimed:
            return claimed


def may_go(run: SendingRun) -> bool:
    """Whether the run is alive and its campaign is being sent; both stay so until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT r.ended_at IS NULL AND c.state = 'sending'
            FROM {SendingRun._meta.db_table} r JOIN {Campaign._meta.db_table} c
              ON c.id = r.campaign_id AND c.merchant_id = r.merchant_id
            WHERE r.id = %s AND r.merchant_id = %s FOR SHARE
            """,
            [run.pk, run.merchant_id],
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def _marked(run: SendingRun, at: datetime) -> list[Claimed]:
    rows = Delivery.objects.filter(
        merchant=run.merchant_id, run_id=run.pk, state=Delivery.State.SENDING, sending_at=at
    )
    return [
        Claimed(*row) for row in rows.order_by("pk").values_list("pk", "customer_id", "address", "message_id")
    ]


def _lock_due(merchant: Merchant, campaign: Campaign, limit: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT id FROM {TABLE}
            WHERE merchant_id = %s AND campaign_id = %s
              AND state IN ('queued', 'deferred') AND due_at <= statement_timestamp()
            ORDER BY due_at, id LIMIT %s FOR UPDATE SKIP LOCKED
            """,
            [merchant.pk, campaign.pk, limit],
        )
        return [row[0] for row in cursor.fetchall()]


def _mark(merchant: Merchant, run: SendingRun, delivery_ids: Sequence[int], at: datetime) -> list[Claimed]:
    if not delivery_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {TABLE} SET state = 'sending', reason = '', run_id = %s, sending_at = %s,
                               attempts = attempts + 1
            WHERE merchant_id = %s AND id = ANY(%s) RETURNING id, customer_id, address, message_id
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
# What was given back to a campaign that was cancelled meanwhile is not sent any more.
_CANCELLED = "v.state = 'queued' AND c.state = 'cancelled'"
_WRITE = f"""
    UPDATE {TABLE} d SET
        state = CASE WHEN {_GAVE_UP} THEN 'failed' WHEN {_CANCELLED} THEN 'skipped' ELSE v.state END,
        reason = CASE WHEN {_GAVE_UP} THEN 'gave_up' WHEN {_CANCELLED} THEN 'cancelled' ELSE v.reason END,
        receipt = v.receipt,
        sent_at = CASE WHEN v.state = 'sent' THEN clock_timestamp() END,
        attempts = d.attempts - CASE WHEN v.state = 'queued' THEN 1 ELSE 0 END,
        due_at = CASE WHEN v.state = 'deferred'
            THEN now() + make_interval(secs => least({LONGEST_WAIT_SECONDS},
                 {FIRST_WAIT_SECONDS} * power(2, greatest(d.attempts - 1, 0)))) ELSE d.due_at END,
        run_id = CASE WHEN v.state IN ('queued', 'deferred') THEN NULL ELSE d.run_id END
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS v (id, state, reason, receipt),
         {Campaign._meta.db_table} c
    WHERE d.id = v.id AND d.merchant_id = %s AND d.run_id = %s AND d.state IN ('sending', 'unknown')
      AND c.id = d.campaign_id AND c.merchant_id = d.merchant_id
    RETURNING d.id, d.customer_id, d.sent_at
"""


@transaction.atomic
def record(*, campaign: Campaign, run: SendingRun, outcomes: Sequence[Outcome]) -> tuple[bool, list[Sent]]:
    """Writes what came back: whether the run may go on, and what was sent and is still to be told (`tell`).

    When it may not, the caller must hand nothing more over: the reaper may have given its rows to others. Of
    a mail that the reaper has called `unknown` the better knowledge is taken; nothing else moves. Asking
    again after a broken commit is harmless.
    """
    alive = may_go(run)
    sent = _write(run, outcomes)
    if sent and not alive:
        tell(campaign=campaign, run=run, sent=sent)  # nobody would come by for what a dead run left untold
        return alive, []
    return alive, sent


def _write(run: SendingRun, outcomes: Sequence[Outcome]) -> list[Sent]:
    """Those that were sent; the caller holds the run and its campaign."""
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE,
            [
                [each.delivery_id for each in outcomes],
                [each.state for each in outcomes],
                [each.reason for each in outcomes],
                [each.receipt[:500] for each in outcomes],
                run.merchant_id,
                run.pk,
            ],
        )
        return [Sent(*row) for row in cursor.fetchall() if row[2] is not None]


@transaction.atomic
def tell(*, campaign: Campaign, run: SendingRun, sent: Sequence[Sent]) -> None:
    """Puts the mails on their customers' timelines and notes when each was last written to.

    Apart from `record`, so that announcing costs a statement for hundreds of mails; a dead run's are told by
    the reaper. Telling twice is harmless.
    """
    customers = [each.customer_id for each in sent]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH held AS (SELECT customer_id FROM {Metrics._meta.db_table}
                          WHERE merchant_id = %(merchant)s AND customer_id = ANY(%(customers)s)
                          ORDER BY customer_id FOR NO KEY UPDATE)
            UPDATE {Metrics._meta.db_table} m SET last_sent_at = now() FROM held
            WHERE m.merchant_id = %(merchant)s AND m.customer_id = held.customer_id
            """,
            {"merchant": run.merchant_id, "customers": customers},
        )
    facts = {"campaign": campaign.name, "campaign_id": campaign.pk}
    emit_many(
        [
            Draft(
                events.MAIL_SENT,
                customer_id=each.customer_id,
                subject_type="marketing.campaign",
                subject_id=campaign.pk,
                data=facts | {"delivery_id": each.delivery_id},
                dedupe_key=f"delivery:{each.delivery_id}",
                occurred_at=each.sent_at,
            )
            for each in sent
        ],
        merchant=run.merchant_id,
    )
    last = max(each.sent_at for each in sent)
    SendingRun.objects.filter(pk=run.pk, told_until__lt=last).update(told_until=last)


def _untold(run: SendingRun) -> list[Sent]:
    rows = Delivery.objects.filter(
        merchant=run.merchant_id,
        campaign=run.campaign_id,
        state=Delivery.State.SENT,
        run_id=run.pk,
        sent_at__gt=run.told_until,
    )
    return [Sent(pk, who, at) for pk, who, at in rows.values_list("pk", "customer_id", "sent_at") if at]


def give_back(*, campaign: Campaign, run: SendingRun, delivery_ids: Sequence[int]) -> None:
    """Rows that were marked and never handed over wait again."""
    record(campaign=campaign, run=run, outcomes=[_untouched(each) for each in delivery_ids])


def _untouched(delivery_id: int) -> Outcome:
    return Outcome(delivery_id, str(Delivery.State.QUEUED), "", "")


def beat(run: SendingRun) -> bool:
    """Says that the run lives. False when it was declared dead: then it must not begin anything more."""
    return bool(SendingRun.objects.filter(pk=run.pk, ended_at__isnull=True).update(beat_at=timezone.now()))


def silent_runs() -> list[SendingRun]:
    """Runs that stopped beating, of every merchant; call it with the wall lifted."""
    limit = timezone.now() - timedelta(seconds=SILENCE_SECONDS)
    return list(SendingRun.objects.filter(ended_at__isnull=True, beat_at__lt=limit).order_by("pk")[:200])


@transaction.atomic
def reap(run: SendingRun) -> tuple[int, int]:
    """(returned, unknown) of a dead run: see the module's text for which is which."""
    held = (
        SendingRun.objects.select_for_update(skip_locked=True)
        .filter(pk=run.pk, ended_at__isnull=True)
        .first()
    )
    if held is None:
        return 0, 0
    may_go(held)  # for its lock on the campaign
    if untold := _untold(held):
        tell(campaign=held.campaign, run=held, sent=untold)
    mine = Delivery.objects.filter(merchant=held.merchant_id, run_id=held.pk, state=Delivery.State.SENDING)
    ids = list(mine.order_by("sending_at", "pk").values_list("pk", flat=True))
    doubtful, safe = ids[: held.window], ids[held.window :]
    mine.filter(pk__in=doubtful).update(state=Delivery.State.UNKNOWN, reason="line_lost")
    if safe:
        _write(held, [_untouched(each) for each in safe])
    held.ended_at = timezone.now()
    held.save(update_fields=["ended_at"])
    return len(safe), len(doubtful)
