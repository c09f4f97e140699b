"""A step's mail, through the same engine as campaigns: consent, suppression, caps and care holds are asked at
the moment of sending, each mail is one row, and whatever isn't sent says why."""

from __future__ import annotations

from functools import partial
from uuid import uuid4

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from marketing.journeys.steps import Step
from marketing.models import Campaign, Delivery, Enrolment, Journey, StepMail, Template
from marketing.sending import content, reaping

CONTENT_FIELDS = ("subject", "preheader", "body", "text")


def send_step_mail(*, enrolment: Enrolment, step: Step) -> str:
    """Queues the mail and answers "", or the code of why there is nothing to queue. Locks the journey.

    In the transaction that takes the step: queued once, however often the step is tried.
    """
    template = Template.objects.filter(pk=step.template).first()
    if template is None:
        return "template_gone"
    address = enrolment.customer.email.strip().lower()
    if not address:
        return "no_address"
    journey = (
        Journey.objects.select_for_update(of=("self",))
        .select_related("merchant")
        .get(pk=enrolment.journey_id)
    )
    campaign = _free(journey, step, template, address) or _fresh(journey, step, template)
    domain = content.sender_address(campaign, journey.merchant).rpartition("@")[2].lower()
    Delivery.objects.create(
        merchant_id=journey.merchant_id,
        campaign=campaign,
        customer=enrolment.customer,
        address=address,
        message_id=f"<{campaign.pk}.{uuid4().hex}@{domain}>",
    )
    if campaign.state != Campaign.State.SENDING:
        Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.SENDING, finished_at=None)
    transaction.on_commit(partial(reaping.ring_for, campaign), robust=True)
    return ""


def _free(journey: Journey, step: Step, template: Template, address: str) -> Campaign | None:
    """The first campaign of the step with this content that has not yet written to the address."""
    written = Delivery.objects.filter(
        campaign=OuterRef("campaign"), merchant=OuterRef("merchant"), address=address
    )
    carriers = StepMail.objects.filter(
        journey=journey, step=step.id, template_id=template.pk, template_at=template.updated_at
    )
    usable = carriers.exclude(campaign__state__in=[Campaign.State.CANCELLED, Campaign.State.PAUSED])
    found = usable.filter(~Exists(written)).select_related("campaign").order_by("number").first()
    return found.campaign if found else None


def _fresh(journey: Journey, step: Step, template: Template) -> Campaign:
    now = timezone.now()
    campaign = Campaign(
        merchant=journey.merchant,
        name=f"{journey.name} · {template.name}"[:120],
        template=template,
        state=Campaign.State.SENDING,
        started_at=now,
        frozen_at=now,
    )
    for name in CONTENT_FIELDS:
        setattr(campaign, name, getattr(template, name))
    campaign.save()
    StepMail.objects.create(
        merchant=journey.merchant,
        journey=journey,
        campaign=campaign,
        step=step.id,
        number=StepMail.objects.filter(journey=journey, step=step.id).count() + 1,
        template_id=template.pk,
        template_at=template.updated_at,
    )
    return campaign
