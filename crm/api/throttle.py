"""How often a key may call, and headers that say how much is left (RateLimit-*, IETF httpapi draft 3)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import redis
import structlog
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from crm.accounts.models import ApiKey
from crm.lib.health import redis_client

log = structlog.get_logger()


@dataclass(frozen=True)
class Budget:
    limit: int
    remaining: int
    reset_seconds: int
    window_seconds: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
            "RateLimit-Policy": f"{self.limit};w={self.window_seconds}",
        }


def rate() -> tuple[int, int]:
    """(requests, seconds) from settings, "600/min"."""
    rates: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    text = rates["key"]
    limit, seconds = SimpleRateThrottle.parse_rate(SimpleRateThrottle.__new__(SimpleRateThrottle), text)
    assert limit and seconds
    return limit, seconds


class KeyThrottle(BaseThrottle):
    """A fixed window per key, counted in Redis. Without Redis nobody is held back: it only guards."""

    def allow_request(self, request: Request, view: Any) -> bool:
        key = request.auth
        if not isinstance(key, ApiKey):
            return True
        limit, seconds = rate()
        now = int(time.time())
        window = now // seconds
        used = _count(f"{settings.REDIS_PREFIX}:rate:{key.pk}:{window}", seconds)
        self.reset_seconds = (window + 1) * seconds - now
        view.budget = Budget(limit, max(0, limit - used), self.reset_seconds, seconds)
        return used <= limit

    def wait(self) -> float:
        return float(self.reset_seconds)


def _count(name: str, seconds: int) -> int:
    try:
        pipeline = redis_client().pipeline(transaction=False)
        pipeline.incr(name)
        pipeline.expire(name, seconds + 1)
        return int(pipeline.execute()[0])
    except redis.RedisError as error:
        log.warning("rate limits are not counted", error=str(error))
        return 0
