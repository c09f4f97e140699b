"""Counting how often somebody tries. It only guards: without Redis nobody is held back."""

from __future__ import annotations

import redis
import structlog
from django.conf import settings

from crm.lib.health import redis_client

log = structlog.get_logger()


def count_up(key: str, *, seconds: int) -> int:
    """How often this key was counted in its window, this time included; 0 when Redis is away."""
    full = f"{settings.REDIS_PREFIX}:{key}"
    try:
        client = redis_client()
        count = int(client.incr(full))
        if count == 1:
            client.expire(full, seconds)
    except redis.RedisError as error:
        log.warning("throttle without Redis", error=str(error))
        return 0
    return count
