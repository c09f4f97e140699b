"""The way out of a mail: by its link, and by the mail program's own button (RFC 8058).

The token is signed. A GET changes no consent however often it is asked (scanners ask every link several
times); a plain POST always withdraws it.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from crm.accounts.models import Merchant
from crm.lib.errors import Conflict, NotFound
from crm.lib.tenancy import merchant_scope
from customers.consent import consent_now
from customers.models import Customer
from customers.models.consent import Channel, Purpose
from customers.preferences.choosing import preference_set
from customers.preferences.links import preferences_url
from customers.preferences.portal import masked
from customers.preferences.switches import open_requests
from customers.proofs import proof_of, proof_of_leaving
from customers.wordings.selectors import wording_now
from marketing.leaving import delivery_leave, named
from marketing.models import Delivery
from marketing.sending import tokens
from marketing.tracking import delivery_named


@csrf_exempt  # the signed token is the proof: a mail program posts here by itself (RFC 8058)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the page and changes nothing; POST withdraws the consent to marketing mail, once, or with
    `action=again` gives it back to the text on the page (409 with the new one when it has changed, or when
    the shop writes to another address by now).

    Raises NotFound for a token that we did not make.
    """
    found = delivery_named(tokens.UNSUBSCRIBE, token)
    if not found:
        raise NotFound()
    delivery, _named = found
    merchant = Merchant.objects.get(pk=delivery.merchant_id)
    with merchant_scope(merchant), translation.override(_language(request, merchant)):
        status = 200
        if request.method == "POST" and request.POST.get("action") == "again":
            status = _take_back(request, merchant, delivery)
        elif request.method == "POST":
            delivery_leave(
                merchant=merchant,
                delivery=delivery,
                source="unsubscribe",
                proof=proof_of_leaving(request),
                user_agent=request.headers.get("User-Agent", "")[:200],
            )
        page = _page(merchant, delivery) | {"acted": request.method == "POST"}
        return render(request, "marketing/unsubscribe.html", page, status=status)


@csrf_exempt  # a mail program posts here by itself, too
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_test(request: HttpRequest) -> HttpResponse:
    """Where the links of a test lead: it says so and changes nothing, however it is asked."""
    return render(request, "marketing/unsubscribe_test.html")


def _language(request: HttpRequest, merchant: Merchant) -> str:
    """What the browser asks for if it asks, else the shop's."""
    return (
        translation.get_language_from_request(request)
        if request.headers.get("Accept-Language")
        else merchant.locale
    )


def _page(merchant: Merchant, delivery: Delivery) -> dict[str, object]:
    language = translation.get_language() or merchant.locale
    reader = delivery.reader
    # The ledger of an erased person stays; nothing is sent to them whatever it says.
    allowed = reader.erased_at is None and consent_now(customer=reader, channel=Channel.EMAIL) is True
    can_allow = not allowed and _is_theirs(delivery, reader)
    return {
        "shop": merchant,
        "allowed": allowed,
        "address": masked(delivery.address),
        "preferences_url": _preferences(merchant, delivery),
        "wording": wording_now(merchant, Channel.EMAIL, Purpose.MARKETING, language) if can_allow else None,
        "waits": can_allow and (Channel.EMAIL, Purpose.MARKETING) in open_requests(reader.pk),
    }


def _is_theirs(delivery: Delivery, reader: Customer) -> bool:
    """Whether the next mail would go where this one went: a yes from one address is none for another."""
    return bool(delivery.address) and reader.email == delivery.address


def _preferences(merchant: Merchant, delivery: Delivery) -> str:
    """The link to everything else they may choose; "" for a mail whose address had its time."""
    if not delivery.address:
        return ""
    return preferences_url(delivery.customer_id, merchant, delivery.address)


def _take_back(request: HttpRequest, merchant: Merchant, delivery: Delivery) -> int:
    """The page's status. As on the preference page: where the shop has a yes confirmed by mail, this one
    too."""
    reader = delivery.reader
    if not _is_theirs(delivery, reader):
        return 409
    try:
        preference_set(
            merchant=merchant,
            customer=reader,
            channel=Channel.EMAIL,
            purpose=Purpose.MARKETING,
            granted=True,
            source="resubscribe",
            digest=request.POST.get("wording", ""),
            proof={**named(delivery), **proof_of(request)},
        )
    except Conflict as changed:
        messages.error(request, str(changed.message))
        return changed.status
    return 200
