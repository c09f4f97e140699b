"""What Home says: one sentence, today's figures, 30 days in pictures, and what waits for somebody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet, Sum
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Membership, Merchant
from crm.events.models import Delivery as Duty
from crm.exports.selectors import waiting_for
from crm.lib.ui.formats import day_text, money_text, number_text, percent_text
from crm.lib.ui.parts import Chart, Series
from customers.visibility import narrowed
from marketing.campaigns.selectors import Funnel, funnels
from marketing.insight.bounds import DaySum, days_since, midnight, orders_by_channel
from marketing.models import Campaign, Delivery
from orders.models import Order, Return, SalesChannel
from reviews.models import Review
from service.models import Ticket

WINDOW = 30
WEEK = 7
# A ticket that must be acted on within this is "near".
NEAR = timedelta(hours=2)
# Failures older than this have been seen or don't matter any more.
RECENT = timedelta(days=7)
MOST_COUNTED = 1_000


@dataclass(frozen=True)
class Figure:
    """A number of today with what it is compared to. `delta` is a rate; `href` opens what is behind it."""

    label: str
    value: str
    href: str = ""
    delta: float | None = None
    period: str = ""
    points: tuple[float, ...] = ()
    better: str = "up"


@dataclass(frozen=True)
class Todo:
    """Something that waits for somebody."""

    icon: str
    text: str
    href: str
    tone: str = "warn"


@dataclass(frozen=True)
class Home:
    sentence: str
    figures: list[Figure]
    revenue: Chart
    channels: Chart | None
    loyalty: Chart
    todos: list[Todo]
    campaigns: list[tuple[Campaign, Funnel]]
    is_new: bool


def home(*, merchant: Merchant, membership: Membership) -> Home:
    """Everything on Home, in a constant number of queries: history from the daily figures, today from the
    rows."""
    today = timezone.now().astimezone(merchant.zone).date()
    days = _days(today, merchant, membership)
    now = _today(merchant, membership, today)
    days[today] = replace(now, first=days.get(today, DaySum()).first)
    shown = [today - timedelta(days=back) for back in range(WINDOW - 1, -1, -1)]
    return Home(
        sentence=_sentence(days, today),
        figures=_figures(merchant, membership, days, today, now),
        revenue=_revenue(merchant, days, shown),
        channels=_channels(merchant, membership, today),
        loyalty=_loyalty(merchant, days, shown),
        todos=_todos(membership, today),
        campaigns=_campaigns(membership),
        is_new=not Order.objects.exists(),
    )


def _days(today: date, merchant: Merchant, membership: Membership) -> dict[date, DaySum]:
    return days_since(today - timedelta(days=2 * WINDOW), merchant=merchant, membership=membership)


def _today(merchant: Merchant, membership: Membership, today: date) -> DaySum:
    start = midnight(today, merchant.zone)
    sold = Order.objects.visible_to(membership).placed().filter(placed_at__gte=start)
    sums = sold.aggregate(revenue=Sum("base_total"), orders=Count("pk"))
    return DaySum(sums["revenue"] or Decimal(0), sums["orders"])


def _sum(days: dict[date, DaySum], last: date, length: int) -> DaySum:
    picked = [days.get(last - timedelta(days=back), DaySum()) for back in range(length)]
    return DaySum(
        sum((one.revenue for one in picked), Decimal(0)),
        sum(one.orders for one in picked),
        sum((one.first for one in picked), Decimal(0)),
    )


def change(now: Decimal | int, before: Decimal | int) -> float | None:
    """The change as a rate; None where there was nothing before."""
    return float(now - before) / float(before) if before else None


def _sentence(days: dict[date, DaySum], today: date) -> str:
    """The last seven full days against the seven before."""
    yesterday = today - timedelta(days=1)
    week, before = _sum(days, yesterday, WEEK), _sum(days, yesterday - timedelta(days=WEEK), WEEK)
    rate = change(week.revenue, before.revenue)
    if not week.orders and not before.orders:
        return _("No orders in the last two weeks.")
    if rate is None:
        return ngettext(
            "%(count)s order in the last 7 days.", "%(count)s orders in the last 7 days.", week.orders
        ) % {"count": number_text(week.orders)}
    mostly = _mostly(week, before)
    share = percent_text(abs(rate))
    if abs(rate) < 0.02:
        return _("Revenue of the last 7 days is as in the week before.")
    if rate > 0:
        return _("Revenue is up %(share)s on the week before, %(mostly)s.") % {
            "share": share,
            "mostly": mostly,
        }
    return _("Revenue is down %(share)s on the week before, %(mostly)s.") % {"share": share, "mostly": mostly}


def _mostly(week: DaySum, before: DaySum) -> str:
    first = week.first - before.first
    again = (week.revenue - week.first) - (before.revenue - before.first)
    if abs(first) > 2 * abs(again):
        return _("mostly from new customers")
    if abs(again) > 2 * abs(first):
        return _("mostly from returning customers")
    return _("from new and returning customers alike")


def address(name: str, query: dict[str, Any] | None = None) -> str:
    """The page's address, "" while no app serves it."""
    try:
        url = reverse(name)
    except NoReverseMatch:
        return ""
    return f"{url}?{urlencode(query)}" if query else url


def _figures(
    merchant: Merchant, membership: Membership, days: dict[date, DaySum], today: date, now: DaySum
) -> list[Figure]:
    currency = merchant.base_currency
    same_day = days.get(today - timedelta(days=WEEK), DaySum())
    fortnight = [days.get(today - timedelta(days=back), DaySum()) for back in range(13, -1, -1)]
    week = tuple(float(one.revenue) for one in fortnight)
    counts = tuple(float(one.orders) for one in fortnight)
    orders = address("order_list", {"from": today.isoformat()}) if membership.can("orders.view") else ""
    money = money_text(now.revenue, currency, home=currency, whole=True)
    on = _("a week ago: %(value)s")
    figures = [
        Figure(
            _("Revenue today"),
            money,
            orders,
            period=on % {"value": money_text(same_day.revenue, currency, home=currency, whole=True)},
            points=week,
        ),
        Figure(
            _("Orders today"),
            number_text(now.orders),
            orders,
            period=on % {"value": number_text(same_day.orders)},
            points=counts,
        ),
    ]
    if membership.can("tickets.view"):
        open_tickets = Ticket.objects.visible_to(membership).unsolved()
        sums = open_tickets.aggregate(number=Count("pk"), waiting=Count("pk", filter=Q(status="open")))
        period = _("%(count)s wait for us") % {"count": number_text(sums["waiting"])}
        figures.append(
            Figure(_("Open tickets"), number_text(sums["number"]), address("inbox"), period=period)
        )
    if membership.can("reviews.view"):
        waiting = Review.objects.visible_to(membership).pending().count()
        figures.append(
            Figure(
                _("Reviews to look at"),
                number_text(waiting),
                address("review_list"),
                period=_("not yet published"),
            )
        )
    return figures


def _revenue(merchant: Merchant, days: dict[date, DaySum], shown: list[date]) -> Chart:
    before = [day - timedelta(days=WINDOW) for day in shown]
    return Chart(
        id="home-revenue",
        label=_("Revenue of 30 days against the 30 before"),
        labels=[day_text(day) for day in shown],
        series=[
            Series(_("Last 30 days"), [float(days.get(day, DaySum()).revenue) for day in shown]),
            Series(_("30 days before"), [float(days.get(day, DaySum()).revenue) for day in before]),
        ],
        kind="area",
        format="money",
        currency=merchant.base_currency,
        links=[address("order_list", {"from": day.isoformat(), "to": day.isoformat()}) for day in shown],
    )


def _channels(merchant: Merchant, membership: Membership, today: date) -> Chart | None:
    first = today - timedelta(days=WINDOW - 1)
    rows = orders_by_channel(first, merchant=merchant, membership=membership)
    if not rows:
        return None
    names = dict(SalesChannel.objects.values_list("pk", "name"))
    start = first.isoformat()
    return Chart(
        id="home-channels",
        label=_("Orders by channel, 30 days"),
        labels=[names.get(pk, _("Unknown")) for pk, _number in rows],
        series=[Series(_("Orders"), [number for _pk, number in rows])],
        kind="donut",
        size="s",
        links=[address("order_list", {"channel": pk, "from": start}) for pk, _number in rows],
    )


def _loyalty(merchant: Merchant, days: dict[date, DaySum], shown: list[date]) -> Chart:
    firsts = [float(days.get(day, DaySum()).first) for day in shown]
    all_of = [float(days.get(day, DaySum()).revenue) for day in shown]
    return Chart(
        id="home-loyalty",
        label=_("Revenue from new and returning customers"),
        labels=[day_text(day) for day in shown],
        series=[
            Series(
                _("Returning customers"),
                [max(whole - first, 0) for whole, first in zip(all_of, firsts, strict=True)],
            ),
            Series(_("First orders"), firsts),
        ],
        kind="stacked",
        format="money",
        currency=merchant.base_currency,
        size="s",
    )


def _todos(membership: Membership, today: date) -> list[Todo]:
    """What waits, most urgent first; a count for each kind that the member may see."""
    now = timezone.now()
    found: list[tuple[QuerySet[Any] | list[Any], str, str, dict[str, str] | None, Callable[[int], str]]] = []
    if membership.can("tickets.view"):
        near = Ticket.objects.visible_to(membership).open().filter(due_at__lte=now + NEAR)
        found.append((near, "alarm", "inbox", None, _near))
    if membership.can("orders.view"):
        asked = narrowed(Return.objects.filter(state=Return.State.REQUESTED), membership, "order__customer__")
        found.append((asked, "arrow-back-up", "order_list", {"state": "returning"}, _returns))
        seen = Order.objects.visible_to(membership)
        late = seen.late(today).filter(promised_on__gt=today - timedelta(days=60))
        found.append((late, "truck", "order_list", {"state": "late"}, _late))
        rateless = seen.placed().filter(base_total__isnull=True)
        found.append((rateless, "currency-dollar", "order_list", {"state": "norate"}, _rateless))
    if membership.can("campaigns.view"):
        failed = narrowed(
            Delivery.objects.filter(state="unknown", sending_at__gte=now - RECENT), membership, "customer__"
        )
        found.append((failed, "mail-exclamation", "campaign_list", None, _doubtful))
    if membership.can("customers.export"):
        exports = waiting_for(membership)
        found.append((exports, "file-download", "export_list", None, _exports))
    if membership.can("integrations.view") and membership.sees_everything:
        dead = Duty.objects.filter(state=Duty.State.DEAD)
        found.append((dead, "plug-connected-x", "delivery_list", None, _dead))
    todos = []
    for rows, icon, page, query, words in found:
        number = len(rows) if isinstance(rows, list) else rows[:MOST_COUNTED].count()
        if number:
            todos.append(Todo(icon, words(number), address(page, query), "bad" if words is _near else "warn"))
    return todos


def _near(number: int) -> str:
    text = ngettext(
        "%(count)s ticket must be answered within 2 hours",
        "%(count)s tickets must be answered within 2 hours",
        number,
    )
    return text % {"count": number}


def _returns(number: int) -> str:
    return ngettext("%(count)s return to decide", "%(count)s returns to decide", number) % {"count": number}


def _late(number: int) -> str:
    return ngettext("%(count)s late parcel", "%(count)s late parcels", number) % {"count": number}


def _rateless(number: int) -> str:
    text = ngettext(
        "%(count)s order without an exchange rate", "%(count)s orders without an exchange rate", number
    )
    return text % {"count": number}


def _doubtful(number: int) -> str:
    text = ngettext(
        "%(count)s mail may or may not have arrived", "%(count)s mails may or may not have arrived", number
    )
    return text % {"count": number}


def _exports(number: int) -> str:
    text = ngettext("%(count)s export waits for your word", "%(count)s exports wait for your word", number)
    return text % {"count": number}


def _dead(number: int) -> str:
    text = ngettext("%(count)s event was given up", "%(count)s events were given up", number)
    return text % {"count": number}


def _campaigns(membership: Membership) -> list[tuple[Campaign, Funnel]]:
    if not membership.can("campaigns.view"):
        return []
    out = Campaign.objects.filter(started_at__isnull=False, journey_mails__isnull=True).order_by(
        "-started_at"
    )[:3]
    rows = list(out)
    counted = funnels(rows, membership)
    return [(campaign, counted[campaign.pk]) for campaign in rows if campaign.pk in counted]
