"""Settings: mail that must arrive, and how it fared. Bodies are not shown: they hold codes."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from crm.accounts.routes import StaffRequest
from crm.integrations.models import OutboundMail
from crm.lib.keyset import keyset_page
from crm.lib.masking import mask_email

TONES = {OutboundMail.State.QUEUED: "info", OutboundMail.State.SENT: "good", OutboundMail.State.FAILED: "bad"}

PURPOSES = {
    "invitation": _("Invitation to the team"),
    "portal_code": _("Sign-in code"),
    "return": _("News of a return"),
    "reminder": _("Reminder of a task"),
    "mention": _("Mention in a note"),
    "erasure_asked": _("Request to be erased"),
    "review_request": _("Request for a review"),
    "ticket_answer": _("Answer to a ticket"),
    "ticket_receipt": _("Receipt of a message"),
    "webhook_disabled": _("Webhook switched off"),
}


def outbox(request: StaffRequest) -> HttpResponse:
    page = keyset_page(
        OutboundMail.objects.defer("text", "html"), order=["-id"], after=request.GET.get("after", "")
    )
    full = request.membership.can("customers.pii")
    rows = [
        (mail, mail.to if full else mask_email(mail.to), PURPOSES.get(mail.purpose, mail.purpose))
        for mail in page.rows
    ]
    more = f"{request.path}?after={page.after}" if page.after else ""
    fragment = request.headers.get("HX-Request") and request.GET.get("after")
    template = "integrations/_mail_rows.html" if fragment else "integrations/outbox.html"
    return render(request, template, {"rows": rows, "more": more, "tones": TONES})
