"""How the versions of a campaign stand, and what those held out of it tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.lib.ui.formats import money_text, percent_text
from customers.visibility import narrowed
from marketing.campaigns.revenue import Rule, delivery_revenue, policy_here, rule_of
from marketing.campaigns.trials.comparing import Difference, Mean, Share, means_differ, shares_differ
from marketing.models import Campaign, Delivery
from marketing.sending.sharing_out import last_leaves_at
from orders.models import Order

Metric = Campaign.TrialMetric


@dataclass(frozen=True)
class Standing:
    """One version: what became of its mails. `difference` is to version A, by the campaign's own measure."""

    letter: str
    subject: str
    sent: int
    opened: int
    clicked: int
    revenue: Mean
    difference: Difference | None = None

    @property
    def open_rate(self) -> float | None:
        return self.opened / self.sent if self.sent else None

    @property
    def click_rate(self) -> float | None:
        return self.clicked / self.sent if self.sent else None

    def measure(self, metric: str) -> float:
        if metric == Metric.REVENUE:
            return self.revenue.value
        return (self.open_rate if metric == Metric.OPENS else self.click_rate) or 0.0


def standings(campaign: Campaign, membership: Membership | None) -> list[Standing]:
    """A first, of mails that were sent to customers whom the member sees, while they were being tried: what
    went to the others after the decision is left out. Three queries; empty without versions."""
    versions = list(campaign.versions.all())
    if not versions:
        return []
    subjects = {"A": campaign.subject} | {one.letter: one.subject or campaign.subject for one in versions}
    rows = {row["version"]: row for row in _counts(campaign, membership)}
    money = delivery_revenue(_tried(campaign, membership), rule=rule_of(policy_here()))
    found = [_standing(letter, words, rows.get(letter), money) for letter, words in subjects.items()]
    return [found[0], *(_compared(one, found[0], campaign, len(found) - 1) for one in found[1:])]


def _tried(campaign: Campaign, membership: Membership | None) -> Any:
    mails = Delivery.objects.filter(campaign=campaign, state=Delivery.State.SENT).exclude(version="")
    if campaign.trial_decided_at:
        mails = mails.filter(sent_at__lt=campaign.trial_decided_at)
    return mails if membership is None else narrowed(mails, membership, "customer__")


def _counts(campaign: Campaign, membership: Membership | None) -> Any:
    return (
        _tried(campaign, membership)
        .values("version")
        .annotate(
            sent=Count("pk"),
            opened=Count("pk", filter=Q(opened_at__isnull=False)),
            clicked=Count("pk", filter=Q(clicked_at__isnull=False)),
        )
        .order_by()
    )


def _standing(
    letter: str, subject: str, row: dict[str, Any] | None, money: dict[str, tuple[float, float]]
) -> Standing:
    counts = row or {"sent": 0, "opened": 0, "clicked": 0}
    total, squares = money.get(letter, (0.0, 0.0))
    return Standing(
        letter,
        subject,
        counts["sent"],
        counts["opened"],
        counts["clicked"],
        Mean(total, squares, counts["sent"]),
    )


def _compared(one: Standing, first: Standing, campaign: Campaign, comparisons: int) -> Standing:
    if campaign.trial_metric == Metric.REVENUE:
        gap = means_differ(one.revenue, first.revenue, comparisons=comparisons)
    else:
        name = "opened" if campaign.trial_metric == Metric.OPENS else "clicked"
        shares = [Share(getattr(each, name), each.sent) for each in (one, first)]
        gap = shares_differ(*shares, comparisons=comparisons)
    return replace(one, difference=gap)


def best_of(found: Sequence[Standing], metric: str) -> Standing:
    """The highest measure; of equals the first."""
    return max(found, key=lambda one: (one.measure(metric), -ord(one.letter)))


def verdict(one: Standing, campaign: Campaign) -> str:
    """The comparison with A as a sentence that promises nothing that chance may have made."""
    gap = one.difference
    if gap is None or not one.sent:
        return ""
    if campaign.trial_decided_at is None and decides_at(campaign) > timezone.now():
        return _("Too early to tell; it is judged when the trial ends.")
    if not gap.is_sure:
        return _("No clear difference to A: it may be chance.")
    low, high = sorted((abs(gap.low), abs(gap.high)))
    bounds = {"low": _amount(low, campaign), "high": _amount(high, campaign)}
    if gap.low > 0:
        return _("Better than A: by %(low)s to %(high)s, sure to 95%%.") % bounds
    return _("Worse than A: by %(low)s to %(high)s, sure to 95%%.") % bounds


def _amount(value: float, campaign: Campaign) -> str:
    if campaign.trial_metric == Metric.REVENUE:
        return _money(value, campaign)
    return _("%(points)s points") % {"points": percent_text(value, 1).rstrip("%").strip()}


def _money(value: float, campaign: Campaign) -> str:
    currency = campaign.merchant.base_currency
    return money_text(Decimal(str(round(value, 2))), currency, home=currency)


def decides_at(campaign: Campaign) -> datetime:
    """When the trial ends: so many hours after each version may have left. One query unless the versions are
    there."""
    return last_leaves_at(campaign) + timedelta(hours=campaign.trial_hours)


# --- those held out ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Effect:
    """Net revenue of paid orders for each person within the window after the start: of those who were to get
    the mail (whether they could or not), and of those held out by the draw. In the shop's currency."""

    people: int
    held: int
    mailed: Mean
    out: Mean
    difference: Difference
    days: int
    is_over: bool


def holdout_effect(campaign: Campaign, rule: Rule | None = None) -> Effect | None:
    """None where nobody was held out. One query over all of the campaign's people, so of the whole shop."""
    if not campaign.holdout_percent or campaign.frozen_at is None:
        return None
    days = (rule or rule_of(policy_here())).days
    until = campaign.frozen_at + timedelta(days=days)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH bought AS MATERIALIZED (
                SELECT o.customer_id, sum(o.base_total - o.base_refunded)::float AS net
                FROM {Order._meta.db_table} o
                WHERE o.merchant_id = %(merchant)s AND o.placed_at >= %(begin)s AND o.placed_at < %(end)s
                  AND o.paid_at IS NOT NULL AND o.cancelled_at IS NULL AND o.customer_id IS NOT NULL
                GROUP BY o.customer_id
            )
            SELECT d.reason = 'holdout', count(*), coalesce(sum(b.net), 0), coalesce(sum(b.net * b.net), 0)
            FROM {Delivery._meta.db_table} d LEFT JOIN bought b ON b.customer_id = d.customer_id
            WHERE d.merchant_id = %(merchant)s AND d.campaign_id = %(campaign)s AND d.reason <> 'no_address'
            GROUP BY 1
            """,
            {
                "merchant": campaign.merchant_id,
                "campaign": campaign.pk,
                "begin": campaign.frozen_at,
                "end": until,
            },
        )
        found = {held: Mean(total, squares, people) for held, people, total, squares in cursor.fetchall()}
    mailed, out = found.get(False, Mean(0, 0, 0)), found.get(True, Mean(0, 0, 0))
    gap = means_differ(mailed, out)
    return Effect(mailed.mails, out.mails, mailed, out, gap, days, timezone.now() >= until)


def effect_verdict(effect: Effect, campaign: Campaign) -> str:
    """The comparison as a sentence."""
    if not effect.is_over:
        return _("It is judged %(days)s days after the start.") % {"days": effect.days}
    if not effect.difference.is_sure:
        return _("No clear difference: what the mail brought can't be told from chance.")
    bounds = [_money(abs(one), campaign) for one in _ordered(effect.difference)]
    values = {"low": bounds[0], "high": bounds[1]}
    if effect.difference.low > 0:
        return _("The mail brought between %(low)s and %(high)s for each person, sure to 95%%.") % values
    return _("The mail cost between %(low)s and %(high)s for each person, sure to 95%%.") % values


def _ordered(gap: Difference) -> tuple[float, float]:
    low, high = sorted((gap.low, gap.high), key=abs)
    return low, high
