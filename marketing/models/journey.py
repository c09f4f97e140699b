"""A path that customers walk by themselves: what starts it, its steps, and who is where."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel
from customers.models import Customer
from marketing.models.campaign import Campaign


class JourneyQuerySet(models.QuerySet["Journey"]):
    def running(self) -> JourneyQuerySet:
        return self.filter(state=Journey.State.RUNNING)


class Journey(TenantModel):
    """`trigger` names an event; `steps` is a list of {"id", "kind", …} (marketing/journeys/steps.py)."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        RUNNING = "running", _("Running")
        STOPPED = "stopped", _("Stopped")

    class Once(models.TextChoices):
        CUSTOMER = "customer", _("Once for each customer")
        SUBJECT = "subject", _("Once for each order, ticket or review")

    name = models.CharField(_("name"), max_length=120)
    state = models.CharField(max_length=8, choices=State, default=State.DRAFT)
    trigger = models.CharField(_("starts when"), max_length=80)
    # Who may enter: a segment definition, checked for the one customer; empty means everybody.
    filter = models.JSONField(default=dict, blank=True)
    once = models.CharField(_("how often"), max_length=8, choices=Once, default=Once.CUSTOMER)
    steps = models.JSONField(default=list)
    created_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    started_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar = TenantManager.from_queryset(JourneyQuerySet)()

    class Meta:
        indexes = [
            models.Index("merchant", F("updated_at").desc(), F("id").desc(), name="marketing_journey_recent"),
            models.Index(
                "merchant", "trigger", condition=Q(state="running"), name="marketing_journey_trigger"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Enrolment(TenantModel):
    """One customer on one journey. `key` is what may not repeat: "" or the order, ticket or review.

    `step` is the id of the step that is due next; whoever is due is a row, found by the sweeper.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("On the way")
        FINISHED = "finished", _("Arrived")
        LEFT = "left", _("Left on the way")
        FAILED = "failed", _("Stuck")

    OPEN: ClassVar[tuple[str, ...]] = (State.ACTIVE,)

    journey = MerchantForeignKey(Journey, on_delete=models.CASCADE, related_name="enrolments", db_index=False)
    customer = MerchantForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=100, blank=True, default="")
    state = models.CharField(max_length=8, choices=State, default=State.ACTIVE)
    step = models.CharField(max_length=20, blank=True, default="")
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Why somebody left or is stuck, in a code or words for staff.
    reason = models.CharField(max_length=200, blank=True, default="")
    event_id = models.BigIntegerField(null=True)
    entered_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "journey", "customer", "key"], name="marketing_enrolment_once"
            )
        ]
        indexes = [
            models.Index("due_at", "id", condition=Q(state="active"), name="marketing_enrolment_due"),
            models.Index(
                "merchant", "journey", F("entered_at").desc(), F("id").desc(), name="marketing_enrolment_of"
            ),
            models.Index("merchant", "customer", name="marketing_enrolment_person"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} on {self.journey_id}"


class Passage(TenantModel):
    """One step taken by one enrolment, and how it went; the counts beside each step come from here."""

    class Outcome(models.TextChoices):
        DONE = "done", _("Done")
        SKIPPED = "skipped", _("Not done")
        YES = "yes", _("Yes")
        NO = "no", _("No")

    enrolment = MerchantForeignKey(
        Enrolment, on_delete=models.CASCADE, related_name="passages", db_index=False
    )
    journey = MerchantForeignKey(Journey, on_delete=models.CASCADE, related_name="+", db_index=False)
    step = models.CharField(max_length=20)
    outcome = models.CharField(max_length=8, choices=Outcome, default=Outcome.DONE)
    reason = models.CharField(max_length=60, blank=True, default="")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "enrolment", "step"], name="marketing_passage_once")
        ]
        indexes = [
            models.Index(fields=["merchant", "journey", "step", "outcome"], name="marketing_passage_counts")
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.outcome}"


class StepMail(TenantModel):
    """The campaign that carries a step's mails through the delivery engine, with all its checks and reports.

    A campaign writes to an address once and keeps its content, so a step that repeats for one person, or
    whose
    template was changed, goes on with the next `number`.
    """

    journey = MerchantForeignKey(Journey, on_delete=models.CASCADE, related_name="mails", db_index=False)
    campaign = MerchantForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="journey_mails", db_index=False
    )
    step = models.CharField(max_length=20)
    number = models.PositiveIntegerField(default=1)
    template_id = models.BigIntegerField()
    template_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "journey", "step", "number"], name="marketing_stepmail_once"
            )
        ]
        indexes = [models.Index(fields=["merchant", "campaign"], name="marketing_stepmail_campaign")]

    def __str__(self) -> str:
        return f"{self.step} #{self.number}"
