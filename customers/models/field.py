"""What a shop wants to know of its customers or companies beyond what every shop knows."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.lib.tenancy import TenantManager, TenantModel


class FieldDefinitionQuerySet(models.QuerySet[Any]):
    def of_customers(self) -> FieldDefinitionQuerySet:
        return self.filter(applies_to=FieldDefinition.Subject.CUSTOMER)

    def in_use(self) -> FieldDefinitionQuerySet:
        """Neither archived nor on their way out."""
        return self.filter(archived_at__isnull=True, deleting_at__isnull=True)

    def in_order(self) -> FieldDefinitionQuerySet:
        return self.order_by("position", "pk")


class FieldDefinition(TenantModel):
    """A custom field. Its values stand in `attributes[key]` of the customer (or company) in the form that
    customers/fields/values.py gives them.

    `key` never changes: segments, mails and programs name the field by it. `rules` may hold "min" and "max"
    (of a number or an amount; letters of a text; days of a date), and "pattern" (a mask such as "AB-####"
    that the whole text follows). `choices` are [{"value", "label"}]; the value is what is stored.
    """

    class Type(models.TextChoices):
        TEXT = "text", _("Text")
        LONG = "long", _("Long text")
        NUMBER = "number", _("Number")
        MONEY = "money", _("Amount of money")
        YES_NO = "yes_no", _("Yes or no")
        DATE = "date", _("Date")
        INSTANT = "instant", _("Date and time")
        CHOICE = "choice", _("One of a list")
        CHOICES = "choices", _("Several of a list")
        EMAIL = "email", _("E-mail")
        PHONE = "phone", _("Phone")
        URL = "url", _("Web address")
        COUNTRY = "country", _("Country")
        MEMBER = "member", _("Colleague")
        CUSTOMER = "customer", _("Customer")
        COMPANY = "company", _("Company")

    class Subject(models.TextChoices):
        CUSTOMER = "customer", _("Customers")
        COMPANY = "company", _("Companies")

    applies_to = models.CharField(_("belongs to"), max_length=8, choices=Subject, default=Subject.CUSTOMER)
    key = models.CharField(_("key"), max_length=40)
    label = models.CharField(_("label"), max_length=80)
    type = models.CharField(pgettext_lazy("of a field", "type"), max_length=8, choices=Type)
    section = models.CharField(_("section"), max_length=80, blank=True, default="")
    help = models.CharField(_("help"), max_length=300, blank=True, default="")
    is_required = models.BooleanField(_("required"), default=False)
    is_unique = models.BooleanField(_("unique"), default=False)
    is_personal = models.BooleanField(_("personal"), default=False)
    default = models.JSONField(null=True, blank=True)
    rules = models.JSONField(default=dict, blank=True)
    choices = models.JSONField(default=list, blank=True)
    position = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)
    # Set until a worker has taken the values away; then the row goes.
    deleting_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = TenantManager.from_queryset(FieldDefinitionQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "applies_to", "key"], name="customers_field_key")
        ]
        indexes = [
            models.Index("merchant", "applies_to", "position", name="customers_field_order"),
            models.Index(
                F("deleting_at"), condition=Q(deleting_at__isnull=False), name="customers_field_gone"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def has_choices(self) -> bool:
        return self.type in (self.Type.CHOICE, self.Type.CHOICES)

    @property
    def labels(self) -> dict[str, str]:
        """Stored value → label, in the shop's order."""
        return {one["value"]: one["label"] for one in self.choices}
