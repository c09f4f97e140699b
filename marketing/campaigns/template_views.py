"""Staff pages of templates and the shop's sending rules."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.accounts.routes import StaffRequest
from crm.lib import listing
from crm.lib.keyset import count_of, keyset_page
from marketing.campaigns import services
from marketing.campaigns.forms import PolicyForm, TemplateForm
from marketing.campaigns.rules import rules_save
from marketing.campaigns.starters import starter_of
from marketing.models import Template
from marketing.sending.checking import policy_of
from marketing.sending.context import variables

ORDER = ("-updated_at", "-pk")


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


def sending_rules(request: StaffRequest) -> HttpResponse:
    form = PolicyForm(request.POST or None, instance=policy_of(request.merchant))
    if request.method == "POST" and form.is_valid():
        rules_save(merchant=request.merchant, values=form.cleaned_data)
        messages.success(request, _("Saved. The rules hold from the next mail on."))
        return redirect("sending_rules")
    return render(request, "marketing/sending_rules.html", {"form": form}, status=422 if form.errors else 200)
