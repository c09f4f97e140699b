"""Which of a claim's messages may leave now, by the shop's limits of pace and its warm-up plan.

Asked inside the claim's transaction, after everything else allowed them, with the limits' and the plan's rows
locked: so all workers, campaigns and journeys of a shop share them, and what a dead run was granted is used
up. The others get the moment to come again behind everybody who waits, so that each is put off about
once; when that comes they are asked again, since the row's state is the truth and the moment an estimate. A
limit that is free lets whoever comes go: nobody's place is kept for somebody who does not come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from crm.accounts.models import Merchant
from crm.integrations.connecting import connection_of
from marketing.models import Campaign, Delivery, PaceLimit, StepMail, WarmupDay, WarmupPlan
from marketing.pacing import gates, warming
from marketing.pacing.receivers import receiver_of
from marketing.pacing.warming import Warmth
from marketing.sending import content
from marketing.sending.checking import Verdict

Kind = PaceLimit.Kind


@dataclass(frozen=True)
class Pace:
    """What a run keeps to; read once for the run, looked at again under lock with each claim."""

    merchant: Merchant
    limit_ids: tuple[int, ...] = ()
    plan_id: int | None = None
    ahead: bool = False  # a journey's mails


def pace_of(campaign: Campaign, merchant: Merchant) -> Pace | None:
    """None when nothing holds the campaign back. Two queries then, one for a campaign that is no mail."""
    limits = limits_for(campaign)
    plan = plan_for(campaign, merchant)
    if not limits and plan is None:
        return None
    ahead = plan is not None and StepMail.objects.filter(campaign=campaign).exists()
    ids = tuple(sorted(limit.pk for limit in limits))
    return Pace(merchant, ids, plan.pk if plan else None, ahead)


def limits_for(campaign: Campaign) -> list[PaceLimit]:
    """The limits that any of its messages may meet."""
    limits = list(PaceLimit.objects.live().select_related("connection").order_by("pk"))
    if not campaign.is_mail:
        limits = [limit for limit in limits if limit.kind == Kind.CONNECTION]
    ways = [limit for limit in limits if limit.kind in (Kind.SERVER, Kind.CONNECTION)]
    if not ways:
        return limits
    connection = connection_of(campaign.channel)
    kind, pk = (Kind.CONNECTION, connection.pk) if connection else (Kind.SERVER, None)
    return [limit for limit in limits if limit not in ways or (limit.kind, limit.connection_id) == (kind, pk)]


def plan_for(campaign: Campaign, merchant: Merchant) -> WarmupPlan | None:
    """The running plan of the domain that it goes out from."""
    if not campaign.is_mail:
        return None
    domain = warming.domain_of(content.sender_address(campaign, merchant))
    return warming.running_plan(merchant, domain)


def admit(
    pace: Pace, delivery_ids: Sequence[int], now: datetime | None = None
) -> tuple[list[int], list[Verdict]]:
    """(those that leave now, those that come again and when). In the caller's transaction, which then holds
    the limits in the order of their ids, and the plan. `delivery_ids` in the order in which they stand."""
    now = now or timezone.now()
    held = PaceLimit.objects.live().select_for_update(of=("self",)).filter(pk__in=pace.limit_ids)
    limits = list(held.order_by("pk"))
    gate = _Gate(pace, limits, _locked_plan(pace, now), now)
    wanted = Delivery.objects.filter(merchant=pace.merchant, pk__in=list(delivery_ids))
    rows = {pk: (address, state) for pk, address, state in wanted.values_list("pk", "address", "state")}
    for pk in delivery_ids:
        address, state = rows[pk]
        gate.ask(pk, address.rpartition("@")[2], is_retry=state == Delivery.State.DEFERRED)
    gate.save()
    return gate.granted, gate.held


def _locked_plan(pace: Pace, now: datetime) -> Warmth | None:
    if pace.plan_id is None:
        return None
    plan = WarmupPlan.objects.select_for_update().filter(pk=pace.plan_id).first()
    return warming.on_its_day(plan, pace.merchant, now) if plan else None


@dataclass
class _Gate:
    pace: Pace
    limits: list[PaceLimit]
    warmth: Warmth | None
    now: datetime
    granted: list[int] = field(default_factory=list)
    held: list[Verdict] = field(default_factory=list)
    _known: dict[str, list[PaceLimit]] = field(default_factory=dict)

    def ask(self, pk: int, domain: str, *, is_retry: bool) -> None:
        # What the receiver asked to bring again was counted when it was brought first.
        warmth = None if is_retry else self.warmth
        if warmth and not warmth.has_room(ahead=self.pace.ahead):
            self._wait_for_a_day(pk, warmth)
            return
        met = self._met_by(domain)
        busy = [limit for limit in met if not gates.is_free(limit, self.now)]
        if not busy:
            for limit in met:
                gates.take(limit, self.now)
            if warmth:
                warmth.take(ahead=self.pace.ahead)
            self.granted.append(pk)
            return
        last = max(busy, key=lambda limit: gates.next_place(limit, self.now))
        waiting = (gates.next_place(last, self.now) - self.now) / last.gap
        if warmth and waiting >= warmth.room:  # those before it are all that today has room for
            self._wait_for_a_day(pk, warmth)
            return
        self.held.append(Verdict(pk, last.code, gates.queue(last, self.now)))

    def _wait_for_a_day(self, pk: int, warmth: Warmth) -> None:
        self.held.append(Verdict(pk, "warm_up", warmth.queue()))

    def _met_by(self, domain: str) -> list[PaceLimit]:
        found = self._known.get(domain)
        if found is None:
            group = receiver_of(domain)
            found = self._known[domain] = [limit for limit in self.limits if _meets(limit, domain, group)]
        return found

    def save(self) -> None:
        for limit in self.limits:
            limit.save(update_fields=["free_at", "tail_at"])
        if self.warmth:
            self.warmth.plan.save(update_fields=["tail_on", "tail_count"])
            WarmupDay.objects.filter(pk=self.warmth.today.pk).update(
                sent=self.warmth.today.sent, ahead=self.warmth.today.ahead
            )


def _meets(limit: PaceLimit, domain: str, group: str) -> bool:
    if limit.kind == Kind.GROUP:
        return bool(group) and limit.name == group
    return limit.kind != Kind.DOMAIN or limit.name == domain
