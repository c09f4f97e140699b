"""A warm-up plan's day: how many may leave, how many did, and to which day the others are promised.

A day's amount is that of the day before, one step on. It stays where it was when staff keep it, when too much
came back or too many called it spam, and after a day on which less than half was sent: what was not sent
has warmed nothing up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import F, Q, QuerySet, Sum

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from marketing.domains.health import FIGURES, Health
from marketing.models import Campaign, DomainCount, WarmupDay, WarmupPlan
from marketing.pacing import events
from marketing.sending.content import default_sender

Stay = WarmupDay.Stay
# A day of a new domain is too small to be judged alone.
HEALTH_DAYS = 3
# Of a day's amount, from which on the next day may be one step on.
USED = 0.5


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def shop_day(merchant: Merchant, now: datetime) -> date:
    return now.astimezone(merchant.zone).date()


def campaigns_from(domain: str, merchant: Merchant) -> QuerySet[Campaign, Campaign]:
    """Mail campaigns that go out from the domain, those that carry journeys with them."""
    own = Q(sender_email__iendswith=f"@{domain}")
    if domain_of(default_sender(merchant)) == domain:
        own |= Q(sender_email="")
    return Campaign.objects.filter(own, channel="email")


def running_plan(merchant: Merchant, domain: str) -> WarmupPlan | None:
    return WarmupPlan.objects.filter(domain=domain, state=WarmupPlan.State.RUNNING).first()


@dataclass
class Warmth:
    """A running plan on one of its days; the caller holds the plan's row."""

    plan: WarmupPlan
    merchant: Merchant
    today: WarmupDay

    def has_room(self, *, ahead: bool) -> bool:
        """Mails of journeys are few and awaited, so they don't stand behind a campaign: they count, and only
        wait once they alone are a day's amount."""
        used = self.today.ahead if ahead else self.today.sent
        return used < self.today.planned

    @property
    def room(self) -> int:
        return max(0, self.today.planned - self.today.sent)

    def take(self, *, ahead: bool) -> None:
        self.today.sent += 1
        self.today.ahead += ahead

    def queue(self) -> datetime:
        """One waits: the first moment of the next day that has a place."""
        plan, first = self.plan, self.today.day + timedelta(days=1)
        if plan.tail_on is None or plan.tail_on < first:
            plan.tail_on, plan.tail_count = first, 0
        amount = self.amount_on(plan.tail_on)
        if amount is not None and plan.tail_count >= amount:
            plan.tail_on, plan.tail_count = plan.tail_on + timedelta(days=1), 0
        plan.tail_count += 1
        return self.opens_on(plan.tail_on)

    def amount_on(self, day: date) -> int | None:
        """What that day would let go if all goes well; None behind the plan's end."""
        if self.plan.is_kept:
            return self.today.planned
        step = self.today.step + (day - self.today.day).days
        return self.plan.amounts[step] if step < len(self.plan.amounts) else None

    def opens_on(self, day: date) -> datetime:
        """When what waited for that day goes on, by the shop's clock (UTC)."""
        local = datetime.combine(day, self.plan.goes_from, tzinfo=self.merchant.zone)
        return local.astimezone(UTC)

    def until(self, people: int) -> datetime | None:
        """When the last of so many more would leave; None when today has place for all. Two years is far
        enough."""
        left, day, used = people - self.room, self.today.day + timedelta(days=1), 0
        if self.plan.tail_on is not None and self.plan.tail_on >= day:
            day, used, left = self.plan.tail_on, self.plan.tail_count, people
        elif left <= 0:
            return None
        for _far in range(730):
            amount = self.amount_on(day)
            if amount is None or left <= amount - used:
                break
            left -= max(0, amount - used)
            day, used = day + timedelta(days=1), 0
        return self.opens_on(day)


def on_its_day(plan: WarmupPlan, merchant: Merchant, now: datetime) -> Warmth | None:
    """The plan today; None before its start and after its end. Begins the day when nobody has; after the last
    step ends the plan. The caller holds the plan's row."""
    day = shop_day(merchant, now)
    if not plan.is_running or day < plan.starts_on:
        return None
    today = WarmupDay.objects.filter(plan=plan, day=day).first()
    if today is None:
        last = WarmupDay.objects.filter(plan=plan, day__lt=day).order_by("-day").first()
        stay = _why_stay(plan, merchant, last) if last else ""
        step = 0 if last is None else last.step + (not stay)
        if step >= len(plan.amounts):
            end(plan, now)
            return None
        planned = plan.amounts[step]
        today = WarmupDay.objects.create(
            merchant=merchant, plan=plan, day=day, step=step, planned=planned, stay=stay
        )
    return Warmth(plan, merchant, today)


def end(plan: WarmupPlan, now: datetime) -> None:
    """No amounts any more; whoever waits is called by and by (calling.py)."""
    plan.state, plan.ended_at = WarmupPlan.State.ENDED, now
    call_everybody(plan)
    emit(events.WARMUP_ENDED, merchant=plan.merchant_id, subject=plan, data={"domain": plan.domain})


def call_everybody(plan: WarmupPlan) -> None:
    plan.tail_on, plan.tail_count, plan.called_to = None, 0, 0
    plan.save()


def peek(plan: WarmupPlan, merchant: Merchant, now: datetime) -> Warmth | None:
    """`on_its_day` for pages: writes nothing, and a day that nobody began is as it would begin."""
    day = shop_day(merchant, now)
    if not plan.is_running:
        return None
    last = WarmupDay.objects.filter(plan=plan, day__lte=day).order_by("-day").first()
    if last is not None and last.day == day:
        return Warmth(plan, merchant, last)
    begins = max(day, plan.starts_on)
    stay = _why_stay(plan, merchant, last) if last else ""
    step = 0 if last is None else last.step + (not stay)
    if step >= len(plan.amounts):
        return None
    amount = plan.amounts[step]
    return Warmth(plan, merchant, WarmupDay(plan=plan, day=begins, step=step, planned=amount, stay=stay))


def _why_stay(plan: WarmupPlan, merchant: Merchant, last: WarmupDay) -> str:
    """Why the day after `last` lets no more go than that did; "" when it does."""
    if plan.is_kept:
        return Stay.HAND
    health = health_of(plan, merchant, last.day)
    if health.bounce_tone == "bad":
        return Stay.BOUNCES
    if health.complaint_tone == "bad":
        return Stay.COMPLAINTS
    return Stay.IDLE if last.sent < USED * last.planned else ""


def health_of(plan: WarmupPlan, merchant: Merchant, until: date) -> Health:
    """What became of the domain's mails of the last days. One query."""
    since = max(plan.starts_on, until - timedelta(days=HEALTH_DAYS - 1))
    rows = DomainCount.objects.filter(
        campaign__in=campaigns_from(plan.domain, merchant), day__gte=since, day__lte=until
    )
    sums = rows.order_by().aggregate(**{name: Sum(name) for name in FIGURES})
    return Health("", **{name: sums[name] or 0 for name in FIGURES})


def count_one_ahead(plan: WarmupPlan, merchant: Merchant, now: datetime) -> None:
    """Something else of marketing left from the domain. In the caller's transaction; locks the plan."""
    held = WarmupPlan.objects.select_for_update().get(pk=plan.pk)
    warmth = on_its_day(held, merchant, now)
    if warmth is not None:
        WarmupDay.objects.filter(pk=warmth.today.pk).update(sent=F("sent") + 1, ahead=F("ahead") + 1)
