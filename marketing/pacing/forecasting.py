"""Until about when a campaign takes, told before the button is pressed. An estimate: what else the shop sends
meanwhile, and a plan that keeps its step, make it later."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Merchant
from crm.lib.errors import Rejected
from crm.lib.ui.formats import day_text, exact_text, number_text
from customers.models import Consent, Customer
from marketing.campaigns.audience import audience_sql
from marketing.campaigns.points import SENDER, Point
from marketing.models import Campaign, PaceLimit
from marketing.pacing import gates, warming
from marketing.pacing.admitting import limits_for, plan_for
from marketing.pacing.receivers import receiver_of

# Told as it is above this; below, nobody waits long enough to think about it.
WORTH_TELLING = timedelta(minutes=30)
# Bigger audiences are not looked through for each keystroke in the maker.
MOST_LOOKED_THROUGH = 100_000


def pace_points(*, campaign: Campaign, merchant: Merchant, people: int | None) -> list[Point]:
    """What the check list says about pace and warm-up; nothing where neither stretches the campaign."""
    if not people or not campaign.pk:
        return []
    now = timezone.now()
    points = [_warm_up(campaign, merchant, people, now), _pace(campaign, people, now)]
    return [point for point in points if point is not None]


def _warm_up(campaign: Campaign, merchant: Merchant, people: int, now: datetime) -> Point | None:
    plan = plan_for(campaign, merchant)
    warmth = warming.peek(plan, merchant, now) if plan else None
    if warmth is None or warmth.today.day > warming.shop_day(merchant, now):
        return None
    until = warmth.until(people)
    amount = number_text(warmth.today.planned)
    if until is None:
        text = _("Within today's amount of %(amount)s from %(domain)s.")
        known = {"amount": amount, "domain": warmth.plan.domain}
        return Point("good", _("Warm-up"), text % known, SENDER)
    day = day_text(until.astimezone(merchant.zone).date())
    words = ngettext(
        "With today's warm-up amount of %(amount)s mail, this takes until about %(day)s.",
        "With today's warm-up amount of %(amount)s mails, this takes until about %(day)s.",
        warmth.today.planned,
    )
    return Point("warn", _("Warm-up"), words % {"amount": amount, "day": day}, SENDER)


def _pace(campaign: Campaign, people: int, now: datetime) -> Point | None:
    ends = [(_end(limit, number, now), limit) for limit, number in _shares(campaign, people) if number]
    if not ends:
        return None
    until, limit = max(ends, key=lambda one: one[0])
    if until - now < WORTH_TELLING:
        return None
    text = _("%(what)s takes at most %(amount)s %(per)s: this takes until about %(at)s.")
    known = {
        "what": limit.title,
        "amount": number_text(limit.amount),
        "per": limit.get_per_display(),
        "at": exact_text(until),
    }
    return Point("warn", _("Sending pace"), text % known, SENDER)


def _end(limit: PaceLimit, number: int, now: datetime) -> datetime:
    return gates.next_place(limit, now) + (number - 1) * limit.gap


def _shares(campaign: Campaign, people: int) -> list[tuple[PaceLimit, int]]:
    """How many of them meet each limit."""
    limits = limits_for(campaign)
    to_some = [limit for limit in limits if limit.kind in (PaceLimit.Kind.GROUP, PaceLimit.Kind.DOMAIN)]
    shares = [(limit, people) for limit in limits if limit not in to_some]
    if not to_some or people > MOST_LOOKED_THROUGH:
        return shares
    domains, groups = _domains(campaign)
    for limit in to_some:
        counts = groups if limit.kind == PaceLimit.Kind.GROUP else domains
        shares.append((limit, counts[limit.name]))
    return shares


def _domains(campaign: Campaign) -> tuple[Counter[str], Counter[str]]:
    """How many of the audience write from each domain, and from each provider's. One query."""
    try:
        inner = audience_sql(campaign).text()
    except Rejected:  # no audience chosen: the list says that
        return Counter(), Counter()
    sql = f"""
        SELECT split_part(lower(btrim(c.email)), '@', 2), count(*)
        FROM {Customer._meta.db_table} c
        JOIN {Consent._meta.db_table} k ON k.merchant_id = c.merchant_id AND k.customer_id = c.id
             AND k.holds AND k.granted AND k.channel = 'email' AND k.purpose = 'marketing'
        WHERE c.merchant_id = %(merchant)s AND c.erased_at IS NULL AND c.merged_into_id IS NULL
              AND c.email <> '' AND c.id IN (/*audience*/)
        GROUP BY 1
    """
    domains: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    with connection.cursor() as cursor:
        values = {"merchant": campaign.merchant_id}
        cursor.execute(cursor.cursor.mogrify(sql, values).decode().replace("/*audience*/", inner))
        for domain, number in cursor.fetchall():
            domains[domain] += number
            if group := receiver_of(domain):
                groups[group] += number
    return domains, groups
