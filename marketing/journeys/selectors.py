"""Page-shaped reads of journeys."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.events.types import event_type
from customers.visibility import narrowed, seen_by
from marketing.journeys.steps import Step, read, titles
from marketing.models import Delivery, Enrolment, Journey, Passage, StepMail
from marketing.models.delivery import reason_text


@dataclass(frozen=True)
class StepView:
    """A step with its figures: how many wait here, passed, were not done, or left here."""

    step: Step
    title: str
    waiting: int = 0
    passed: int = 0
    skipped: int = 0
    left: int = 0
    sent: int = 0
    campaign_id: int | None = None


@dataclass(frozen=True)
class Figures:
    entered: int
    active: int
    finished: int
    left: int
    failed: int


def trigger_text(name: str) -> str:
    """The event's label in the reader's language."""
    kind = event_type(name)
    return str(kind.label) if kind else name


def reason_of(code: str) -> str:
    """Why somebody left or a step wasn't done, in words."""
    known = {
        "condition": _("wasn't in the segment"),
        "step_removed": _("the step was taken out"),
        "erased": _("was erased"),
        "unprofiled": _("doesn't want to be profiled"),
        "template_gone": _("the template is gone"),
        "segment_gone": _("the segment is gone"),
    }
    return known.get(code) or reason_text(code)


def journeys_with_counts(membership: Membership) -> QuerySet[Journey]:
    """Journeys with how many whom the member sees walked and are walking them, in one query."""
    seen = seen_by(membership, "enrolments__customer__") or Q()
    active = Count("enrolments", filter=Q(enrolments__state="active") & ~Q(enrolments__step="") & seen)
    finished = Count("enrolments", filter=Q(enrolments__state="finished") & seen)
    entered = Count("enrolments", filter=~Q(enrolments__step="", enrolments__state="active") & seen)
    return Journey.objects.annotate(active_count=active, finished_count=finished, entered_count=entered)


def figures(journey: Journey, membership: Membership) -> Figures:
    """One query. Who has only just been noticed has not entered yet."""
    walked = narrowed(journey.enrolments.exclude(state="active", step=""), membership, "customer__")
    known = dict(walked.values_list("state").annotate(number=Count("pk")))
    return Figures(
        sum(known.values()), *(known.get(state, 0) for state in ("active", "finished", "left", "failed"))
    )


def step_views(journey: Journey, membership: Membership) -> list[StepView]:
    """The steps in order with the figures of whom the member sees: at most six queries, whatever their
    number."""
    steps = read(journey.steps)
    walking = narrowed(journey.enrolments.filter(state="active"), membership, "customer__")
    waiting = dict(walking.values_list("step").annotate(number=Count("pk")))
    passed: dict[tuple[str, str], int] = {
        (step, outcome): number
        for step, outcome, number in narrowed(
            Passage.objects.filter(journey=journey), membership, "enrolment__customer__"
        )
        .values_list("step", "outcome")
        .annotate(number=Count("pk"))
    }
    carriers = dict(
        StepMail.objects.filter(journey=journey).order_by("number").values_list("step", "campaign_id")
    )
    mails = Delivery.objects.filter(campaign__journey_mails__journey=journey, state="sent")
    sent = dict(
        narrowed(mails, membership, "customer__")
        .values_list("campaign__journey_mails__step")
        .annotate(number=Count("pk"))
    )
    return [
        StepView(
            step,
            title,
            waiting.get(step.id, 0),
            passed.get((step.id, "done"), 0) + passed.get((step.id, "yes"), 0),
            passed.get((step.id, "skipped"), 0),
            passed.get((step.id, "no"), 0),
            sent.get(step.id, 0),
            carriers.get(step.id),
        )
        for step, title in zip(steps, titles(steps), strict=True)
    ]


def people(journey: Journey, state: str = "") -> QuerySet[Enrolment]:
    """Who is on the journey or was, newest first."""
    rows = (
        Enrolment.objects.filter(journey=journey).exclude(state="active", step="").select_related("customer")
    )
    return rows.filter(state=state) if state in Enrolment.State.values else rows
