"""Who is told of an export by mail: those who may agree to it, and then who asked. No personal data in it."""

from __future__ import annotations

from django.conf import settings
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.integrations import mail
from crm.lib.ui.formats import number_text

from .models import Export
from .registry import label_of


def requester_name(export: Export) -> str:
    if export.requested_by is not None:
        return str(export.requested_by.user)
    return _("The API key “%(name)s”") % {"name": export.api_key.name} if export.api_key else _("Somebody")


def tell_approvers(export: Export, approvers: QuerySet[Membership]) -> None:
    """Everybody who may agree, in their language; not the requester."""
    maker = export.api_key.created_by_id if export.api_key else None
    for member in approvers.filter(is_active=True).exclude(pk=export.requested_by_id or 0):
        if member.user_id != maker:
            _post(export, member, "exports/mail_waiting.txt", "waiting")


def tell_requester(export: Export) -> None:
    """How it was decided."""
    member = export.requested_by
    if member is not None and member.is_active:
        _post(export, member, "exports/mail_decided.txt", export.state)


def _post(export: Export, member: Membership, template: str, what: str) -> None:
    with translation.override(member.user.language or export.merchant.locale):
        facts = {
            "export": export,
            "merchant": export.merchant,
            "who": requester_name(export),
            "what": label_of(export.kind),
            "rows": number_text(export.rows_asked),
            "link": f"{settings.PUBLIC_URL}{reverse('export_record', args=[export.pk])}",
        }
        subjects = {
            "waiting": _("%(who)s asks to export %(rows)s rows of %(what)s"),
            Export.State.QUEUED: _("Your export of %(rows)s rows of %(what)s is approved"),
            Export.State.REFUSED: _("Your export of %(rows)s rows of %(what)s is refused"),
        }
        mail.post(
            merchant=export.merchant,
            to=member.user.email,
            subject=subjects[what] % facts,
            text=render_to_string(template, facts),
            purpose="export",
            dedupe_key=f"export:{export.pk}:{what}:{export.attempts}:{member.pk}",
        )
