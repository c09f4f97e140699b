"""What of the customers' own app may have its time."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from crm.events.models import Event
from crm.lib.retention import DELETE, ERASE, Kind, add_kind, delete_first
from customers.models import ConsentRequest, Customer, Erasure
from customers.privacy.erasing import erasure_ask

BY = "system"


def prospects(border: datetime) -> QuerySet[Customer]:
    """People who never bought, and of whom nothing was heard since: no fact on their timeline, no mail of
    ours opened. Not those whom somebody looks after or who speak for a company, nor staff, suppliers and
    distributors, nor whoever is being erased."""
    heard = Event.objects.filter(customer_id=OuterRef("pk"), occurred_at__gte=border)
    asked = Erasure.objects.filter(customer_id=OuterRef("pk")).exclude(state=Erasure.State.CANCELLED)
    opened = Q(metrics__last_opened_at__gte=border) | Q(metrics__last_clicked_at__gte=border)
    return (
        Customer.objects.present()
        .filter(
            kind__in=(Customer.Kind.PERSON, Customer.Kind.PROSPECT),
            erased_at__isnull=True,
            created_at__lt=border,
            owner__isnull=True,
            metrics__orders_count=0,
            metrics__open_tickets=0,
            company_links__isnull=True,
        )
        .exclude(opened)
        .filter(~Exists(heard), ~Exists(asked))
    )


def erase_prospects(border: datetime, limit: int) -> int:
    """Asks for their erasure, which a worker carries out one by one."""
    found = list(prospects(border).order_by("pk")[:limit])
    for customer in found:
        erasure_ask(customer=customer, reason=Erasure.Reason.RETENTION, by=BY)
    return len(found)


def _unconfirmed(border: datetime) -> QuerySet[ConsentRequest]:
    return ConsentRequest.objects.filter(expires_at__lt=border)


def _forget_unconfirmed(border: datetime, limit: int) -> int:
    return delete_first(_unconfirmed(border).order_by("pk"), limit)


add_kind(
    Kind(
        key="customers.prospects",
        label=_("People who never bought"),
        text=_(
            "Never bought, and nothing heard of them since: erased like at their own request. Who has an"
            " owner, an open ticket or speaks for a company stays."
        ),
        what=ERASE,
        minimum_months=6,
        count=lambda border: prospects(border).count(),
        purge=erase_prospects,
    )
)
add_kind(
    Kind(
        key="customers.unconfirmed",
        label=_("Questions about consent that were answered or never were"),
        text=_("Deleted after their link is over. The ledger of answers and its proofs stay."),
        what=DELETE,
        minimum_months=1,
        default_months=1,
        count=lambda border: _unconfirmed(border).count(),
        purge=_forget_unconfirmed,
    )
)
