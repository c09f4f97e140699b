"""The frame that shows a mail: as a customer gets it, in the dark, as plain text, with its clicks."""

from __future__ import annotations

from typing import Any

from csp.decorators import csp_replace
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.html import escape, format_html
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from crm.accounts.models import Membership
from crm.accounts.routes import StaffRequest, View
from crm.lib.errors import Rejected
from crm.lib.ui.formats import number_text, percent_text
from customers.models import Customer
from customers.searching import customer_ids_found
from marketing.campaigns import selectors, testing, texts
from marketing.campaigns.dressing import Badge, darkened, with_badges, with_inbox_line
from marketing.models import Campaign, Template
from marketing.models.template import Content
from marketing.sending.content import Written, written_as

# The frame holds a mail, that is a stranger's HTML: no script, no form, no origin; pictures and styles only.
FRAME = {
    "default-src": ["'none'"],
    "script-src": ["'none'"],
    "connect-src": ["'none'"],
    "frame-src": ["'none'"],
    "form-action": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["https:", "http:", "data:"],
    "font-src": ["https:"],
    "frame-ancestors": ["'self'"],
    "sandbox": ["allow-popups"],
}


def framed(view: View) -> View:
    """The answer may stand in a frame of this site and can do nothing there."""
    locked: Any = csp_replace(FRAME)(view)
    shown: View = xframe_options_sameorigin(locked)
    return shown


@require_GET
@framed
def campaign_preview(request: StaffRequest, pk: int) -> HttpResponse:
    """`?version=` in the words of that version; with `?links=1` each link says how many people clicked it."""
    campaign = get_object_or_404(Campaign.objects.all(), pk=pk)
    if not campaign.is_mail:
        return _text_frame(request, campaign)
    written = written_as(campaign, request.GET.get("version", ""))
    if request.GET.get("links") == "1" and campaign.has_started and campaign.tracks:
        return _click_map(request, campaign, written)
    return _frame(request, written.campaign)


@require_GET
@framed
def template_preview(request: StaffRequest, pk: int) -> HttpResponse:
    return _frame(request, get_object_or_404(Template.objects.all(), pk=pk))


def _frame(request: StaffRequest, content: Content) -> HttpResponse:
    """The mail as `?customer=` would get it; `?part=text` the plain text, `?part=dark` as in the dark; or
    what is wrong, in words."""
    asked = request.GET.get("customer", "").strip()
    customer = customer_asked(request.membership, asked)
    try:
        seen = testing.preview(merchant=request.merchant, source=content, customer=customer)
    except Rejected as error:
        return HttpResponse(f"<!doctype html><title>·</title><pre>{escape(error.message)}</pre>")
    whom = _whom(customer, asked)
    part = request.GET.get("part")
    if part == "text":
        page = format_html("<!doctype html><title>·</title><body><pre>{}</pre></body>", seen.text)
        return HttpResponse(with_inbox_line(page, seen.subject, whom))
    shown = darkened(seen.html) if part == "dark" else seen.html
    return HttpResponse(with_inbox_line(shown, seen.subject, whom))


def _text_frame(request: StaffRequest, campaign: Campaign) -> HttpResponse:
    """An SMS or WeChat message as `?customer=` would get it."""
    asked = request.GET.get("customer", "").strip()
    customer = customer_asked(request.membership, asked)
    try:
        shown = texts.page(
            merchant=request.merchant, campaign=campaign, customer=customer, whom=_whom(customer, asked)
        )
    except Rejected as error:
        return HttpResponse(f"<!doctype html><title>·</title><pre>{escape(error.message)}</pre>")
    return HttpResponse(shown)


def _whom(customer: Customer | None, asked: str) -> str:
    if customer is not None:
        return _("as %(name)s gets it") % {"name": customer}
    if asked:
        return _("nobody is found by “%(asked)s”; as an invented person gets it") % {"asked": asked[:60]}
    return _("as an invented person gets it")


def customer_asked(membership: Membership, asked: str) -> Customer | None:
    """The customer with that id, or the first one found by a name or address, whom the member sees."""
    people = Customer.objects.present().visible_to(membership)
    if asked.isdecimal() and len(asked) < 19:
        return people.filter(pk=int(asked)).first()
    found = customer_ids_found(asked, limit=20) if asked else []
    return people.filter(pk__in=found).order_by("pk").first()


def _click_map(request: StaffRequest, campaign: Campaign, written: Written) -> HttpResponse:
    try:
        html, numbers = testing.numbered(merchant=request.merchant, written=written)
    except Rejected as error:
        return HttpResponse(f"<!doctype html><title>·</title><pre>{escape(error.message)}</pre>")
    everything = selectors.clicks(campaign, request.membership)
    clicked = {number: people for number, people in everything.items() if number in numbers}
    most, everybody = max(clicked.values(), default=0), sum(clicked.values())
    badges = [
        Badge(
            number,
            f"{number_text(people)} · {percent_text(people / everybody)}" if everybody else "0",
            people / most if most else 0.0,
        )
        for number, people in clicked.items()
    ]
    return HttpResponse(with_badges(html, badges))
