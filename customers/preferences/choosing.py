"""What a person chooses on the preference page; giving and withdrawing cost one press each."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.lib.errors import Conflict, Rejected
from customers.confirming.services import confirmation_ask, has_to_confirm
from customers.consent import consent_record
from customers.models import Consent, ConsentRequest, Customer
from customers.models.wording import Channel, Purpose
from customers.services import customer_change
from customers.wordings.selectors import wording_now, wording_shown
from customers.wordings.services import wording_kept


@transaction.atomic
def preference_set(
    *,
    merchant: Merchant,
    customer: Customer,
    channel: str,
    purpose: str,
    granted: bool,
    source: str,
    digest: str = "",
    proof: dict[str, Any] | None = None,
) -> Consent | ConsentRequest | None:
    """The entry of the ledger; the question that waits, where a yes has to be confirmed by mail; None when
    nothing changed.

    `digest` is the hash of the text that stood beside the switch. Raises Conflict when it is another one by
    now, Rejected for a way that nothing is asked by.
    """
    if channel not in Channel.values or purpose not in Purpose.values:
        raise Rejected()
    language = translation.get_language() or merchant.locale
    if wording_now(merchant, channel, purpose, language) is None:
        raise Rejected()
    if not granted:
        return consent_record(
            merchant=merchant,
            customer=customer,
            channel=channel,
            purpose=purpose,
            granted=False,
            source=source,
            proof=proof,
        )
    shown = wording_shown(merchant, channel, purpose, language, digest)
    if shown is None:
        raise Conflict(_("The text has changed. Read it again, then choose."), code="wording_changed")
    wording = wording_kept(shown)
    if has_to_confirm(channel, purpose):
        return confirmation_ask(
            merchant=merchant,
            customer=customer,
            purpose=purpose,
            source=source,
            wording=wording,
            language=language,
            proof=proof,
        )
    return consent_record(
        merchant=merchant,
        customer=customer,
        channel=channel,
        purpose=purpose,
        granted=True,
        source=source,
        wording=wording,
        proof=proof,
    )


@transaction.atomic
def preferences_none(
    *, merchant: Merchant, customer: Customer, source: str, proof: dict[str, Any] | None = None
) -> int:
    """Withdraws everything that is allowed and every yes that waits; how many answers that were.

    Also what the page doesn't show (a number that was removed since)."""
    ledger = Consent.objects.filter(customer=customer)
    newest = ledger.order_by("channel", "purpose", "-recorded_at", "-id").distinct("channel", "purpose")
    allowed = {(one.channel, one.purpose) for one in newest if one.granted}
    waiting = ConsentRequest.objects.filter(customer=customer, confirmed_at=None, cancelled_at=None)
    allowed |= set(waiting.values_list("channel", "purpose"))
    for channel, purpose in sorted(allowed):
        consent_record(
            merchant=merchant,
            customer=customer,
            channel=channel,
            purpose=purpose,
            granted=False,
            source=source,
            proof=proof,
        )
    return len(allowed)


def language_set(*, customer: Customer, language: str, source: str) -> None:
    """The language that the shop writes to the person in. Raises Rejected for one that it doesn't speak."""
    if language not in dict(settings.LANGUAGES):
        raise Rejected()
    customer_change(customer=customer, source=source, language=language)
