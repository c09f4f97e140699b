"""What stands on the preference page: a switch for each purpose and way, with the text beside it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Merchant
from crm.events.types import Text
from customers.models import Consent, ConsentRequest, ConsentWording, Customer
from customers.models.wording import Channel, Purpose
from customers.wordings.selectors import current_wordings


@dataclass(frozen=True)
class Switch:
    """`waits`: a yes that the owner of the address has not confirmed yet; nothing is allowed by it."""

    channel: str
    label: Text
    granted: bool
    waits: bool
    wording: ConsentWording


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


def preferences_of(customer: Customer, merchant: Merchant) -> list[PreferenceGroup]:
    """A group for each purpose, with the ways by which the person can be reached, in the language of the
    page. Four queries."""
    answers = _answers(customer)
    waiting = set(open_requests(customer.pk))
    wordings = current_wordings(merchant, translation.get_language() or merchant.locale)
    ways = _ways(customer)
    groups = []
    for purpose, (label, text) in WORDS.items():
        switches = [
            Switch(
                one.value,
                Purpose.PROFILING.label if purpose == Purpose.PROFILING else one.label,
                answers.get((one, purpose), False),
                (one, purpose) in waiting,
                wordings[(purpose, one)],
            )
            for one in ([Channel.EMAIL] if purpose == Purpose.PROFILING else ways)
        ]
        groups.append(PreferenceGroup(purpose, label, text, switches))
    return [group for group in groups if group.switches]


def _answers(customer: Customer) -> dict[tuple[str, str], bool]:
    newest = (
        Consent.objects.filter(customer=customer)
        .order_by("channel", "purpose", "-recorded_at", "-id")
        .distinct("channel", "purpose")
    )
    return {(one.channel, one.purpose): one.granted for one in newest}


def open_requests(customer_id: int) -> dict[tuple[str, str], ConsentRequest]:
    """(channel, purpose) → the question that waits for its confirmation. One query."""
    rows = ConsentRequest.objects.filter(
        customer_id=customer_id, confirmed_at=None, cancelled_at=None, expires_at__gt=timezone.now()
    )
    return {(one.channel, one.purpose): one for one in rows}


def _ways(customer: Customer) -> list[Channel]:
    ways = [Channel.EMAIL] if customer.email else []
    if customer.phone:
        ways.append(Channel.SMS)
    if customer.identities.filter(kind__in=("unionid", "openid")).exists():
        ways.append(Channel.WECHAT)
    return ways
