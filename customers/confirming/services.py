"""Asking the owner of an address to confirm, and what the confirmation changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.integrations import mail
from crm.lib.crypto import sign, unsign
from crm.lib.errors import Conflict, Rejected, TooMany
from customers import events
from customers.consent import consent_record, customer_locked, requests_end
from customers.models import Consent, ConsentRequest, ConsentWording, Customer
from customers.models.wording import Channel, Purpose
from customers.wordings.services import consent_settings

VALID = timedelta(days=7)
# Pressing twice, or a form sent twice, is one mail.
AGAIN_AFTER = timedelta(minutes=10)
# Yes, no and yes again: whoever has the link of a forwarded mail must not fill its owner's mailbox.
MOST_A_DAY = 5
TOKEN = "customers.consent-confirm"
# In the proof of a question: the label of a text that lies elsewhere.
WORDING_VERSION = "wording_version"


def has_to_confirm(channel: str, purpose: str) -> bool:
    """Whether this shop has a yes of this kind confirmed by mail. One query."""
    asks = (channel, purpose) == (Channel.EMAIL, Purpose.MARKETING)
    return asks and consent_settings().double_opt_in


@transaction.atomic
def confirmation_ask(
    *,
    merchant: Merchant,
    customer: Customer,
    source: str,
    purpose: str = Purpose.MARKETING,
    wording: ConsentWording | None = None,
    language: str = "",
    proof: dict[str, Any] | None = None,
) -> ConsentRequest:
    """The question that waits now, and a mail with its link on the way, unless one left within ten minutes.

    Nothing is allowed by it. Locks the customer's row. Raises Rejected for somebody without an address,
    TooMany beyond five mails a day.
    """
    customer = customer_locked(customer.pk)
    if not customer.email:
        words = _("There is no e-mail address to send the question to.")
        raise Rejected(words, code="no_address", fields={"customer": [words]})
    now = timezone.now()
    same = {"customer": customer, "channel": Channel.EMAIL, "purpose": purpose}
    waiting = ConsentRequest.objects.filter(**same, confirmed_at=None, cancelled_at=None).first()
    if waiting is not None:
        if waiting.address == customer.email and now - waiting.asked_at < AGAIN_AFTER:
            return waiting
        requests_end(customer_id=customer.pk, channel=Channel.EMAIL, purpose=purpose)
    lately = ConsentRequest.objects.filter(customer=customer, asked_at__gt=now - timedelta(days=1))
    if lately.count() >= MOST_A_DAY:
        raise TooMany()
    request = ConsentRequest.objects.create(
        merchant=merchant,
        **same,
        address=customer.email,
        wording=wording,
        source=source,
        proof=proof or {},
        asked_at=now,
        expires_at=now + VALID,
    )
    data = {"channel": Channel.EMAIL, "purpose": purpose, "source": source}
    emit(events.CONSENT_ASKED, merchant=merchant, customer=customer, subject=request, data=data)
    _post(merchant, request, language or customer.language or merchant.locale)
    return request


def _post(merchant: Merchant, request: ConsentRequest, language: str) -> None:
    known = language if language in dict(settings.LANGUAGES) else merchant.locale
    with translation.override(known):
        facts = {"shop": merchant, "text": request.wording.text if request.wording else "",
                 "days": VALID.days, "link": confirmation_url(request, merchant)}  # fmt: skip
        mail.post(
            merchant=merchant,
            to=request.address,
            purpose="consent_confirm",
            subject=_("Please confirm: mail from %(shop)s") % {"shop": merchant.name},
            text=render_to_string("portal/mail/confirm.txt", facts),
            html=render_to_string("portal/mail/confirm.html", facts),
            dedupe_key=f"consent-confirm:{request.pk}",
            expires_at=request.expires_at,
        )


def confirmation_url(request: ConsentRequest, merchant: Merchant) -> str:
    token = sign([merchant.pk, request.pk], purpose=TOKEN)
    return f"{settings.PUBLIC_URL}{reverse('portal_confirm', args=[merchant.slug, token])}"


def request_named(token: str, merchant: Merchant) -> ConsentRequest | None:
    """The question that the token was signed for; None for anything that this shop didn't sign within the
    last seven days."""
    try:
        named = unsign(token, purpose=TOKEN, max_age_seconds=int(VALID.total_seconds()))
    except BadSignature:
        return None
    if not isinstance(named, list) or len(named) != 2 or named[0] != merchant.pk:
        return None
    found = ConsentRequest.objects.select_related("customer", "wording").filter(pk=named[1])
    request: ConsentRequest | None = found.first()
    return request


@transaction.atomic
def confirmation_give(*, request: ConsentRequest, proof: dict[str, Any]) -> Consent | None:
    """The entry of the ledger, whose proof holds both moments; None when it was confirmed already. Locks the
    customer's row.

    Raises Conflict for a question that was taken back or is too old, and when the address isn't the one that
    the person (or who they are now) is written to any more: a yes for one address is none for another.
    """
    customer = customer_locked(request.customer_id)
    asked = (
        ConsentRequest.objects.select_for_update(of=("self",)).select_related("wording").get(pk=request.pk)
    )
    if asked.confirmed_at is not None:
        return None
    same = Consent.objects.filter(customer=customer, channel=asked.channel, purpose=asked.purpose)
    # Also what came by a file, which ends no question: a no that is newer than the yes stands.
    refused = same.filter(granted=False, recorded_at__gte=asked.asked_at).exists()
    moved = customer.erased_at is not None or customer.email != asked.address
    if not asked.is_open or refused or moved:
        raise Conflict(_("This link is too old. Ask for a new one."), code="confirmation_over")
    now = timezone.now()
    asked.confirmed_at = now
    asked.save(update_fields=["confirmed_at"])
    return consent_record(
        merchant=Merchant.objects.get(pk=asked.merchant_id),
        customer=customer,
        channel=asked.channel,
        purpose=asked.purpose,
        granted=True,
        source=asked.source,
        wording=asked.wording,
        wording_version=str(asked.proof.get(WORDING_VERSION, ""))[:40],
        proof={
            "double_opt_in": True,
            "asked": {**asked.proof, "at": asked.asked_at.isoformat()},
            "confirmed": {**proof, "at": now.isoformat()},
        },
    )
