"""Writes: making, starting and stopping journeys."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.events.emitting import emit
from crm.events.types import EventType
from crm.lib.errors import Conflict, NotFound, Rejected
from customers.segmenting import Scope
from marketing.campaigns.services import template_save
from marketing.campaigns.starters import starter_of
from marketing.journeys import events
from marketing.journeys.enrolling import triggers
from marketing.journeys.steps import dump, parse
from marketing.models import Enrolment, Journey
from marketing.segments import definition as definitions
from marketing.segments.compiling import compile_group

LONGEST_NAME = 120


@transaction.atomic
def journey_save(
    *,
    merchant: Merchant,
    name: str,
    trigger: str,
    steps: Any,
    once: str = Journey.Once.CUSTOMER,
    filter: Any = None,
    journey: Journey | None = None,
    actor: Membership | None = None,
) -> Journey:
    """The new or changed journey. People on the way keep their place by the step's id; who stood at a step
    that
    was taken out leaves. Raises Rejected, BadSteps or BadDefinition with what is wrong by its place."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        text = _("Give the journey a name of at most %(most)s characters.") % {"most": LONGEST_NAME}
        raise Rejected(text, code="bad_name", fields={"name": [text]})
    if trigger not in {kind.name for kind in triggers()}:
        text = _("Choose what starts the journey.")
        raise Rejected(text, code="bad_trigger", fields={"trigger": [text]})
    if once not in Journey.Once.values:
        raise Rejected(_("Choose how often."), code="bad_once", fields={"once": [_("Choose how often.")]})
    group = definitions.parse({} if filter is None else filter)
    compile_group(group, Scope(merchant))
    made = journey or Journey(merchant=merchant, created_by=actor)
    made.name, made.trigger, made.once = name, trigger, once
    made.filter = definitions.dump(group) if group.rules else {}
    made.steps = dump(parse(steps))
    made.save()
    _announce(events.JOURNEY_SAVED, made)
    return made


@transaction.atomic
def journey_start(*, journey: Journey) -> Journey:
    """From now on its event puts customers on the way. Raises Conflict when it runs, Rejected without
    steps."""
    current = _locked(journey)
    if current.state == Journey.State.RUNNING:
        raise Conflict(_("This journey is running already."), code="running")
    if not current.steps:
        raise Rejected(_("Add a step first."), code="no_steps")
    parse(current.steps)  # a template or segment may have gone since
    current.state, current.started_at = Journey.State.RUNNING, timezone.now()
    current.save(update_fields=["state", "started_at", "updated_at"])
    _announce(events.JOURNEY_STARTED, current)
    return current


@transaction.atomic
def journey_stop(*, journey: Journey) -> Journey:
    """Nobody sets out and nobody moves; who is on the way waits until it is started again."""
    current = _locked(journey)
    if current.state != Journey.State.RUNNING:
        raise Conflict(_("This journey isn't running."), code="not_running")
    current.state = Journey.State.STOPPED
    current.save(update_fields=["state", "updated_at"])
    _announce(events.JOURNEY_STOPPED, current)
    return current


@transaction.atomic
def journey_delete(*, journey: Journey) -> None:
    """Only one that nobody has walked; the others are part of the customers' history."""
    current = _locked(journey)
    if current.state == Journey.State.RUNNING or Enrolment.objects.filter(journey=current).exists():
        raise Conflict(_("People have walked this journey. Stop it instead."), code="walked")
    current.delete()


@transaction.atomic
def enrolment_retry(*, enrolment: Enrolment) -> None:
    """Puts somebody who is stuck back on the way."""
    stuck = Enrolment.objects.filter(pk=enrolment.pk, state=Enrolment.State.FAILED)
    stuck.update(state=Enrolment.State.ACTIVE, attempts=0, due_at=timezone.now(), ended_at=None)


@transaction.atomic
def thank_you_create(*, merchant: Merchant, actor: Membership | None = None) -> Journey:
    """ "Thank you after the first order", with its mail, as a draft to start from: two rows in the shop's
    language."""
    with translation.override(merchant.locale):
        thanks = _("thank you for your first order. If anything isn't right, just answer this mail.")
        values = {
            "name": _("Thank you for the first order"),
            "subject": _("Thank you, {{ customer.first_name | default: 'and welcome' }}"),
            "body": starter_of(merchant, words=thanks).body,
            "preheader": "",
            "text": "",
        }
        name = _("Thank you after the first order")
    template = template_save(merchant=merchant, values=values, actor=actor)
    return journey_save(
        merchant=merchant,
        name=name,
        trigger="orders.order_paid",
        filter={"rules": [{"if": "orders.count", "compare": "max", "value": 1}]},
        steps=[{"kind": "wait", "amount": 1, "unit": "hours"}, {"kind": "mail", "template": template.pk}],
        actor=actor,
    )


def _locked(journey: Journey) -> Journey:
    found = (
        Journey.objects.select_for_update(of=("self",))
        .select_related("merchant")
        .filter(pk=journey.pk)
        .first()
    )
    if found is None:
        raise NotFound()
    return found


def _announce(kind: EventType, journey: Journey) -> None:
    data = {"journey": journey.name, "journey_id": journey.pk}
    emit(kind, merchant=journey.merchant_id, subject=journey, data=data)
