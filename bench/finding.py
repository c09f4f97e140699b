"""Finding somebody among many: the search box, and the customer list's filters, orders and later pages.

    make bench ARGS="finding --merchant SLUG"

Make the shop with `demo --customers 1000000 --orders 5000000 --merchant SLUG` first. The baseline is a bare
request through the same middleware that reads one row by its key. One line per way of finding: its query
counts, p50 and p95 of the server's time in milliseconds, and p95 as a ratio to the baseline's. Ends with 1
when a search misses 80 ms or a page of the list 100 ms.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from bench._timing import baseline, report, signed_in  # noqa: E402
from crm.accounts.models import Merchant  # noqa: E402
from crm.lib.tenancy import merchant_scope  # noqa: E402
from customers.models import Company, Customer, Identity  # noqa: E402
from customers.tokens import pinyin_tokens  # noqa: E402
from orders.models import Order  # noqa: E402

SEARCH_MS, LIST_MS = 80.0, 100.0
SEED = 20261122
DEPTH = 20  # pages into the list
LISTS = (
    ("all, newest first", ""),
    ("most spent", "sort=net"),
    ("bought last", "sort=last_order"),
    ("by name", "sort=name"),
    ("repeat customers", "stage=repeat"),
    ("one country, most spent", "country=CN&sort=net"),
    ("one tag", "tag=gift"),
    ("mail allowed", "consent=granted"),
    ("open ticket", "ticket=open"),
    ("not seen for 90 days", "bought=not90"),
    ("mine", "owner=me"),
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--merchant", default="bench")
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    settings.ALLOWED_HOSTS = ["*"]
    merchant = Merchant.objects.get(slug=given.merchant)
    with merchant_scope(merchant):
        people = sample(given.rounds)
        print(f"{Customer.objects.count():,} customers")
    client = signed_in(merchant)
    base = baseline([one.pk for one in people])
    missed = []
    with merchant_scope(merchant):
        searches = dict(searched(people))
    for name, words in searches.items():
        paths = [f"/search/?q={quote(text)}" for text in words]
        if len(paths) >= 20 and report(name, client, paths, base)[1] > SEARCH_MS:
            missed.append(name)
    for name, query in LISTS:
        for label, path in pages(client, name, query):
            if report(label, client, [path] * 25, base)[1] > LIST_MS:
                missed.append(label)
    verdict = f"MISSED by {', '.join(missed)}" if missed else "met"
    print(f"searches {SEARCH_MS:.0f} ms, lists {LIST_MS:.0f} ms: {verdict}")
    return 1 if missed else 0


def sample(count: int) -> list[Customer]:
    """Some customers from everywhere, by random keys: the same ones in each run."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id), max(id) FROM customers_customer")
        first, last = cursor.fetchone()
    choose = random.Random(SEED)
    ids = choose.sample(range(first, last + 1), min(count * 20, last - first + 1))
    rows = Customer.objects.present().filter(pk__in=ids).exclude(name="").select_related("company")
    return list(rows.order_by("pk")[: count * 4])


def searched(people: Sequence[Customer]) -> Iterator[tuple[str, list[str]]]:
    chinese = [one.name for one in people if not one.name.isascii() and " " not in one.name]
    latin = [one.name for one in people if one.name.isascii()]
    yield "search: Latin name", latin[:60]
    yield "search: Latin name, mistyped", [mistyped(name) for name in latin if len(name) > 7][:60]
    yield "search: Chinese name", chinese[:60]
    yield "search: its first two letters", [name[:2] for name in chinese][:60]
    yield "search: its pinyin", [pinyin_tokens(name)[0] for name in chinese][:60]
    yield "search: e-mail's beginning", [one.email[:8] for one in people if one.email][:60]
    yield "search: last four of a phone", [one.phone[-4:] for one in people if one.phone][:60]
    yield "search: company", list(Company.objects.order_by("?").values_list("name", flat=True)[:60])
    ids = [one.pk for one in people]
    numbers = Order.objects.filter(customer_id__in=ids).values_list("number", flat=True)
    yield "search: order number", list(numbers[:60])
    members = Identity.objects.filter(customer_id__in=ids, kind=Identity.Kind.MEMBER)
    yield "search: store member", list(members.values_list("value", flat=True)[:60])


def mistyped(name: str) -> str:
    """Two letters of the last word exchanged."""
    return f"{name[:-3]}{name[-2]}{name[-3]}{name[-1]}"


def pages(client: Client, name: str, query: str) -> Iterator[tuple[str, str]]:
    """The list's first page and one far behind it."""
    path = f"/customers/?{query}"
    yield f"list: {name}", path
    for _page in range(DEPTH):
        found = re.search(r"after=([\w-]+)", client.get(path).content.decode())
        if found is None:
            return
        path = f"/customers/?{query}&after={found[1]}"
    yield f"list: {name}, page {DEPTH + 1}", path


if __name__ == "__main__":
    raise SystemExit(main())
