"""Solved tickets have their time: their words go, that somebody asked and how fast it was answered stays."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from crm.events.models import Event
from crm.lib.retention import PSEUDONYMISE, Kind, add_kind
from service.models import Draft, Entry, Ticket
from service.privacy import SHOWN


def _old(border: datetime) -> QuerySet[Ticket]:
    """Solved before, nothing said since, and not emptied yet."""
    solved = Ticket.objects.filter(status=Ticket.Status.SOLVED, solved_at__lt=border, last_at__lt=border)
    return solved.exclude(subject=SHOWN)


def _pseudonymise(border: datetime, limit: int) -> int:
    """By update(), so that `updated_at` and the clocks stay as they are."""
    ids = list(_old(border).order_by("pk").values_list("pk", flat=True)[:limit])
    mine = Entry.objects.filter(ticket__in=ids)
    mine.update(text=SHOWN, html="", quoted="", message_id="", dedupe_key=None)
    mine.filter(author__isnull=True).update(author_name="")
    Draft.objects.filter(ticket__in=ids).delete()
    _forget_subjects(ids)
    return int(
        Ticket.objects.filter(pk__in=ids).update(
            subject=SHOWN,
            preview="",
            contact_name="",
            contact_email="",
            contact_phone="",
            priority_reasons=[],
        )
    )


def _forget_subjects(ids: list[int]) -> None:
    """That the ticket was opened stays on the timeline, without its subject."""
    told = Event.objects.filter(
        subject_type=Ticket._meta.label_lower, subject_id__in=ids, data__has_key="subject"
    )
    told.update(data=RawSQL("data - 'subject'", []))


add_kind(
    Kind(
        key="service.tickets",
        label=_("Words of solved tickets"),
        text=_(
            "Subject, messages and the sender's name and addresses. Number, times, who answered and the link"
            " to customer and order stay, and with them every figure."
        ),
        what=PSEUDONYMISE,
        minimum_months=6,
        count=lambda border: _old(border).count(),
        purge=_pseudonymise,
    )
)
