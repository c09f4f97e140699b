"""What came back of mails has its time: the program that opened it, the address, the server's answer."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from crm.lib.retention import PSEUDONYMISE, Kind, add_kind
from marketing.models import Delivery, Engagement


def _old(border: datetime) -> QuerySet[Delivery]:
    """Ended mails that still name an address, a server's answer or a reader's program."""
    read = Engagement.objects.filter(delivery=OuterRef("pk")).exclude(user_agent="")
    named = ~Q(address="") | ~Q(receipt="") | Exists(read)
    return Delivery.objects.filter(created_at__lt=border).exclude(state__in=Delivery.OPEN).filter(named)


def _pseudonymise(border: datetime, limit: int) -> int:
    ids = list(_old(border).order_by("pk").values_list("pk", flat=True)[:limit])
    Engagement.objects.filter(delivery__in=ids).exclude(user_agent="").update(user_agent="")
    return int(Delivery.objects.filter(pk__in=ids).update(address="", receipt=""))


add_kind(
    Kind(
        key="marketing.tracking",
        label=_("Opens and clicks"),
        text=_(
            "With which program a mail was read, to which address it went and what the server answered. That"
            " it was sent, opened and clicked stays, and with it every figure of a campaign."
        ),
        what=PSEUDONYMISE,
        minimum_months=3,
        count=lambda border: _old(border).count(),
        purge=_pseudonymise,
    )
)
