"""What somebody wants from the shop."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel
from customers.models import Customer
from orders.models import Order, Return
from service.querysets import TicketQuerySet


class Priority(models.TextChoices):
    LOW = "low", _("Low")
    NORMAL = "normal", _("Normal")
    HIGH = "high", _("High")
    URGENT = "urgent", _("Urgent")


class Ticket(TenantModel):
    """A conversation with one person about one thing.

    Open: the ball is in our court, and `due_at` says when we must have acted. Pending: it is in theirs, and
    the clocks stand still (`resolve_seconds_left`). Snoozed: nobody's until `snoozed_until` or their next
    word. `waiting_since` is their first word that we have not answered. `priority_reasons` are codes with
    their facts, so that the page can say why. `contact_*` are what a stranger gave; a customer's own are read
    from them.
    """

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        PENDING = "pending", _("Waiting for customer")
        SNOOZED = "snoozed", _("Snoozed")
        SOLVED = "solved", _("Solved")

    class Channel(models.TextChoices):
        PORTAL = "portal", _("Portal")
        EMAIL = "email", _("E-mail")
        FORM = "form", _("Contact form")
        PHONE = "phone", _("Phone")
        API = "api", _("API")
        WATCH = "watch", _("Opened by itself")

    class Cause(models.TextChoices):
        ASKED = "asked", _("A question")
        LATE_PARCEL = "late_parcel", _("A late parcel")

    UNSOLVED = (Status.OPEN, Status.PENDING, Status.SNOOZED)

    number = models.PositiveIntegerField()
    subject = models.CharField(_("subject"), max_length=200)
    channel = models.CharField(_("channel"), max_length=6, choices=Channel)
    cause = models.CharField(max_length=12, choices=Cause, default=Cause.ASKED)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.OPEN)
    priority = models.CharField(_("priority"), max_length=6, choices=Priority, default=Priority.NORMAL)
    priority_reasons = models.JSONField(default=list, blank=True)
    assignee = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    customer = MerchantForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="tickets", db_index=False
    )
    order = MerchantForeignKey(
        Order, on_delete=models.SET_NULL, null=True, blank=True, related_name="tickets", db_index=False
    )
    rma = MerchantForeignKey(
        Return, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    # A reviews.Review; an id, since a low rating opens its ticket by an event.
    review_id = models.BigIntegerField(null=True, blank=True)
    contact_name = models.CharField(max_length=200, blank=True, default="")
    contact_email = models.CharField(max_length=320, blank=True, default="")
    contact_phone = models.CharField(max_length=20, blank=True, default="")
    language = models.CharField(max_length=10, blank=True, default="")
    preview = models.CharField(max_length=200, blank=True, default="")
    unread = models.BooleanField(default=False)
    opened_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    last_inbound_at = models.DateTimeField(null=True, blank=True)
    waiting_since = models.DateTimeField(null=True, blank=True)
    first_response_due_at = models.DateTimeField(null=True, blank=True)
    first_responded_at = models.DateTimeField(null=True, blank=True)
    resolve_due_at = models.DateTimeField(null=True, blank=True)
    resolve_seconds_left = models.IntegerField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    solved_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar = TenantManager.from_queryset(TicketQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "number"], name="service_ticket_number"),
            models.UniqueConstraint(
                fields=["merchant", "order"],
                condition=Q(cause="late_parcel", order__isnull=False),
                name="service_ticket_late_once",
            ),
        ]
        indexes = [
            models.Index(
                "merchant",
                F("due_at").asc(nulls_last=True),
                "id",
                condition=Q(status="open"),
                name="service_ticket_open",
            ),
            models.Index(
                "merchant",
                "assignee",
                "due_at",
                condition=Q(status__in=["open", "pending", "snoozed"]),
                name="service_ticket_assignee",
            ),
            models.Index(
                "merchant", "status", F("last_at").desc(), F("id").desc(), name="service_ticket_recent"
            ),
            models.Index("merchant", "customer", F("last_at").desc(), name="service_ticket_customer"),
            models.Index("merchant", "order", condition=Q(order__isnull=False), name="service_ticket_order"),
            models.Index("snoozed_until", condition=Q(status="snoozed"), name="service_ticket_snoozed"),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"

    @property
    def person_name(self) -> str:
        return (self.customer.name if self.customer else "") or self.contact_name or self.person_email

    @property
    def person_email(self) -> str:
        """Where an answer goes: what was given with the ticket, else the customer's own."""
        return self.contact_email or (self.customer.email if self.customer else "")

    @property
    def is_solved(self) -> bool:
        return self.status == self.Status.SOLVED
