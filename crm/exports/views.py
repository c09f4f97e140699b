"""Exports on pages: who, what, do, show."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.proving import has_proved, prove
from crm.accounts.routes import StaffRequest
from crm.accounts.selectors import actor_names
from crm.lib.errors import Rejected
from crm.lib.ids import row_ids
from crm.lib.ui.parts import Tab

from . import selectors, services
from .files import full_path
from .forms import AskForm, RefuseForm
from .models import Export
from .registry import Ask, exporter_for

# What a browser has marked but not asked for yet lives in its session; older marks make room.
DRAFTS = "export_drafts"
MOST_DRAFTS = 5


@require_safe
def export_list(request: StaffRequest) -> HttpResponse:
    """What waits for me, then my exports; `?whose=all` everybody's, for who oversees them."""
    member = request.membership
    oversees = selectors.oversees(member)
    everybodys = oversees and request.GET.get("whose") == "all"
    page = selectors.export_list(membership=member, everybodys=everybodys, after=request.GET.get("after", ""))
    whose = "?whose=all&" if everybodys else "?"
    context = {
        "rows": [selectors.row_of(one, member) for one in page.rows],
        "more": f"{request.path}{whose}after={page.after}" if page.after else "",
        "everybodys": everybodys,
        "tabs": [
            Tab(_("Mine"), request.path, not everybodys),
            Tab(_("Everybody's"), f"{request.path}?whose=all", everybodys),
        ]
        if oversees
        else [],
    }
    if request.headers.get("HX-Request") == "true":
        return render(request, "exports/_export_rows.html", context)
    context["waiting"] = [selectors.row_of(one, member) for one in selectors.waiting_for(member)]
    return render(request, "exports/export_list.html", context)


@require_POST
def export_prepare(request: StaffRequest) -> HttpResponse:
    """A list's Export button: remembers which rows are meant, then asks for the reason."""
    exporter = exporter_for(request.POST.get("kind", ""))
    services.check_may_ask(exporter, membership=request.membership, key=None)
    ids = row_ids(request.POST.getlist("ids"))
    query = request.POST.get("query", "")
    services.check_extent(query, ids)
    token = secrets.token_urlsafe(8)
    draft = {"kind": exporter.key, "query": query, "ids": ids}
    drafts = dict(list(request.session.get(DRAFTS, {}).items())[1 - MOST_DRAFTS :])
    request.session[DRAFTS] = drafts | {token: draft}
    return redirect(f"{reverse('export_new')}?draft={token}")


@never_cache
def export_new(request: StaffRequest) -> HttpResponseBase:
    """Format and reason, after the password of the last five minutes."""
    token = request.GET.get("draft", "")
    draft = request.session.get(DRAFTS, {}).get(token)
    if draft is None:
        messages.warning(request, _("Choose in a list what to export."))
        return redirect("export_list")
    if not has_proved(request):
        return prove(request, back=request.get_full_path())
    ask = Ask(request.merchant, request.membership, draft["query"], tuple(draft["ids"]))
    exporter = exporter_for(draft["kind"])
    form = AskForm(request.POST or None, formats=exporter.formats())
    if request.method == "POST" and form.is_valid():
        try:
            export = services.export_ask(
                merchant=request.merchant,
                kind=draft["kind"],
                query=ask.query,
                ids=ask.ids,
                membership=request.membership,
                **form.cleaned_data,
            )
        except Rejected as refusal:
            field = next((name for name in refusal.fields if name in form.fields), None)
            form.add_error(field, str(refusal.message))
        else:
            request.session[DRAFTS] = {
                key: one for key, one in request.session[DRAFTS].items() if key != token
            }
            return redirect("export_record", export.pk)
    outlook = selectors.outlook(ask=ask, exporter=exporter, membership=request.membership)
    context = {"form": form, "outlook": outlook, "masked": not request.membership.can("customers.pii")}
    return render(request, "exports/export_new.html", context, status=422 if form.errors else 200)


@require_safe
def export_record(request: StaffRequest, export_id: int) -> HttpResponse:
    """How the export stands; for htmx the part that moves, and the whole page once it moves no more."""
    export = selectors.export_for(membership=request.membership, export_id=export_id)
    context = _record(request, export)
    if request.headers.get("HX-Request") == "true":
        if not (export.is_working or export.is_waiting):
            return HttpResponse(headers={"HX-Refresh": "true"})
        return render(request, "exports/_export_standing.html", context)
    return render(request, "exports/export_record.html", context)


def _record(request: StaffRequest, export: Export) -> dict[str, Any]:
    mine = export.requested_by_id == request.membership.pk
    return {
        "export": export,
        "row": selectors.row_of(export, request.membership),
        "story": selectors.story(export, actor_names),
        "mine": mine,
        "may_download": export.is_ready and (mine or export.approver_id == request.membership.pk),
        "may_withdraw": export.state in (Export.State.WAITING, *Export.WORKING, Export.State.READY)
        and (mine or selectors.oversees(request.membership)),
        "refuse_form": RefuseForm(),
        "percent": min(100, round(100 * export.rows / export.rows_asked)) if export.rows_asked else 0,
    }


@require_POST
def export_approve(request: StaffRequest, export_id: int) -> HttpResponseBase:
    export = selectors.export_for(membership=request.membership, export_id=export_id)
    services.check_may_decide(export, request.membership)
    if not has_proved(request):
        return prove(request, back=reverse("export_record", args=[export.pk]))
    services.export_approve(export=export, membership=request.membership)
    messages.success(request, _("Approved. The file is being written."))
    return redirect("export_record", export.pk)


@require_POST
def export_refuse(request: StaffRequest, export_id: int) -> HttpResponse:
    export = selectors.export_for(membership=request.membership, export_id=export_id)
    services.export_refuse(export=export, membership=request.membership, why=request.POST.get("why", ""))
    messages.success(request, _("Refused. Who asked is told."))
    return redirect("export_record", export.pk)


@require_POST
def export_withdraw(request: StaffRequest, export_id: int) -> HttpResponse:
    """By who asked, and by who oversees exports: an approval can be taken back."""
    export = selectors.export_for(membership=request.membership, export_id=export_id)
    services.export_withdraw(export=export)
    messages.success(request, _("Withdrawn. There is no file any more."))
    return redirect("export_record", export.pk)


@require_safe
def export_download(request: StaffRequest, export_id: int) -> HttpResponseBase:
    """The file itself. That it was taken is committed before its first byte leaves."""
    export = selectors.export_for(membership=request.membership, export_id=export_id)
    if request.method == "HEAD":  # nothing leaves, nothing is written down
        return HttpResponse()
    return file_response(services.export_fetch(export=export, membership=request.membership))


def file_response(export: Export) -> FileResponse:
    day = timezone.localtime(export.created_at, export.merchant.zone).strftime("%Y-%m-%d")
    name = f"{export.kind}-{day}-{export.pk}.{export.format}"
    try:
        file = full_path(export.file_path).open("rb")
    except FileNotFoundError as error:  # its end came in this very moment, or its disk is gone
        raise services.no_file() from error
    response = FileResponse(file, as_attachment=True, filename=name)
    response["Cache-Control"] = "private, no-store"
    response["X-Accel-Buffering"] = "no"
    return response
