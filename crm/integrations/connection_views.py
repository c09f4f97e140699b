"""Settings: connections, what each has sent, and the way to mend it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from crm.accounts.routes import StaffRequest
from crm.integrations import connecting
from crm.integrations.catalog import MESSENGERS, STORES, adapter_of
from crm.integrations.forms import ConnectionForm
from crm.integrations.messengers.base import Messenger
from crm.integrations.messengers.providers import LOGIN
from crm.integrations.models import Connection, InboundHook
from crm.lib.errors import CrmError
from crm.lib.forms import blame
from crm.lib.keyset import keyset_page
from crm.lib.ui.parts import Tab

# Enough to see what a store sent; the whole body may have megabytes.
SHOWN_CHARS = 20_000
TROUBLE = (InboundHook.State.FAILED, InboundHook.State.REFUSED)


def connection_list(request: StaffRequest) -> HttpResponse:
    trouble = Count("hooks", filter=Q(hooks__state__in=TROUBLE))
    connections = Connection.objects.annotate(trouble=trouble).order_by("created_at")
    rows = [(connection, adapter_of(connection.platform)) for connection in connections]
    context = {
        "rows": [row for row in rows if not row[0].channel],
        "carriers": [row for row in rows if row[0].channel],
        "stores": STORES.values(),
        "channels": carriers_by_channel(),
    }
    return render(request, "integrations/connection_list.html", context)


def carriers_by_channel() -> list[tuple[str, list[Messenger]]]:
    """(channel's name, carriers by their own name)."""
    by_name = sorted(MESSENGERS.values(), key=lambda one: str(one.label).casefold())
    return [
        (str(channel.label), [one for one in by_name if one.channel == channel.value])
        for channel in Connection.Channel
    ]


@never_cache
def connection_create(request: StaffRequest, platform: str) -> HttpResponse:
    adapter = adapter_of(platform)
    form = ConnectionForm(
        request.POST if request.method == "POST" else None, adapter=adapter, initial={"name": adapter.label}
    )
    if request.method == "POST" and form.is_valid():
        try:
            connection = connecting.connection_create(
                merchant=request.merchant,
                platform=platform,
                name=form.cleaned_data["name"],
                values=form.values(),
                actor=request.user,
            )
        except CrmError as error:
            blame(form, error)
        else:
            messages.success(request, _("Connected. Now tell the other side where to send its hooks."))
            return redirect("connection_detail", connection.pk)
    context = {"form": form, "adapter": adapter, "is_carrier": platform in MESSENGERS}
    status = 422 if form.errors else 200
    return render(request, "integrations/connection_create.html", context, status=status)


@never_cache
def connection_detail(request: StaffRequest, pk: int) -> HttpResponse:
    """Address and secret to paste, how it stands, and the last deliveries."""
    connection = get_object_or_404(Connection, pk=pk)
    adapter = adapter_of(connection.platform)
    secrets = connection.secrets()
    may_edit = request.membership.can("integrations.edit")
    shown = [
        (one.label, secrets.get(one.name, ""))
        for one in adapter.fields
        if one.generated and one.name != LOGIN
    ]
    context = {
        "connection": connection,
        "adapter": adapter,
        "hook_urls": connecting.hook_urls(connection) if may_edit or not connection.channel else [],
        "shown_secrets": shown if may_edit else [],
        "sends": bool(connection.channel) and MESSENGERS[connection.platform].sends,
        "can_fetch": not connection.channel and connecting.can_fetch(secrets),
        **_hooks(request, connection),
    }
    fragment = request.headers.get("HX-Request") and request.GET.get("after")
    template = "integrations/_hook_rows.html" if fragment else "integrations/connection_detail.html"
    return render(request, template, context)


def connection_hooks(request: StaffRequest, pk: int) -> HttpResponse:
    """The deliveries alone, for the page that is open."""
    connection = get_object_or_404(Connection, pk=pk)
    return render(request, "integrations/_hook_rows.html", _hooks(request, connection))


def _hooks(request: StaffRequest, connection: Connection | None) -> dict[str, Any]:
    hooks = InboundHook.objects.select_related("connection").defer("body")
    if connection is not None:
        hooks = hooks.filter(connection=connection)
    if request.GET.get("show") == "trouble":
        hooks = hooks.filter(state__in=TROUBLE)
    page = keyset_page(hooks, order=["-id"], after=request.GET.get("after", ""))
    query = request.GET.copy()
    query["after"] = page.after
    more = f"{request.path}?{query.urlencode()}" if page.after else ""
    return {"hooks": page.rows, "more": more, "tones": TONES, "trouble": TROUBLE}


TONES = {
    InboundHook.State.PENDING: "info",
    InboundHook.State.FAILED: "warn",
    InboundHook.State.DONE: "good",
    InboundHook.State.IGNORED: "none",
    InboundHook.State.REFUSED: "bad",
}


def hook_list(request: StaffRequest) -> HttpResponse:
    """Everything stores and carriers sent, of all connections."""
    trouble = request.GET.get("show") == "trouble"
    tabs = [
        Tab(_("All"), request.path, not trouble),
        Tab(_("Trouble"), f"{request.path}?show=trouble", trouble),
    ]
    context = {"tabs": tabs, "with_connection": True, **_hooks(request, None)}
    fragment = request.headers.get("HX-Request") and request.GET.get("after")
    template = "integrations/_hook_rows.html" if fragment else "integrations/hook_list.html"
    return render(request, template, context)


@never_cache
def hook_detail(request: StaffRequest, pk: int) -> HttpResponse:
    """One delivery with its body, in the side panel. The body names people: who looked stands in the audit
    log before it is sent."""
    hook = get_object_or_404(InboundHook.objects.select_related("connection"), pk=pk)
    text = bytes(hook.body).decode("utf-8", "replace")
    if text:
        connecting.reveal_note(merchant=request.merchant, subject=hook, field="hook")
    context = {
        "hook": hook,
        "text": text[:SHOWN_CHARS],
        "cut": len(text) > SHOWN_CHARS,
        "tone": TONES[InboundHook.State(hook.state)],
    }
    return render(request, "integrations/_hook.html", context)


@never_cache
def connection_edit(request: StaffRequest, pk: int) -> HttpResponse:
    connection = get_object_or_404(Connection, pk=pk)
    adapter = adapter_of(connection.platform)
    open_fields = {one.name for one in adapter.fields if not one.secret}
    shown = {name: value for name, value in connection.secrets().items() if name in open_fields}
    form = ConnectionForm(
        request.POST if request.method == "POST" else None,
        adapter=adapter,
        changing=True,
        initial={"name": connection.name, **shown},
    )
    if request.method == "POST" and form.is_valid():
        connecting.connection_change(
            connection=connection, name=form.cleaned_data["name"], values=form.values()
        )
        messages.success(request, _("Saved."))
        return redirect("connection_detail", connection.pk)
    context = {"form": form, "adapter": adapter, "connection": connection}
    status = 422 if form.errors else 200
    return render(request, "integrations/connection_edit.html", context, status=status)


@require_POST
def connection_pause(request: StaffRequest, pk: int) -> HttpResponse:
    connecting.connection_pause(connection=get_object_or_404(Connection, pk=pk))
    messages.success(request, _("Paused. What comes in is kept and waits."))
    return redirect("connection_detail", pk)


@require_POST
def connection_resume(request: StaffRequest, pk: int) -> HttpResponse:
    connecting.connection_resume(connection=get_object_or_404(Connection, pk=pk))
    messages.success(request, _("Resumed. What waited is worked now."))
    return redirect("connection_detail", pk)


@require_POST
def connection_default(request: StaffRequest, pk: int) -> HttpResponse:
    connecting.connection_make_default(connection=get_object_or_404(Connection, pk=pk))
    messages.success(request, _("The shop sends by this connection from now on."))
    return redirect("connection_detail", pk)


@require_POST
def connection_fetch(request: StaffRequest, pk: int) -> HttpResponse:
    connecting.connection_fetch(connection=get_object_or_404(Connection, pk=pk))
    messages.success(request, _("Fetching has begun; orders appear here as they come."))
    return redirect("connection_detail", pk)


@require_POST
def connection_delete(request: StaffRequest, pk: int) -> HttpResponse:
    connecting.connection_delete(connection=get_object_or_404(Connection, pk=pk))
    messages.success(request, _("Removed. What came through it stays."))
    return redirect("connection_list")


@require_POST
def hook_retry(request: StaffRequest, pk: int) -> HttpResponse:
    hook = get_object_or_404(InboundHook, pk=pk)
    connecting.hook_retry(hook=hook)
    messages.success(request, _("It will be worked again within a minute."))
    return redirect("connection_detail", hook.connection_id)
