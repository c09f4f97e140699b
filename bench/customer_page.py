"""The customer page, the list and the search, as the server sees them.

    make bench ARGS="customer_page --merchant SLUG"

Make the shop with `demo --customers 100000 --orders 500000 --merchant SLUG` first. The baseline is a bare
request through the same middleware that reads one row by its key. One line per page: its query count (the
same for every customer), p50 and p95 in milliseconds, and p95 as a ratio to the baseline's. Ends with 1 when
the customer page misses 60 ms or its query count differs between customers.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, reset_queries  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import path  # noqa: E402

from crm.accounts.models import Membership, Merchant  # noqa: E402
from crm.lib.tenancy import merchant_scope  # noqa: E402
from customers.models import Customer, SearchDocument  # noqa: E402

WARM_UP = 5
ROUNDS = 200
TARGET_MS = 60.0
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
SEED = 20261122


def bare(request: HttpRequest) -> HttpResponse:
    """One row by its key."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM customers_customer WHERE id = %s", [int(request.GET["id"])])
        return HttpResponse(str(cursor.fetchone()[0]))


urlpatterns = [path("bare/", bare)]


def milliseconds(client: Client, paths: Sequence[str]) -> list[float]:
    """How long each answer took; every one must be a 200."""
    for one in paths[:WARM_UP]:
        client.get(one)
    taken = []
    for one in paths:
        start = time.perf_counter()
        response = client.get(one)
        taken.append((time.perf_counter() - start) * 1000)
        assert response.status_code == 200, (one, response.status_code)
        reset_queries()
    return taken


def queries(client: Client, paths: Sequence[str]) -> set[int]:
    counts = set()
    for one in paths:
        with CaptureQueriesContext(connection) as captured:
            client.get(one)
        counts.add(len(captured))
    return counts


def p95(taken: Sequence[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]


def report(name: str, client: Client, paths: Sequence[str], base: float) -> tuple[set[int], float]:
    counts, spent = queries(client, paths[:20]), time.process_time()
    taken = milliseconds(client, paths)
    cpu = (time.process_time() - spent) * 1000 / (len(paths) + min(WARM_UP, len(paths)))
    shown = "/".join(map(str, sorted(counts)))
    slow = p95(taken)
    middle = statistics.median(taken)
    print(
        f"{name:34} {shown:>7} queries  p50 {middle:6.1f} ms  p95 {slow:6.1f} ms  {slow / base:6.1f}×"
        f"  CPU {cpu:6.1f} ms"
    )
    return counts, slow


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--merchant", default="bench")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    settings.ALLOWED_HOSTS = ["*"]
    merchant = Merchant.objects.get(slug=given.merchant)
    choose = random.Random(SEED)
    with merchant_scope(merchant):
        ids = list(Customer.objects.present().values_list("pk", flat=True))
        busiest = list(Customer.objects.order_by("-metrics__orders_count").values_list("pk", flat=True)[:20])
        documents = SearchDocument.objects.count()
    sample = [*busiest, *choose.sample(ids, min(given.rounds, len(ids)))][: given.rounds]
    print(
        f"{len(ids):,} customers, {documents:,} search documents; the 20 with most orders are in the sample"
    )
    client = signed_in(merchant)
    with override_settings(ROOT_URLCONF=__name__):
        base = p95(milliseconds(Client(), [f"/bare/?id={pk}" for pk in sample]))
    print(f"{'bare request, one row':34} {1:>7} queries  {'':12}  p95 {base:6.1f} ms  {1.0:6.1f}×")
    counts, slow = report("customer page", client, [f"/customers/{pk}/" for pk in sample], base)
    report("its facts", client, [f"/customers/{pk}/facts/" for pk in sample], base)
    report("its orders", client, [f"/customers/{pk}/orders/" for pk in sample], base)
    report("its timeline", client, [f"/customers/{pk}/timeline/" for pk in sample], base)
    for name, paths in lists(merchant, sample[:50]):
        report(name, client, paths, base)
    good = len(counts) == 1 and slow < TARGET_MS
    print(f"customer page p95 {slow:.1f} ms, target {TARGET_MS:.0f} ms: {'met' if good else 'MISSED'}")
    return 0 if good else 1


def lists(merchant: Merchant, sample: Sequence[int]) -> list[tuple[str, list[str]]]:
    with merchant_scope(merchant):
        people = list(Customer.objects.filter(pk__in=sample))
    words: list[tuple[str, Callable[[Customer], str]]] = [
        ("search by name", lambda one: str(one.name)),
        ("search by e-mail's beginning", lambda one: str(one.email)[:8]),
        ("search by the last four digits", lambda one: str(one.phone)[-4:]),
    ]
    searches = [(name, [f"/customers/?q={of(one)}" for one in people if of(one)]) for name, of in words]
    return [
        ("customer list", ["/customers/"] * 30),
        ("customer list, repeat customers", ["/customers/?stage=repeat"] * 30),
        ("order list", ["/orders/"] * 30),
        *((name, paths) for name, paths in searches if len(paths) > 20),
    ]


def signed_in(merchant: Merchant) -> Client:
    owner = (
        Membership.objects.filter(merchant=merchant, role="owner", is_active=True)
        .select_related("user")
        .first()
    )
    if owner is None:
        from crm.accounts.services import member_add

        owner = member_add(merchant=merchant, email=f"bench@{merchant.slug}.example", role="owner")
    client = Client()
    client.force_login(owner.user, backend=BACKEND)
    session = client.session
    session["merchant_id"] = merchant.pk
    session.save()
    return client


if __name__ == "__main__":
    raise SystemExit(main())
