"""What comes back from a mail: its picture and its links (its way out: marketing/unsubscribing.py).

No address here says where to go or whom to change by itself: tokens are signed and targets are looked up.
"""

from __future__ import annotations

import base64

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from crm.accounts.models import Merchant
from crm.lib.errors import NotFound
from crm.lib.tenancy import all_merchants, merchant_scope
from marketing.engine.compile import render_link
from marketing.engine.errors import RenderError, TemplateError
from marketing.looks import look_note
from marketing.models import Delivery, Engagement, Link
from marketing.sending import tokens
from marketing.sending.context import contexts

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


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
            look_note(request=request, delivery=delivery, kind=Engagement.Kind.OPEN)
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
        look_note(request=request, delivery=delivery, kind=Engagement.Kind.CLICK, link=link)
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
