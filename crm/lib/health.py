"""`/healthz` says alive, `/readyz` says ready: database, Redis, migrations, and a worker heard lately.

`/metrics` (crm/lib/metrics.py) is answered at the same door."""

import time
from collections.abc import Callable
from functools import cache

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from crm.lib.metrics import metrics_response

# Workers write the key every 10 s (crm/events/heartbeat.py); three missed beats mean that none is there.
WORKER_KEY = "worker-seen"
WORKER_SILENCE_SECONDS = 35


class HealthMiddleware:
    """Answers before sessions, hosts and languages are looked at, so that probes cost nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            return JsonResponse({"alive": True})
        if request.path == "/readyz":
            checks = readiness()
            answer = JsonResponse(checks, status=200 if all(ok == "ok" for ok in checks.values()) else 503)
            answer._has_been_logged = True  # type: ignore[attr-defined]  # a probe's 503 is news to the prober only
            return answer
        if request.path == "/metrics":
            return metrics_response(request)
        return self.get_response(request)


def redis_client() -> "redis.Redis":
    """The process's one client; raises redis.RedisError at use when Redis is away."""
    return _client(settings.REDIS_URL)


@cache
def _client(url: str) -> "redis.Redis":
    """One pool of connections for each address; redis-py makes it safe to use after a fork."""
    return redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)


def readiness() -> dict[str, str]:
    """Each part mapped to "ok" or to what is wrong with it."""
    return {
        "database": _database(),
        "migrations": _migrations(),
        "redis": _redis(),
        "worker": _worker(),
    }


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"unreachable: {type(error).__name__}"
    return "ok"


def _migrations() -> str:
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as error:
        return f"unknown: {type(error).__name__}"
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(waiting)} not applied; run manage.py migrate" if waiting else "ok"


def _redis() -> str:
    try:
        redis_client().ping()
    except redis.RedisError as error:
        return f"unreachable: {type(error).__name__}"
    return "ok"


def _worker() -> str:
    try:
        seen = redis_client().get(f"{settings.REDIS_PREFIX}:{WORKER_KEY}")
    except redis.RedisError as error:
        return f"unknown: {type(error).__name__}"
    if seen is None:
        return "none seen yet"
    silence = time.time() - float(seen)
    return "ok" if silence < WORKER_SILENCE_SECONDS else f"last seen {silence:.0f} s ago"
