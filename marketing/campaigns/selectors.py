"""Page-shaped reads of campaigns: figures, reasons, links, people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.models import Membership
from customers.visibility import narrowed, seen_by
from marketing.campaigns.revenue import Revenue, Rule, policy_here, revenue, rule_of
from marketing.models import Campaign, Delivery, Engagement, Link
from marketing.models.delivery import reason_text
from marketing.pacing.receivers import THROTTLED

Text = str | Promise
State = Delivery.State


@dataclass(frozen=True)
class Reason:
    state: str
    code: str
    text: str
    people: int
    until: datetime | None = None  # of those that pace or warm-up make wait: when the last one's turn comes


@dataclass(frozen=True)
class Funnel:
    """How many mails stand where. Rates are of the mails that were sent."""

    people: int = 0
    waiting: int = 0
    sending: int = 0
    sent: int = 0
    deferred: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    opened: int = 0
    clicked: int = 0
    unsubscribed: int = 0
    bounced: int = 0
    complained: int = 0
    revenue: Decimal = Decimal(0)
    orders: int = 0
    reasons: list[Reason] = field(default_factory=list)

    @property
    def open_rate(self) -> float | None:
        return self.opened / self.sent if self.sent else None

    @property
    def click_rate(self) -> float | None:
        return self.clicked / self.sent if self.sent else None

    @property
    def until(self) -> datetime | None:
        """Until about when the limits of pace and the warm-up plan stretch it."""
        return max((reason.until for reason in self.reasons if reason.until), default=None)

    @property
    def settled(self) -> int:
        return self.sent + self.failed + self.unknown + self.skipped


PACED = Q(state=State.QUEUED) & (Q(reason="warm_up") | Q(reason__startswith=THROTTLED))
# what a number of the page shows when it is opened: name → (label, filter)
GROUPS: dict[str, tuple[Text, Q]] = {
    "all": (_("Everybody"), Q()),
    "waiting": (_("Waiting"), Q(state__in=[State.QUEUED, State.SENDING])),
    "sent": (_("Sent"), Q(state=State.SENT)),
    "opened": (_("Opened"), Q(opened_at__isnull=False)),
    "clicked": (_("Clicked"), Q(clicked_at__isnull=False)),
    "unsubscribed": (_("Unsubscribed"), Q(unsubscribed_at__isnull=False)),
    "bounced": (pgettext_lazy("mails", "Came back"), Q(bounced_at__isnull=False)),
    "complained": (_("Called it spam"), Q(complained_at__isnull=False)),
    "skipped": (_("Not sent"), Q(state=State.SKIPPED)),
    "deferred": (_("Put off"), Q(state=State.DEFERRED)),
    "failed": (_("Failed"), Q(state=State.FAILED)),
    "unknown": (_("Unknown"), Q(state=State.UNKNOWN)),
}


def funnels(
    campaigns: Sequence[Campaign], membership: Membership | None, rule: Rule | None = None
) -> dict[int, Funnel]:
    """A funnel for each campaign, of the customers that the member sees (None: a program, which sees all);
    revenue under `rule`, else the shop's own. Four queries at most, however many there are."""
    ids = [campaign.pk for campaign in campaigns]
    if not ids:
        return {}
    rows = (
        _seen(Delivery.objects.filter(campaign__in=ids), membership)
        .values("campaign_id", "state", "reason")
        .annotate(
            people=Count("pk"),
            opened=Count("pk", filter=Q(opened_at__isnull=False)),
            clicked=Count("pk", filter=Q(clicked_at__isnull=False)),
            unsubscribed=Count("pk", filter=Q(unsubscribed_at__isnull=False)),
            bounced=Count("pk", filter=Q(bounced_at__isnull=False)),
            complained=Count("pk", filter=Q(complained_at__isnull=False)),
            until=Max("due_at", filter=PACED),
        )
        .order_by()
    )
    money = revenue(
        ids,
        rule=rule or rule_of(policy_here()),
        membership=membership,
    )
    grouped: dict[int, list[dict[str, Any]]] = {pk: [] for pk in ids}
    for row in rows:
        grouped[row["campaign_id"]].append(dict(row))
    return {pk: _funnel(found, money.get(pk, Revenue())) for pk, found in grouped.items()}


def _funnel(rows: list[dict[str, Any]], money: Revenue) -> Funnel:
    by_state: dict[str, int] = {}
    for row in rows:
        by_state[row["state"]] = by_state.get(row["state"], 0) + row["people"]
    reasons = [
        Reason(row["state"], row["reason"], reason_text(row["reason"]), row["people"], row["until"])
        for row in rows
        if row["reason"] and row["state"] != State.UNKNOWN
    ]
    return Funnel(
        people=sum(by_state.values()),
        waiting=by_state.get(State.QUEUED, 0),
        sending=by_state.get(State.SENDING, 0),
        sent=by_state.get(State.SENT, 0),
        deferred=by_state.get(State.DEFERRED, 0),
        failed=by_state.get(State.FAILED, 0),
        unknown=by_state.get(State.UNKNOWN, 0),
        skipped=by_state.get(State.SKIPPED, 0),
        opened=sum(row["opened"] for row in rows),
        clicked=sum(row["clicked"] for row in rows),
        unsubscribed=sum(row["unsubscribed"] for row in rows),
        bounced=sum(row["bounced"] for row in rows),
        complained=sum(row["complained"] for row in rows),
        revenue=money.net,
        orders=money.orders,
        reasons=sorted(reasons, key=lambda reason: -reason.people),
    )


def funnel(campaign: Campaign, membership: Membership | None, rule: Rule | None = None) -> Funnel:
    return funnels([campaign], membership, rule)[campaign.pk]


def _seen(rows: QuerySet[Any], membership: Membership | None, prefix: str = "customer__") -> QuerySet[Any]:
    return rows if membership is None else narrowed(rows, membership, prefix)


def _clicked_by(membership: Membership) -> Q:
    """A link's engagements that are clicks of people whom the member sees."""
    person = Q(engagements__kind=Engagement.Kind.CLICK, engagements__label="", engagements__waits=False)
    return person & (seen_by(membership, "engagements__delivery__customer__") or Q())


def targets(campaign: Campaign, membership: Membership) -> QuerySet[Link, Any]:
    """Where the mail leads (`target`), and how many people whom the member sees clicked there (`people`); a
    target that several versions have stands once."""
    people = Count("engagements__delivery", filter=_clicked_by(membership), distinct=True)
    rows = Link.objects.filter(campaign=campaign).values("target").annotate(people=people)
    return rows.order_by("-people", "target")


def clicks(campaign: Campaign, membership: Membership) -> dict[int, int]:
    """A link's number in the mail → how many people whom the member sees clicked it."""
    people = Count("engagements__delivery", filter=_clicked_by(membership), distinct=True)
    return dict(
        Link.objects.filter(campaign=campaign).annotate(people=people).values_list("number", "people")
    )


def people(
    campaign: Campaign, *, membership: Membership, group: str = "all", reason: str = ""
) -> QuerySet[Delivery]:
    """The mails behind a number of the campaign's page, to the customers that the member sees."""
    _label, condition = GROUPS.get(group, GROUPS["all"])
    found = Delivery.objects.filter(condition, campaign=campaign).select_related("customer")
    found = found.filter(reason=reason) if reason else found
    return narrowed(found, membership, "customer__")


def doubtful(campaign: Campaign, membership: Membership | None) -> QuerySet[Delivery]:
    """The mails of which nobody knows whether they arrived, to customers that the member sees."""
    return _seen(Delivery.objects.filter(campaign=campaign, state=State.UNKNOWN), membership)


def mails_of(customer_id: int, limit: int = 6) -> list[Delivery]:
    """The latest mails and messages to a customer, and those that were not to be, newest first; carriers of
    journeys with them. Two queries, each by an index of its own."""
    mine = Delivery.objects.filter(customer=customer_id).select_related("campaign")
    sent = mine.sent().order_by("-sent_at")[:limit]
    refused = mine.filter(state__in=Delivery.REFUSED).order_by("-created_at")[:limit]
    both = sorted([*sent, *refused], key=lambda mail: mail.sent_at or mail.created_at, reverse=True)
    return both[:limit]


@dataclass(frozen=True)
class Device:
    """Mails whose reader opened or clicked them on such a device; a mail read on two counts for both."""

    label: Text
    people: int


def devices(campaign: Campaign, membership: Membership) -> list[Device]:
    """On what the campaign was read by people, the most used first. One query."""
    looks = Engagement.objects.filter(delivery__campaign=campaign, label="", waits=False).exclude(device="")
    rows = (
        narrowed(looks, membership, "delivery__customer__")
        .values_list("device")
        .annotate(people=Count("delivery", distinct=True))
        .order_by("-people", "device")
    )
    return [Device(Engagement.Device(device).label, people) for device, people in rows]


def trial_waits(campaign: Campaign) -> bool:
    """Whether somebody waits for the better version."""
    return (
        not campaign.trial_winner
        and campaign.state in (Campaign.State.SENDING, Campaign.State.PAUSED)
        and Delivery.objects.filter(campaign=campaign, state=State.QUEUED, reason="trial").exists()
    )


def programs(campaign: Campaign, membership: Membership) -> int:
    """Looks by programs (scanners, proxies, loading ahead) that were not counted."""
    looks = Engagement.objects.filter(delivery__campaign=campaign).exclude(label="")
    return narrowed(looks, membership, "delivery__customer__").count()
