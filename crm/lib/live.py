"""Nudges: "this changed", from any process to open pages, over Redis pub/sub.

A nudge carries a topic and no content; the page then fetches its fragment through the ordinary door with
the ordinary checks. Losing one costs a page its freshness, nothing else.
"""

import json
from collections.abc import Iterable

import redis
import structlog
from django.conf import settings

from crm.lib.crypto import sign
from crm.lib.health import redis_client

log = structlog.get_logger()

TOKEN_PURPOSE = "live"
# A page asks for a new token when its stream is refused, so a day is long enough for a shift.
TOKEN_SECONDS = 24 * 3600


def channel(merchant_id: int) -> str:
    return f"{settings.REDIS_PREFIX}:live:{merchant_id}"


def publish(merchant_id: int, topics: Iterable[str]) -> None:
    """Tells open pages of the merchant that these topics changed."""
    try:
        redis_client().publish(channel(merchant_id), json.dumps(sorted(topics)))
    except redis.RedisError as error:
        log.warning("live nudge lost", error=str(error))


def token(merchant_id: int, *, topics: Iterable[str] | None = None) -> str:
    """What a page shows to the live process. `topics` narrows a customer's page to its own; None is all."""
    return sign(
        {"m": merchant_id, "t": sorted(topics) if topics is not None else None}, purpose=TOKEN_PURPOSE
    )
