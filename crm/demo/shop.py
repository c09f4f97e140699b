"""Puts a demo shop together: people, sales, then what the apps make of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction
from django.utils import timezone

from crm.accounts.models import ExchangeRate, Membership, Merchant
from crm.accounts.permissions import Role
from crm.accounts.services import member_add, merchant_create
from crm.demo import words
from crm.demo.people import Crowd, documents_write, people_write
from crm.demo.sales import sales_write
from crm.demo.shelves import shelves_write
from crm.demo.stories.browsing import browsing_write
from crm.demo.stories.consents import consents_write
from crm.demo.stories.conversations import conversations_write
from crm.demo.stories.doubles import doubles_write
from crm.demo.stories.errands import errands_write
from crm.demo.stories.exports import exports_write
from crm.demo.stories.firms import firms_write
from crm.demo.stories.leavers import leavers_write
from crm.demo.stories.mailings import mailings_write
from crm.demo.stories.opinions import opinions_write
from crm.demo.stories.pacing import pacing_write
from crm.demo.stories.record import fields_write, views_write
from crm.demo.stories.standing import figures_write, standing_write
from crm.demo.stories.twins import twins_write
from crm.lib.tenancy import merchant_scope
from customers.regions.china import china_load
from orders import metrics

PASSWORD = "guanxi-demo"
STAFF = [
    ("owner@demo.test", "林若溪 Ruoxi Lin", Role.OWNER),
    ("manager@demo.test", "Clara Hughes", Role.MANAGER),
    ("marketer@demo.test", "王文博 Wenbo Wang", Role.MARKETER),
    ("agent@demo.test", "陈静 Jing Chen", Role.AGENT),
    ("analyst@demo.test", "Oskar Lindqvist", Role.ANALYST),
    ("viewer@demo.test", "Priya Patel", Role.VIEWER),
]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """`with_stories` adds reviews, tickets, segments, campaigns: what a person wants to see, not a benchmark."""

    customers: int
    orders: int
    with_stories: bool = True


def shop_make(*, slug: str, size: Size, say: Say, name: str = "") -> Merchant:
    """A shop with generated customers and orders; the same size makes the same shop, counted back from
    this hour. Orders are committed in chunks; a killed run leaves a shop that can be deleted."""
    merchant = merchant_create(
        slug=slug,
        name=name or "观喜茶舍 Guanxi Tea",
        base_currency="CNY",
        time_zone="Asia/Shanghai",
        country="CN",
        sender_name="观喜茶舍 Guanxi Tea",
        sender_email="hello@guanxi-tea.example",
        support_email="care@guanxi-tea.example",
        postal_address="上海市徐汇区衡山路 1 号",
        website="https://guanxi-tea.example",
        is_demo=True,
    )
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    seed = f"guanxi:{size.customers}:{size.orders}"
    with merchant_scope(merchant):
        members = _staff(merchant)
        _rates(merchant)
        with transaction.atomic():
            fields_write(merchant=merchant)
            china_load(merchant=merchant)
        say(f"{size.customers:,} customers …")
        crowd = people_write(
            merchant=merchant,
            count=size.customers,
            seed=seed,
            now=now,
            owners=[member for member in members if member.role in (Role.AGENT, Role.MANAGER)],
        )
        with transaction.atomic():
            shelves = shelves_write(merchant=merchant)
        for written in sales_write(
            merchant=merchant, crowd=crowd, shelves=shelves, count=size.orders, seed=seed, now=now
        ):
            say(f"{written:,} of {size.orders:,} orders …")
        _settle(merchant, crowd, say)
        if size.with_stories:
            say("reviews, tickets, segments, campaigns …")
            with transaction.atomic():
                _stories(merchant, members, now, seed)
        with transaction.atomic():
            figures_write(merchant=merchant)
    return merchant


def _stories(merchant: Merchant, members: list[Membership], now: datetime, seed: str) -> None:
    by_role = {member.role: member for member in members}
    agent, manager = by_role[Role.AGENT], by_role[Role.MANAGER]
    views_write(merchant=merchant, members=members)
    opinions_write(merchant=merchant, agent=agent, now=now, seed=seed)
    conversations_write(merchant=merchant, agents=[agent, manager], now=now, seed=seed)
    firms_write(merchant=merchant, owners=[agent, manager])
    errands_write(merchant=merchant, members=members, now=now)
    standing_write(merchant=merchant, now=now)
    twins_write(merchant=merchant, now=now)
    exports_write(merchant=merchant, manager=manager)
    consents_write(merchant=merchant, manager=manager, agent=agent)
    doubles_write(merchant=merchant, manager=manager, agent=agent)
    mailings_write(merchant=merchant, marketer=by_role[Role.MARKETER], now=now, seed=seed)
    pacing_write(merchant=merchant, now=now)
    leavers_write(merchant=merchant, members=members, now=now)
    browsing_write(merchant=merchant, now=now, seed=seed)


def _staff(merchant: Merchant) -> list[Membership]:
    return [
        member_add(merchant=merchant, email=email, name=name, role=role, password=PASSWORD)
        for email, name, role in STAFF
    ]


def _rates(merchant: Merchant) -> None:
    day = (timezone.now() - timedelta(days=600)).date()
    for currency, rate in words.RATES.items():
        ExchangeRate.objects.create(
            merchant=merchant, currency=currency, rate=Decimal(rate), valid_from_on=day
        )


def _settle(merchant: Merchant, crowd: Crowd, say: Say) -> None:
    """What is kept beside the rows: metrics, search documents, the planner's statistics."""
    say("metrics and search …")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with transaction.atomic():
        metrics.refresh(merchant_id=merchant.pk)
    documents_write(merchant=merchant, crowd=crowd)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE customers_metrics, customers_searchdocument")
