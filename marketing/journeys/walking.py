"""Walking: whoever is due takes the next steps, up to the next wait, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone

from crm.events.emitting import emit
from crm.lib.errors import CrmError
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.bulk import customers_tag
from customers.segmenting import Scope
from marketing.journeys import events
from marketing.journeys.mailing import send_step_mail
from marketing.journeys.steps import Step, read
from marketing.models import Enrolment, Journey, Passage, Segment
from marketing.segments.compiling import compile_definition, compile_segment, scope_of
from marketing.segments.counting import people_of

log = structlog.get_logger()

# Enrolments in one sweep; the next sweep takes the rest.
BATCH = 500
MOST_ATTEMPTS = 6
FIRST_WAIT_SECONDS = 60
State = Enrolment.State
Outcome = Passage.Outcome


def sweep() -> int:
    """Moves on everybody who is due on a running journey; how many. Two sweepers never take the same row."""
    with all_merchants(reason="the sweeper looks after every merchant"):
        due = Enrolment.objects.filter(
            state=State.ACTIVE, due_at__lte=timezone.now(), journey__state=Journey.State.RUNNING
        )
        found = list(due.order_by("due_at", "id").values_list("merchant_id", "pk")[:BATCH])
    moved = 0
    for merchant_id, pk in found:
        with merchant_scope(merchant_id):
            moved += enrolment_move(enrolment_id=pk)
    return moved


def enrolment_move(*, enrolment_id: int) -> bool:
    """Takes every step up to the next wait; False when somebody else holds the row or nothing is due.

    All or nothing: a killed worker leaves the row as it was. A failure is tried again later, then shown.
    """
    with transaction.atomic():
        enrolment = (
            Enrolment.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("journey__merchant", "customer")
            .filter(pk=enrolment_id, state=State.ACTIVE, due_at__lte=timezone.now())
            .first()
        )
        if enrolment is None or enrolment.journey.state != Journey.State.RUNNING:
            return False
        try:
            with transaction.atomic():
                _walk(enrolment)
        except (CrmError, DatabaseError) as error:
            _stumble(enrolment, error)
    return True


def _stumble(enrolment: Enrolment, error: Exception) -> None:
    log.warning("journey step failed", enrolment=enrolment.pk, error=repr(error))
    fresh = Enrolment.objects.get(pk=enrolment.pk)
    fresh.attempts += 1
    fresh.reason = str(error)[:200]
    if fresh.attempts >= MOST_ATTEMPTS:
        fresh.state, fresh.ended_at = State.FAILED, timezone.now()
    else:
        wait = FIRST_WAIT_SECONDS * 4 ** (fresh.attempts - 1)
        fresh.due_at = timezone.now() + timedelta(seconds=wait)
    fresh.save()


def _walk(enrolment: Enrolment) -> None:
    if enrolment.customer.erased_at is not None:
        return _end(enrolment, State.LEFT, "erased")
    if enrolment.customer.profiling_stopped_at is not None:
        return _end(enrolment, State.LEFT, "unprofiled")
    steps = read(enrolment.journey.steps)
    if not enrolment.step:
        if not _may_enter(enrolment):
            enrolment.delete()  # they may come again, when the question is answered otherwise
            return None
        _announce(enrolment, entered=True)
        return _from(enrolment, steps, 0)
    place = next((at for at, step in enumerate(steps) if step.id == enrolment.step), None)
    if place is None:
        return _end(enrolment, State.LEFT, "step_removed")
    step = steps[place]
    if step.kind == "wait":  # its time is over
        _pass(enrolment, step, Outcome.DONE)
        return _from(enrolment, steps, place + 1)
    return _from(enrolment, steps, place)


def _from(enrolment: Enrolment, steps: tuple[Step, ...], place: int) -> None:
    """Takes the steps from that place on, until one waits or ends the journey."""
    for step in steps[place:]:
        if step.kind == "wait":
            enrolment.step, enrolment.due_at = step.id, timezone.now() + step.length
            enrolment.attempts, enrolment.reason = 0, ""
            enrolment.save()
            return
        if step.kind == "exit":
            _pass(enrolment, step, Outcome.DONE)
            break
        outcome, reason = _ACTIONS[step.kind](enrolment, step)
        _pass(enrolment, step, outcome, reason)
        if outcome == Outcome.NO:
            return _end(enrolment, State.LEFT, "condition")
    _end(enrolment, State.FINISHED, "")


def _may_enter(enrolment: Enrolment) -> bool:
    journey = enrolment.journey
    if not journey.filter:
        return True
    scope = Scope(journey.merchant, customer_ids=(enrolment.customer_id,))
    return people_of(compile_definition(journey.filter, scope)).exists()


def _mail(enrolment: Enrolment, step: Step) -> tuple[str, str]:
    reason = send_step_mail(enrolment=enrolment, step=step)
    return (Outcome.SKIPPED, reason) if reason else (Outcome.DONE, "")


def _condition(enrolment: Enrolment, step: Step) -> tuple[str, str]:
    segment = Segment.objects.select_related("merchant").filter(pk=step.segment).first()
    if segment is None:
        return Outcome.NO, "segment_gone"
    scope = scope_of(segment, (enrolment.customer_id,))
    inside = people_of(compile_segment(segment, scope)).exists()
    return (Outcome.YES if inside else Outcome.NO), ""


def _tag(enrolment: Enrolment, step: Step) -> tuple[str, str]:
    customers_tag(merchant=enrolment.journey.merchant, customers=[enrolment.customer], tag=step.tag)
    return Outcome.DONE, ""


_ACTIONS: dict[str, Callable[[Enrolment, Step], tuple[str, str]]] = {
    "mail": _mail,
    "condition": _condition,
    "tag": _tag,
}


def _pass(enrolment: Enrolment, step: Step, outcome: str, reason: str = "") -> None:
    Passage.objects.create(
        merchant_id=enrolment.merchant_id,
        enrolment=enrolment,
        journey_id=enrolment.journey_id,
        step=step.id,
        outcome=outcome,
        reason=reason[:60],
    )


def _end(enrolment: Enrolment, state: str, reason: str) -> None:
    enrolment.state, enrolment.reason, enrolment.ended_at = state, reason, timezone.now()
    enrolment.save()
    _announce(enrolment, entered=False)


def _announce(enrolment: Enrolment, *, entered: bool) -> None:
    emit(
        events.JOURNEY_ENTERED if entered else events.JOURNEY_ENDED,
        merchant=enrolment.merchant_id,
        customer=enrolment.customer_id,
        subject=enrolment.journey,
        data={
            "journey": enrolment.journey.name,
            "journey_id": enrolment.journey_id,
            "reason": enrolment.reason,
        },
        dedupe_key=f"{enrolment.pk}",
    )
