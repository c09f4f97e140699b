"""How the desk works: ready answers, promised times, opening hours, who comes first."""

from __future__ import annotations

from datetime import time
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.money import MoneyField
from crm.lib.tenancy import TenantModel
from service.models.ticket import Priority


class Macro(TenantModel):
    """A ready answer with places to fill, such as {{customer.name}}; service/macros.py lists them."""

    name = models.CharField(_("name"), max_length=80)
    text = models.TextField(_("text"), max_length=5_000)
    is_active = models.BooleanField(_("offered"), default=True)
    used_count = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant", "name"], name="service_macro_name")]

    def __str__(self) -> str:
        return self.name


class SlaPolicy(TenantModel):
    """What is promised for one priority, in minutes of opening time; defaults stand in service/sla.py."""

    priority = models.CharField(_("priority"), max_length=6, choices=Priority)
    first_response_minutes = models.PositiveIntegerField(_("minutes to the first answer"))
    resolve_minutes = models.PositiveIntegerField(_("minutes to the solution"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant", "priority"], name="service_sla_priority")]

    def __str__(self) -> str:
        return f"{self.priority}: {self.first_response_minutes}/{self.resolve_minutes}"


def every_day() -> list[int]:
    return [0, 1, 2, 3, 4, 5, 6]


class BusinessHours(TenantModel):
    """When somebody is there, in the shop's time zone. `days` are weekdays, Monday is 0."""

    days = ArrayField(models.SmallIntegerField(), default=every_day, verbose_name=_("days"))
    opens = models.TimeField(_("opens"), default=time(9))
    closes = models.TimeField(_("closes"), default=time(21))
    holidays = ArrayField(models.DateField(), default=list, blank=True, verbose_name=_("closed on"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant"], name="service_hours_once"),
            models.CheckConstraint(
                condition=models.Q(closes__gt=models.F("opens")), name="service_hours_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}–{self.closes:%H:%M}"


def best_tiers() -> list[str]:
    return ["gold", "platinum", "diamond"]


class ServiceSettings(TenantModel):
    """Who comes first, and where mail to the desk arrives. A shop without a row gets the defaults."""

    vip_tiers = ArrayField(
        models.CharField(max_length=40),
        default=best_tiers,
        blank=True,
        verbose_name=_("tiers that come first"),
    )
    big_order = MoneyField(_("an order of this worth comes first"), null=True, blank=True, default=1000)
    late_parcels = models.BooleanField(_("a late parcel opens a ticket by itself"), default=True)
    reply_address = models.EmailField(_("address for replies"), blank=True, default="")
    mailbox_host = models.CharField(_("IMAP server"), max_length=200, blank=True, default="")
    mailbox_port = models.PositiveIntegerField(_("port"), default=993)
    mailbox_user = models.CharField(_("user name"), max_length=200, blank=True, default="")
    mailbox_secret = models.TextField(blank=True, default="")
    mailbox_tls = models.BooleanField(_("TLS"), default=True)
    mailbox_state: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant"], name="service_settings_once")]

    def __str__(self) -> str:
        return f"desk of {self.merchant_id}"
