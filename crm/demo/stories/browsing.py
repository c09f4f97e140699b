"""What people looked at in the shop's pages: of those who signed in by now, and of browsers without a name."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from django.db.models import F

from crm.accounts.models import Merchant
from customers.models import Customer, VisitSettings
from customers.visits.services import Seen, visitor_recognise, visits_take
from orders.models import Product

KNOWN, NAMELESS = 60, 25
SEARCHES = ("铁观音", "longjing", "茶具", "gift box", "白毫银针")
WAYS = ("product", "product", "product", "cart", "search", "page")


def browsing_write(*, merchant: Merchant, now: datetime, seed: str) -> None:
    rng = Random(f"{seed}:browsing")
    VisitSettings.objects.create(merchant=merchant, is_on=True, hosts=["shop.demo.test"])
    titles = list(Product.objects.exclude(title="").order_by("pk").values_list("title", flat=True)[:40])
    lately = F("metrics__last_order_at").desc(nulls_last=True)
    best = Customer.objects.present().order_by(lately, "pk")[:KNOWN]
    for number, customer in enumerate([*best, *[None] * NAMELESS]):
        visitor = f"{rng.getrandbits(128):032x}"
        visits_take(
            merchant=merchant, seen=[_seen(rng, visitor, titles, now) for _ in range(rng.randint(2, 9))]
        )
        if customer is not None:
            source = "portal" if number % 3 else "api"
            visitor_recognise(merchant=merchant, customer=customer, visitor=visitor, source=source)


def _seen(rng: Random, visitor: str, titles: list[str], now: datetime) -> Seen:
    kind = rng.choice(WAYS)
    title = rng.choice(SEARCHES if kind == "search" else titles or ["Tea"])
    at = now - timedelta(minutes=rng.randint(5, 60 * 24 * 40))
    return Seen(visitor, kind, at, title=title[:200], path=f"/{kind}/{rng.randint(100, 999)}")
