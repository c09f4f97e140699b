"""What the shop keeps about a person, gathered from every app, and what they allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm.events.selectors import timeline
from crm.events.types import Text
from customers.consent import consent_now
from customers.models import Consent, Customer
from customers.models.consent import Channel, Purpose
from customers.portal_registry import COLLECTORS, add_collector

# The log of a very busy customer; the newest are what they ask about.
EVENTS_LIMIT = 2_000


@dataclass(frozen=True)
class Chapter:
    key: str
    label: Text
    content: Any


def everything_about(customer: Customer | None, grants: dict[str, list[int]]) -> list[Chapter]:
    """Each app's chapter, in the order of the floors; empty ones left out."""
    chapters = [
        Chapter(key, label, collect(customer, grants)) for key, (label, collect) in COLLECTORS.items()
    ]
    return [chapter for chapter in chapters if chapter.content]


def register() -> None:
    add_collector("person", _("You"), _person)
    add_collector("consents", _("What you allowed"), _consents)
    add_collector("history", _("What happened"), _history)


def _person(customer: Customer | None, _grants: dict[str, list[int]]) -> dict[str, Any]:
    if customer is None:
        return {}
    columns = (
        *(
            "name",
            "email",
            "phone",
            "language",
            "birthday_on",
            "country",
            "region",
            "city",
            "tags",
            "attributes",
        ),
        *("source", "created_at"),
    )
    facts = {name: getattr(customer, name) for name in columns if getattr(customer, name)}
    addresses = customer.addresses.values(
        "kind", "line1", "line2", "district", "city", "province", "postal_code"
    )
    identities = customer.identities.values("kind", "value", "source", "verified_at", "created_at")
    return facts | {"addresses": list(addresses), "identities": list(identities)}


def _consents(customer: Customer | None, _grants: dict[str, list[int]]) -> list[dict[str, Any]]:
    ledger = Consent.objects.filter(customer=customer) if customer else Consent.objects.none()
    columns = ("channel", "purpose", "granted", "source", "wording_version", "recorded_at")
    return list(ledger.order_by("recorded_at", "id").values(*columns))


def _history(customer: Customer | None, _grants: dict[str, list[int]]) -> list[dict[str, Any]]:
    if customer is None:
        return []
    events = timeline(customer_id=customer.pk)[:EVENTS_LIMIT]
    return [{"at": event.occurred_at, "what": event.sentence} for event in events]


# --- preferences -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Switch:
    channel: str
    label: Text
    granted: bool


@dataclass(frozen=True)
class PreferenceGroup:
    purpose: str
    label: Text
    text: Text
    switches: list[Switch]


WORDS: dict[str, tuple[Text, Text]] = {
    Purpose.MARKETING: (_("Offers and news"), _("New arrivals, sales and what might interest you.")),
    Purpose.REVIEWS: (
        _("Asking for your opinion"),
        _("After a delivery, whether you would review what you bought."),
    ),
    Purpose.PROFILING: (_("Made for you"), _("Using what you bought to choose what we show and send you.")),
}


def preferences_of(customer: Customer) -> list[PreferenceGroup]:
    """A switch for each purpose and each way by which the person can be reached. One query for each."""
    channels = [Channel.EMAIL] if customer.email else []
    if customer.phone:
        channels.append(Channel.SMS)
    if customer.identities.filter(kind__in=("unionid", "openid")).exists():
        channels.append(Channel.WECHAT)
    groups = []
    for purpose, (label, text) in WORDS.items():
        ways = [Channel.EMAIL] if purpose == Purpose.PROFILING else channels
        switches = [
            Switch(one.value, one.label, bool(consent_now(customer=customer, channel=one, purpose=purpose)))
            for one in ways
        ]
        groups.append(PreferenceGroup(purpose, label, text, switches))
    return [group for group in groups if group.switches]
