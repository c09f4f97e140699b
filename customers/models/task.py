"""What a colleague has to do, and when they want to be reminded."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.models import Membership
from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel
from customers.models.company import Company
from customers.models.customer import Customer
from customers.querysets import TaskQuerySet


class Task(TenantModel):
    """One thing to do, about a customer, a company, or what an upper floor calls `subject_type`/`subject_id`.

    `due_at` is the instant from which it is late. A task of a whole day has that day in `due_on` and falls
    due at the
    day's end in its assignee's zone. `rule` is an RRULE (RFC 5545, the subset of
    customers/todos/repeating.py) counted
    in `zone`; the tasks of one row of repetitions share `series` and count up in `number`, and `has_next`
    says
    that the one after was made.
    """

    class Priority(models.IntegerChoices):
        LOW = 0, pgettext_lazy("priority of a task", "Low")
        NORMAL = 1, pgettext_lazy("priority of a task", "Normal")
        HIGH = 2, pgettext_lazy("priority of a task", "High")

    title = models.CharField(_("what"), max_length=200)
    text = models.TextField(_("notes"), max_length=5_000, blank=True, default="")
    customer = MerchantForeignKey(
        Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="tasks", db_index=False
    )
    company = MerchantForeignKey(
        Company, on_delete=models.CASCADE, null=True, blank=True, related_name="tasks", db_index=False
    )
    subject_type = models.CharField(max_length=40, blank=True, default="")
    subject_id = models.BigIntegerField(null=True, blank=True)
    assignee = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    creator = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    priority = models.SmallIntegerField(_("priority"), choices=Priority, default=Priority.NORMAL)
    due_on = models.DateField(_("due"), null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    zone = models.CharField(max_length=50, default="UTC")
    remind_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)
    due_told_at = models.DateTimeField(null=True, blank=True)
    rule = models.CharField(max_length=120, blank=True, default="")
    series = models.UUIDField(null=True, blank=True)
    number = models.PositiveIntegerField(default=1)
    has_next = models.BooleanField(default=False)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar = TenantManager.from_queryset(TaskQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "series", "number"],
                condition=Q(series__isnull=False),
                name="customers_task_series",
            ),
            models.CheckConstraint(
                condition=Q(rule="") | Q(due_at__isnull=False, series__isnull=False),
                name="customers_task_rule_has_due",
            ),
        ]
        indexes = [
            models.Index(
                "merchant",
                "assignee",
                "due_at",
                condition=Q(done_at__isnull=True),
                name="customers_task_open",
            ),
            models.Index(
                "merchant",
                "customer",
                condition=Q(customer__isnull=False),
                name="customers_task_customer",
            ),
            models.Index(
                "merchant", "company", condition=Q(company__isnull=False), name="customers_task_company"
            ),
            models.Index(
                "merchant",
                "subject_type",
                "subject_id",
                condition=Q(subject_id__isnull=False),
                name="customers_task_subject",
            ),
            models.Index(
                "merchant",
                F("done_at").desc(),
                condition=Q(done_at__isnull=False),
                name="customers_task_done",
            ),
            # What the sweeper looks for in every shop at once.
            models.Index(
                "remind_at",
                condition=Q(done_at__isnull=True, reminded_at__isnull=True, remind_at__isnull=False),
                name="customers_task_remind",
            ),
            models.Index(
                "due_at",
                condition=Q(done_at__isnull=True, due_told_at__isnull=True, due_at__isnull=False),
                name="customers_task_due",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_late(self) -> bool:
        return self.done_at is None and self.due_at is not None and self.due_at <= timezone.now()
