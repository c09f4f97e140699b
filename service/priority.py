"""Tier becomes service (promise 5): who comes first, and why, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.lib.ui.formats import money_text
from customers.models import Customer, Metrics
from orders.models import Order
from service.models import ServiceSettings, Ticket
from service.models.ticket import Priority

LADDER = [Priority.LOW, Priority.NORMAL, Priority.HIGH, Priority.URGENT]


@dataclass(frozen=True)
class Standing:
    """The priority and the codes that led to it, each with its facts."""

    priority: str
    reasons: list[dict[str, Any]] = field(default_factory=list)


def desk_settings() -> ServiceSettings:
    """The shop's settings, or the defaults. One query."""
    return ServiceSettings.objects.first() or ServiceSettings()


def standing_of(
    *, merchant: Merchant, customer: Customer | None, order: Order | None, cause: str
) -> Standing:
    """Normal, and one step up for each of: a top tier, a big order, a late parcel. At most three queries."""
    settings = desk_settings()
    reasons: list[dict[str, Any]] = []
    tier = ""
    if customer is not None:
        tier = Metrics.objects.filter(customer=customer).values_list("tier", flat=True).first() or ""
    if tier and tier.casefold() in {one.casefold() for one in settings.vip_tiers}:
        reasons.append({"code": "tier", "tier": tier})
    worth = _worth(order)
    if settings.big_order is not None and worth is not None and worth >= Decimal(settings.big_order):
        reasons.append({"code": "big_order", "amount": str(worth), "currency": merchant.base_currency})
    if cause == Ticket.Cause.LATE_PARCEL:
        reasons.append({"code": "late_parcel"})
    step = min(LADDER.index(Priority.NORMAL) + len(reasons), len(LADDER) - 1)
    return Standing(LADDER[step].value, reasons)


def _worth(order: Order | None) -> Decimal | None:
    if order is None or order.base_total is None:
        return None
    return Decimal(order.base_total) - Decimal(order.base_refunded or 0)


def reasons_in_words(ticket: Ticket) -> list[str]:
    """Why the ticket has its priority, a sentence each."""
    sentences = [_sentence(reason) for reason in ticket.priority_reasons]
    return [one for one in sentences if one] or [_("Nothing special: every ticket starts as normal.")]


def _sentence(reason: dict[str, Any]) -> str:
    code = reason.get("code")
    if code == "tier":
        return _("Loyalty tier %(tier)s comes first.") % {"tier": reason.get("tier", "")}
    if code == "big_order":
        money = money_text(str(reason.get("amount", "0")), str(reason.get("currency", "")))
        return _("The order is worth %(money)s.") % {"money": money}
    if code == "late_parcel":
        return _("The parcel is later than promised.")
    if code == "by_hand":
        return _("Set by %(name)s.") % {"name": reason.get("name", "")}
    return ""
