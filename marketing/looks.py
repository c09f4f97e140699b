"""What a look at a mail counts as: kept with its label, and a click judged a moment later.

Security scanners call themselves browsers and ask every link. So a click that seems a person's waits
SETTLE_SECONDS; when nothing else a program would do came meanwhile, it is counted with the time at which it
was made (marketing/sending/robots.py). The redirect itself never waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Greatest
from django.http import HttpRequest
from django.utils import timezone

from crm.events.emitting import emit
from crm.events.ringing import ring_sweeper
from crm.events.types import EventType
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.models import Customer, Metrics
from marketing.campaigns import events
from marketing.models import Delivery, Engagement, Link
from marketing.sending.robots import HEAD_SECONDS, device_of, is_program, label_of

SWEEPER = "marketing.sweep_clicks"
# As long as a HEAD may come behind a GET.
SETTLE_SECONDS = HEAD_SECONDS
# Requests kept for one mail under one label: more tell nothing new, and a flood must not fill the table.
KEPT = 50
SWEPT = 1_000
Label, Kind = Engagement.Label, Engagement.Kind


@transaction.atomic
def look_note(*, request: HttpRequest, delivery: Delivery, kind: str, link: Link | None = None) -> None:
    """Keeps the request. A person's open marks the mail, the customer's figures and the timeline at once, a
    click when it has settled. Of an erased person nothing is kept. Locks the delivery."""
    agent = request.headers.get("User-Agent", "")
    locked = _locked(delivery.pk)
    if locked is not None:
        _keep(locked, kind, link, request.method or "", agent, _purpose(request), timezone.now())


@transaction.atomic
def look_reported(*, delivery: Delivery, kind: str, link: Link | None, agent: str, at: datetime) -> None:
    """The same of a look that a carrier saw and told us of."""
    locked = _locked(delivery.pk)
    if locked is not None:
        _keep(locked, kind, link, "GET", agent, "", at)


def _keep(
    locked: Delivery, kind: str, link: Link | None, method: str, agent: str, purpose: str, now: datetime
) -> None:
    label = label_of(
        kind=kind,
        method=method,
        user_agent=agent,
        purpose=purpose,
        # Of a mail in doubt only the handing over is known.
        sent_at=locked.sent_at or locked.sending_at,
        now=now,
    )
    waits = kind == Kind.CLICK and not label
    if Engagement.objects.filter(delivery=locked, kind=kind, label=label).count() < KEPT:
        Engagement.objects.create(
            merchant_id=locked.merchant_id,
            delivery=locked,
            link=link,
            kind=kind,
            label=label,
            user_agent=agent[:200],
            device=device_of(agent),
            at=now,
            waits=waits,
        )
    if waits:
        ring_sweeper(SWEEPER, after_seconds=SETTLE_SECONDS)
    elif not label:
        _count(locked, kind, None, now)


def _purpose(request: HttpRequest) -> str:
    names = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
    return " ".join(request.headers.get(name, "") for name in names)


def _locked(delivery_id: int) -> Delivery | None:
    """The mail, held until the transaction ends; None when its reader was erased."""
    held = Delivery.objects.select_related("campaign").select_for_update(of=("self",)).get(pk=delivery_id)
    # Asked behind the lock: an erasure that went through meanwhile is seen.
    erased = Customer.objects.filter(pk=held.customer_id, erased_at__isnull=False).exists()
    return None if erased else held


@transaction.atomic
def clicks_settle(*, delivery_id: int) -> int:
    """Judges the mail's clicks that have waited long enough; how many counted as a person's. Doing it again
    changes nothing. Locks the delivery."""
    held = _locked(delivery_id)
    mine = Engagement.objects.filter(delivery=delivery_id)
    if held is None:
        mine.filter(waits=True).update(waits=False)
        return 0
    requests = list(mine.select_related("link").order_by("at", "pk"))
    border = timezone.now() - timedelta(seconds=SETTLE_SECONDS)
    due = [one for one in requests if one.waits and one.at <= border]
    programs = [one.pk for one in due if is_program(one, requests)]
    mine.filter(pk__in=programs).update(label=Label.SCANNER)
    mine.filter(pk__in=[one.pk for one in due]).update(waits=False)
    persons = [one for one in due if one.pk not in programs]
    _count_clicks(held, persons)
    return len(persons)


def clicks_sweep() -> int:
    """Settles what is due, of every merchant; how many mails were looked at."""
    border = timezone.now() - timedelta(seconds=SETTLE_SECONDS)
    with all_merchants(reason="clicks of every merchant settle by the clock"):
        due = Engagement.objects.filter(waits=True, at__lte=border).order_by("at")
        mails = list(dict.fromkeys(due.values_list("merchant_id", "delivery_id")[:SWEPT]))
    for merchant_id, delivery_id in mails:
        with merchant_scope(merchant_id):
            clicks_settle(delivery_id=delivery_id)
    return len(mails)


def _count_clicks(delivery: Delivery, clicks: Sequence[Engagement]) -> None:
    if clicks:
        first, last = clicks[0], clicks[-1]
        _count(delivery, Kind.CLICK, first.link, first.at)
        _remember(delivery, ("last_clicked_at",), last.at)


def _count(delivery: Delivery, kind: str, link: Link | None, at: datetime) -> None:
    facts = {
        "campaign": delivery.campaign.name,
        "campaign_id": delivery.campaign_id,
        "delivery_id": delivery.pk,
    }
    clicked = kind == Kind.CLICK
    changed = []
    if delivery.opened_at is None:  # who clicks has opened, whatever pictures were blocked
        delivery.opened_at = at
        changed.append("opened_at")
        _tell(delivery, events.MAIL_OPENED, facts, at)
    if clicked and delivery.clicked_at is None:
        delivery.clicked_at = at
        changed.append("clicked_at")
        _tell(delivery, events.MAIL_CLICKED, facts | {"link": link.target if link else ""}, at)
    if changed:
        delivery.save(update_fields=changed)
    _remember(delivery, ("last_opened_at", "last_clicked_at") if clicked else ("last_opened_at",), at)


def _remember(delivery: Delivery, figures: Sequence[str], at: datetime) -> None:
    """The customer's figures say that, unless they say something later: carriers tell late, clicks settle."""
    latest = {name: Greatest(name, Value(at)) for name in figures}
    Metrics.objects.filter(customer=delivery.customer_id).update(**latest)


def _tell(delivery: Delivery, kind: EventType, facts: dict[str, object], at: datetime) -> None:
    emit(
        kind,
        merchant=delivery.merchant_id,
        customer=delivery.customer_id,
        subject=delivery.campaign,
        data=facts,
        dedupe_key=f"delivery:{delivery.pk}",
        occurred_at=at,
    )
