"""Staff pages of templates, the preview frame, and the shop's sending rules."""

from __future__ import annotations

from typing import Any

from csp.decorators import csp_replace
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from crm.accounts.routes import StaffRequest, View
from crm.lib import listing
from crm.lib.errors import Rejected
from crm.lib.keyset import count_of, keyset_page
from customers.models import Customer
from customers.searching import customer_ids_found
from marketing.campaigns import services, testing
from marketing.campaigns.forms import PolicyForm, TemplateForm
from marketing.campaigns.starters import starter_of
from marketing.models import Campaign, Template
from marketing.models.template import Content
from marketing.sending.checking import policy_of
from marketing.sending.context import variables

ORDER = ("-updated_at", "-pk")
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
def template_list(request: StaffRequest) -> HttpResponse:
    asked = listing.read(request.GET, request.path, ())
    rows = Template.objects.filter(archived_at__isnull=True)
    if asked.search:
        rows = rows.filter(name__icontains=asked.search)
    page = keyset_page(rows, order=ORDER, after=asked.after)
    counted = count_of(rows)
    context = {
        "listing": asked,
        "rows": page.rows,
        "total": listing.count_text(counted.number, counted.exact),
        "more": asked.more(page.after),
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(
        request, f"marketing/{'_template_list_results' if fragment else 'template_list'}.html", context
    )


def template_create(request: StaffRequest) -> HttpResponse:
    return _maker(request, None)


def template_edit(request: StaffRequest, pk: int) -> HttpResponse:
    return _maker(request, get_object_or_404(Template.objects.filter(archived_at__isnull=True), pk=pk))


def _maker(request: StaffRequest, template: Template | None) -> HttpResponse:
    form = TemplateForm(request.POST or None, instance=template or starter_of(request.merchant))
    if request.method == "POST" and form.is_valid():
        saved = services.template_save(
            merchant=request.merchant, template=template, values=form.cleaned_data, actor=request.membership
        )
        messages.success(request, _("Saved."))
        return redirect("template_edit", saved.pk)
    context = {
        "form": form,
        "template": template,
        "variables": variables(),
        "stamp": int(timezone.now().timestamp() * 1000),
    }
    return render(request, "marketing/template_maker.html", context, status=422 if form.errors else 200)


@require_POST
def template_archive(request: StaffRequest, pk: int) -> HttpResponse:
    services.template_archive(template=get_object_or_404(Template.objects.all(), pk=pk))
    messages.success(request, _("The template is put away. Campaigns made from it keep their copy."))
    return redirect("template_list")


@require_GET
@framed
def campaign_preview(request: StaffRequest, pk: int) -> HttpResponse:
    return _frame(request, get_object_or_404(Campaign.objects.all(), pk=pk))


@require_GET
@framed
def template_preview(request: StaffRequest, pk: int) -> HttpResponse:
    return _frame(request, get_object_or_404(Template.objects.all(), pk=pk))


def _frame(request: StaffRequest, content: Content) -> HttpResponse:
    """The mail as `?customer=` would get it; `?part=text` the plain text; or what is wrong, in words."""
    customer = _wanted(request)
    try:
        seen = testing.preview(merchant=request.merchant, source=content, customer=customer)
    except Rejected as error:
        return HttpResponse(f"<!doctype html><title>·</title><pre>{escape(error.message)}</pre>")
    if request.GET.get("part") == "text":
        return HttpResponse(f"<!doctype html><title>·</title><pre>{escape(seen.text)}</pre>")
    return HttpResponse(seen.html)


def _wanted(request: StaffRequest) -> Customer | None:
    """The customer whose id was asked for, or the first one found by a name or address."""
    asked = request.GET.get("customer", "").strip()
    people = Customer.objects.present().visible_to(request.membership)
    if asked.isdecimal() and len(asked) < 19:
        return people.filter(pk=int(asked)).first()
    found = customer_ids_found(asked, limit=20) if asked else []
    return people.filter(pk__in=found).order_by("pk").first()


def sending_rules(request: StaffRequest) -> HttpResponse:
    form = PolicyForm(request.POST or None, instance=policy_of(request.merchant))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved. The rules hold from the next mail on."))
        return redirect("sending_rules")
    return render(request, "marketing/sending_rules.html", {"form": form}, status=422 if form.errors else 200)
