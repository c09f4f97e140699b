"""Refusals at the hand-over (550 5.1.1 …) go through the same rules as mails that came back later.

The sending shows them some seconds after the answer (marketing/sending/refusals.py). What it could not show,
because a process died, and what was given up after a day, is found a minute later: the rows are the queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import structlog
from django.db import transaction
from django.db.models import QuerySet

from crm.accounts.models import Merchant
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.models.consent import Channel
from marketing.feedback.grading import Grade, enhanced, grade, reply_code
from marketing.feedback.taking import bounce
from marketing.models import Delivery
from marketing.sending.refusals import Refusal, on_refused

log = structlog.get_logger()

CHUNK = 500
PER_SWEEP = 20_000


def ungraded() -> QuerySet[Delivery]:
    """Mails that a server refused and nobody has graded; in the order of the index made for it."""
    rows: QuerySet[Delivery] = Delivery.objects.filter(
        state=Delivery.State.FAILED,
        reason__in=("refused", "gave_up"),
        bounced_at__isnull=True,
        # A carrier's codes are no replies of SMTP; what it grades itself comes as a report.
        campaign__channel=Channel.EMAIL,
    )
    return rows.order_by("merchant", "pk")


@on_refused
def take_refused(merchant_id: int, refused: Sequence[Refusal]) -> None:
    """In the transaction that tells of a batch. Seen twice counts once."""
    merchant = Merchant.objects.get(pk=merchant_id)
    rows = ungraded().filter(pk__in=[one.delivery_id for one in refused])
    _grade(merchant, rows.select_for_update(of=("self",)).select_related("campaign", "customer__merged_into"))


def grade_refusals(*, merchant: Merchant, limit: int = PER_SWEEP) -> int:
    """How many of the shop's were graded. In its scope; chunks of its own transactions."""
    done = 0
    while done < limit:
        with transaction.atomic():
            rows = list(
                ungraded()
                .select_for_update(skip_locked=True, of=("self",))
                .select_related("campaign", "customer__merged_into")[:CHUNK]
            )
            _grade(merchant, rows)
        done += len(rows)
        if len(rows) < CHUNK:
            break
    return done


def _grade(merchant: Merchant, rows: Iterable[Delivery]) -> None:
    """In the order of the addresses, as everybody puts several on the suppression list: two campaigns to the
    same people would wait for each other's entries otherwise."""
    for delivery in sorted(rows, key=lambda one: one.address):
        text = delivery.receipt
        code = enhanced(text) or reply_code(text)
        given = grade(code=code, text=f"rcpt {text}")
        if delivery.reason == "gave_up" and given is Grade.HARD:
            given = Grade.SOFT  # a day of "later" is no proof that nobody is there
        bounce(merchant=merchant, delivery=delivery, given=given, code=code, at=delivery.due_at)


def grade_all() -> int:
    """Of every shop that has any."""
    with all_merchants(reason="the sweeper looks after every merchant"):
        shops = list(ungraded().order_by("merchant").values_list("merchant", flat=True).distinct()[:1_000])
        merchants = list(Merchant.objects.filter(pk__in=shops))
    done = 0
    for merchant in merchants:
        with merchant_scope(merchant):
            done += grade_refusals(merchant=merchant)
    if done:
        log.info("refusals graded", count=done)
    return done
