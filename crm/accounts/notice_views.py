"""The bell and its list."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.models import Notice
from crm.accounts.notices import MOST_SHOWN, notices_of, notices_read
from crm.accounts.routes import StaffRequest
from crm.lib.errors import NotFound


@require_safe
def notice_list(request: StaffRequest) -> HttpResponse:
    """The newest hundred."""
    rows = list(notices_of(request.membership)[:MOST_SHOWN])
    return render(request, "accounts/notice_list.html", {"notices": rows})


@require_safe
def notice_bell(request: StaffRequest) -> HttpResponse:
    """The bell with its count, anew."""
    return render(request, "components/_bell.html")


@require_POST
def notice_open(request: StaffRequest, notice_id: int) -> HttpResponse:
    """Reads one and goes where it leads."""
    notice = Notice.objects.filter(member=request.membership, pk=notice_id).first()
    if notice is None:
        raise NotFound()
    notices_read(member=request.membership, ids=[notice.pk])
    return HttpResponseRedirect(notice.href)


@require_POST
def notice_read_all(request: StaffRequest) -> HttpResponse:
    notices_read(member=request.membership)
    return redirect("notice_list")
