"""Settings → Bounces: the address that mails come back to, and the mailbox behind it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.accounts.routes import StaffRequest
from crm.lib.errors import Rejected
from customers.forms import errors_to_form
from marketing.feedback.forms import BounceMailboxForm
from marketing.feedback.mailbox import fetch
from marketing.feedback.services import bounce_mailbox, bounce_mailbox_save

SHOWN = ("address", "host", "port", "tls", "user")


def bounce_settings(request: StaffRequest) -> HttpResponse:
    """Where bounces arrive, and how the last look went."""
    box = bounce_mailbox(request.merchant)
    initial = {name: getattr(box, name) for name in SHOWN}
    form = BounceMailboxForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            bounce_mailbox_save(merchant=request.merchant, **form.cleaned_data)
        except Rejected as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        else:
            messages.success(request, _("Saved. Mails from now on come back there."))
            return redirect("bounce_settings")
    seen_at = parse_datetime(box.state.get("at", "")) if box.state else None
    context = {"form": form, "box": box, "state": box.state, "seen_at": seen_at}
    status = 422 if form.errors else 200
    return render(request, "marketing/bounce_settings.html", context, status=status)


@require_POST
def bounce_fetch(request: StaffRequest) -> HttpResponse:
    """Looks into the mailbox now. Raises Upstream, with what the server said, when it can't."""
    counted = fetch(merchant=request.merchant)
    said = _("%(taken)s bounces and reports read, %(ignored)s other mails left alone.")
    messages.success(request, said % counted)
    return redirect("bounce_settings")
