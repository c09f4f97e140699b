"""Writing a new version of a text, keeping the one that was used, and how the shop asks."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.actor import current_actor
from crm.events.emitting import emit
from crm.lib.errors import Rejected
from customers import events
from customers.models import ConsentSettings, ConsentWording
from customers.wordings.house import asked_about, languages
from customers.wordings.selectors import wording_now

LONGEST_TEXT = 4_000


@transaction.atomic
def wording_write(
    *,
    merchant: Merchant,
    channel: str,
    purpose: str,
    language: str,
    text: str,
    valid_from: datetime | None = None,
) -> ConsentWording:
    """The new version; those before it stay as they are, and so do the answers that rest on them.

    `valid_from` is when pages begin to show it, at once when None. Raises Rejected for an empty text, one
    that is read already, a beginning in the past, or a way that nothing is asked by.
    """
    if (purpose, channel) not in asked_about() or language not in dict(languages()):
        raise Rejected(_("Nothing is asked in this way."), code="unknown_wording")
    text = text.replace("\r\n", "\n").strip()
    if not text or len(text) > LONGEST_TEXT:
        words = _("Write what people agree to, in at most %(n)s characters.") % {"n": LONGEST_TEXT}
        raise Rejected(words, fields={"text": [words]})
    now = timezone.now()
    if valid_from is not None and valid_from < now:
        words = _("What people read in the past can't be changed.")
        raise Rejected(words, fields={"valid_from": [words]})
    _lock(merchant)
    current = wording_now(merchant, channel, purpose, language)
    if current is not None and current.language == language and current.text == text and current.created_by:
        words = _("This is what people read already.")
        raise Rejected(words, fields={"text": [words]})
    wording = ConsentWording(
        merchant=merchant,
        channel=channel,
        purpose=purpose,
        language=language,
        version=_next_version(channel, purpose, language),
        text=text,
        valid_from=valid_from or now,
        created_by=current_actor() or "system",
    )
    wording.save()
    emit(
        events.WORDING_WRITTEN,
        merchant=merchant,
        subject=wording,
        data={
            "channel": channel,
            "purpose": purpose,
            "version": wording.label,
            "digest": wording.digest,
            "valid_from": wording.valid_from,
        },
    )
    return wording


def _next_version(channel: str, purpose: str, language: str) -> int:
    rows = ConsentWording.objects.filter(channel=channel, purpose=purpose, language=language)
    return (rows.aggregate(top=Max("version"))["top"] or 0) + 1


def _lock(merchant: Merchant) -> None:
    """Versions are counted one after another; rows that name the merchant are still written meanwhile."""
    Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)


@transaction.atomic
def wording_kept(wording: ConsentWording) -> ConsentWording:
    """The same text as a row, so that an answer can rest on it; saved now when it is the house's and was
    never used."""
    if not wording._state.adding:
        return wording
    _lock(wording.merchant)
    same = ConsentWording.objects.filter(
        channel=wording.channel,
        purpose=wording.purpose,
        language=wording.language,
        created_by="",
        digest=wording.digest,
    )
    known: ConsentWording | None = same.order_by("-version").first()
    if known is not None:
        return known
    wording.version = _next_version(wording.channel, wording.purpose, wording.language)
    wording.save()
    return wording


def consent_settings() -> ConsentSettings:
    """The shop's settings, or the defaults."""
    return ConsentSettings.objects.first() or ConsentSettings()


@transaction.atomic
def consent_settings_save(*, merchant: Merchant, double_opt_in: bool) -> bool:
    """Whether anything changed. Questions that wait for a confirmation keep waiting for it."""
    row, _new = ConsentSettings.objects.select_for_update().get_or_create(merchant=merchant)
    if row.double_opt_in == double_opt_in:
        return False
    row.double_opt_in = double_opt_in
    row.save(update_fields=["double_opt_in"])
    emit(
        events.CONSENT_SETTINGS_CHANGED,
        merchant=merchant,
        subject=row,
        data={"double_opt_in": double_opt_in},
    )
    return True
