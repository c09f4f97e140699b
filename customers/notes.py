"""Notes for colleagues about a person or a firm: written, mended and taken back by their author, a colleague
or a program, pinned, and who is mentioned in them."""

from __future__ import annotations

import re

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.accounts.models import ApiKey, Membership
from crm.accounts.notices import notice_add
from crm.events.emitting import emit
from crm.events.types import EventType
from crm.integrations.mail import post
from crm.lib.errors import Forbidden
from customers import events
from customers.filters import members
from customers.models import Company, Customer, Note
from customers.services import fault

Author = Membership | ApiKey
LONGEST = 5_000
# More than that in one note is a mistake or a joke, and each of them gets a mail.
MOST_MENTIONS = 20


@transaction.atomic
def note_add(
    *, author: Author, text: str, customer: Customer | None = None, company: Company | None = None
) -> Note:
    """A note, announced without its text; colleagues whom it mentions are told. Raises Rejected for an empty
    one."""
    about = customer or company
    assert about is not None
    note: Note = Note(merchant_id=about.merchant_id, customer=customer, company=company)
    note.author, note.api_key = (author, None) if isinstance(author, Membership) else (None, author)
    note.text = _clean(text)
    note.mentions = [one.pk for one in mentioned_in(note)]
    note.save()
    _announce(events.NOTE_ADDED, note)
    _tell(note, note.mentions)
    return note


@transaction.atomic
def note_change(*, note: Note, by: Author, text: str) -> bool:
    """Whether the words changed; who is mentioned for the first time is told. Raises Forbidden for
    another's."""
    stored = _own(note, by)
    words = _clean(text)
    if words == stored.text:
        return False
    before = set(stored.mentions)
    stored.text, stored.edited_at = words, timezone.now()
    stored.mentions = [one.pk for one in mentioned_in(stored)]
    stored.save(update_fields=["text", "edited_at", "mentions"])
    _announce(events.NOTE_CHANGED, stored)
    _tell(stored, [pk for pk in stored.mentions if pk not in before])
    return True


@transaction.atomic
def note_delete(*, note: Note, by: Author) -> None:
    """The words are gone; that there was a note, whose, and who took it back, stays in the log. Raises
    Forbidden for another's, unless an owner or manager takes it away."""
    stored = _own(note, by, may_manage=True)
    _announce(events.NOTE_DELETED, stored)
    stored.delete()


@transaction.atomic
def note_pin(*, note: Note, pinned: bool) -> None:
    """Pinned notes stand first. Anybody who may write notes pins."""
    stored = Note.objects.select_for_update(of=("self",)).get(pk=note.pk)
    stored.pinned_at = note.pinned_at = timezone.now() if pinned else None
    stored.save(update_fields=["pinned_at"])


def _own(note: Note, by: Author, *, may_manage: bool = False) -> Note:
    stored: Note = (
        Note.objects.select_for_update(of=("self",))
        .select_related("author__user", "api_key", "customer", "company", "merchant")
        .get(pk=note.pk)
    )
    wrote = by in (stored.author, stored.api_key)
    manages = may_manage and isinstance(by, Membership) and by.can("customers.erase")
    if not (wrote or manages):
        raise Forbidden(_("Only who wrote a note changes it."))
    return stored


def author_name(note: Note) -> str:
    """The colleague's name or the key's; "" for somebody who is gone."""
    if note.author is not None:
        return str(note.author.user)
    return note.api_key.name if note.api_key is not None else ""


def _clean(text: str) -> str:
    words = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not words:
        raise fault("text", _("Write something."))
    if len(words) > LONGEST:
        raise fault("text", _("A note has at most %(most)s letters.") % {"most": LONGEST})
    return words


# --- mentions -----------------------------------------------------------------------------------------------


def names_of(member: Membership) -> list[str]:
    """What stands behind an @ for this colleague."""
    return [one for one in (member.user.name, member.user.email) if one]


def mentioned_in(note: Note) -> list[Membership]:
    """Colleagues whose whole name or address stands behind an @ in the text, who work here and may see what
    the
    note is about; the longest name wins (@Ann Lee is not @Ann). Two who share a name are both meant."""
    if "@" not in note.text and "＠" not in note.text:
        return []
    known: dict[str, list[Membership]] = {}
    for member in members():
        for name in names_of(member):
            known.setdefault(name.casefold(), []).append(member)
    either = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
    found: dict[int, Membership] = {}
    for match in re.finditer(rf"[@＠]({either})(?![\w@])", note.text.casefold()):
        for member in known[match[1]]:
            found[member.pk] = member
    return [one for one in found.values() if may_see(note, one)][:MOST_MENTIONS]


def may_see(note: Note, member: Membership) -> bool:
    """Whether the colleague can open what the note is about."""
    if note.customer_id is not None:
        rows = Customer.objects.visible_to(member).filter(pk=note.customer_id)
        return member.can("customers.view") and bool(rows.exists())
    firms = Company.objects.visible_to(member).filter(pk=note.company_id)
    return member.can("companies.view") and bool(firms.exists())


def _tell(note: Note, ids: list[int]) -> None:
    """A notice and a mail to each, without the note's words: mail leaves the house."""
    for member in members():
        if member.pk not in ids or member.pk == note.author_id:
            continue
        key = f"note:{note.pk}:mention:{member.pk}"
        path = href_of(note)
        author = author_name(note)
        with translation.override(member.user.language or settings.LANGUAGE_CODE):
            title = _("%(author)s mentioned you in a note") % {"author": author}
            notice_add(
                member=member,
                kind="mention",
                title=title,
                line=" ".join(note.text.split())[:200],
                href=path,
                dedupe_key=key,
            )
            post(
                merchant=note.merchant,
                to=member.user.email,
                subject=title,
                text=f"{title}\n\n{settings.PUBLIC_URL}{path}",
                purpose="mention",
                dedupe_key=key,
            )


def href_of(note: Note) -> str:
    if note.customer_id is not None:
        return f"{reverse('customer_record', args=[note.customer_id])}#note-{note.pk}"
    return f"{reverse('company_record', args=[note.company_id])}#note-{note.pk}"


def _announce(kind: EventType, note: Note) -> None:
    data = {"author": author_name(note), "note": note.pk}
    emit(
        kind,
        merchant=note.merchant_id,
        customer=note.customer_id,
        subject=note.company if note.customer_id is None else note,
        data=data,
    )
