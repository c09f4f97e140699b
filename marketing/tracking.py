"""What comes back from a mail: its picture and its links (its way out: marketing/unsubscribing.py).

No address here says where to go or whom to change by itself: tokens are signed and targets are looked up.
"""

from __future__ import annotations

import base64

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.events.types import EventType
from crm.lib.errors import NotFound
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.models import Customer, Metrics
from marketing.campaigns import events
from marketing.engine.compile import render_link
from marketing.engine.errors import RenderError, TemplateError
from marketing.models import Delivery, Engagement, Link
from marketing.sending import tokens
from marketing.sending.context import contexts
from marketing.sending.robots import label_of

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
# Requests kept for one mail: more tell nothing new, and a flood must not fill the table.
KEPT = 50


def delivery_named(kind: bytes, token: str) -> tuple[Delivery, tokens.Named] | None:
    """The mail, with its campaign and customer, and what else the token says; None for one that we did not
    make. Asked outside of every shop's scope."""
    named = tokens.read(kind, token)
    if named is None:
        return None
    with all_merchants(reason="a signed token names the mail; its merchant follows from it"):
        found = Delivery.objects.select_related("campaign", "customer").filter(pk=named.delivery_id).first()
    return (found, named) if found else None


@never_cache
@require_http_methods(["GET", "HEAD"])
def open_pixel(request: HttpRequest, token: str) -> HttpResponse:
    """Always the same picture, whoever asks for whatever."""
    found = delivery_named(tokens.OPEN, token)
    if found:
        delivery, _named = found
        with merchant_scope(delivery.merchant_id):
            _note(request, delivery, Engagement.Kind.OPEN, None)
    response = HttpResponse(PIXEL, content_type="image/gif")
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@never_cache
@require_http_methods(["GET", "HEAD"])
def click_redirect(request: HttpRequest, token: str) -> HttpResponse:
    """To the stored target of the link. Raises NotFound for a token that we did not make."""
    found = delivery_named(tokens.CLICK, token)
    if not found:
        raise NotFound()
    delivery, named = found
    with merchant_scope(delivery.merchant_id):
        link = Link.objects.filter(campaign=delivery.campaign_id, number=named.number).first()
        if link is None:
            raise NotFound()
        target = _target(link, delivery)
        _note(request, delivery, Engagement.Kind.CLICK, link)
    response = HttpResponseRedirect(target)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def _target(link: Link, delivery: Delivery) -> str:
    """The address with this customer's values; the host alone when they no longer make one."""
    if "{" not in link.target:
        return link.target
    merchant = Merchant.objects.get(pk=delivery.merchant_id)
    known = contexts(merchant=merchant, customer_ids=[delivery.customer_id]).get(delivery.customer_id, {})
    try:
        return render_link(link.target, known)
    except (RenderError, TemplateError):
        return link.target.partition("{")[0]


@transaction.atomic
def _note(request: HttpRequest, delivery: Delivery, kind: str, link: Link | None) -> None:
    """Keeps the request; the first one by a person marks the mail, the customer's figures and the timeline.
    Of an erased person nothing is kept."""
    locked = Delivery.objects.select_for_update(of=("self",)).get(pk=delivery.pk)
    if Customer.objects.filter(pk=locked.customer_id, erased_at__isnull=False).exists():
        return  # asked behind the lock: an erasure that went through meanwhile is seen
    now = timezone.now()
    agent = request.headers.get("User-Agent", "")
    purpose = " ".join(
        request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
    )
    label = label_of(
        kind=kind,
        method=request.method or "",
        user_agent=agent,
        purpose=purpose,
        # Of a mail in doubt only the handing over is known.
        sent_at=locked.sent_at or locked.sending_at,
        now=now,
    )
    if Engagement.objects.filter(delivery=locked).count() < KEPT:
        Engagement.objects.create(
            merchant_id=locked.merchant_id,
            delivery=locked,
            link=link,
            kind=kind,
            label=label,
            user_agent=agent[:200],
            at=now,
        )
    if not label:
        _count(locked, delivery.campaign.name, kind, link)


def _count(delivery: Delivery, campaign_name: str, kind: str, link: Link | None) -> None:
    now = timezone.now()
    clicked = kind == Engagement.Kind.CLICK
    facts = {"campaign": campaign_name, "campaign_id": delivery.campaign_id, "delivery_id": delivery.pk}
    changed = []
    if delivery.opened_at is None:  # who clicks has opened, whatever pictures were blocked
        delivery.opened_at = now
        changed.append("opened_at")
        _tell(delivery, events.MAIL_OPENED, facts)
    if clicked and delivery.clicked_at is None:
        delivery.clicked_at = now
        changed.append("clicked_at")
        _tell(delivery, events.MAIL_CLICKED, facts | {"link": link.target if link else ""})
    if changed:
        delivery.save(update_fields=changed)
    figures = {"last_opened_at": now} | ({"last_clicked_at": now} if clicked else {})
    Metrics.objects.filter(customer=delivery.customer_id).update(**figures)


def _tell(delivery: Delivery, kind: EventType, facts: dict[str, object]) -> None:
    emit(
        kind,
        merchant=delivery.merchant_id,
        customer=delivery.customer_id,
        subject=delivery.campaign,
        data=facts,
        dedupe_key=f"delivery:{delivery.pk}",
    )
