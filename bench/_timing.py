"""How long pages take as the server sees them; shared by the benchmarks of pages."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from django.db import connection, reset_queries
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path

from crm.accounts.models import Membership, Merchant

WARM_UP = 5
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


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


def baseline(ids: Sequence[int]) -> float:
    """p95 in milliseconds of a bare request through the same middleware that reads one row by its key."""
    with override_settings(ROOT_URLCONF=__name__):
        base = p95(milliseconds(Client(), [f"/bare/?id={pk}" for pk in ids]))
    print(f"{'bare request, one row':34} {1:>7} queries  {'':12}  p95 {base:6.1f} ms  {1.0:6.1f}×")
    return base


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
