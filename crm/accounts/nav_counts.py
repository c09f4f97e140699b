"""The counts beside the navigation, kept for some seconds: every page asked the same half a dozen queries.

What staff of the shop do counts at once (`forget`), what comes in from outside with the next look but one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import redis
import structlog
from django.conf import settings
from django.core.cache import cache

from crm.accounts.models import Membership

log = structlog.get_logger()
# Long enough that no kept count outlives the mark that it was made under.
MARK_SECONDS = 600


def counts_of(membership: Membership, ask: Callable[[], dict[str, int]]) -> dict[str, int]:
    """What `ask` answers for the member, or what it answered less than NAV_COUNT_SECONDS ago."""
    if not settings.NAV_COUNT_SECONDS:
        return ask()
    mark, kept = _mark_key(membership.merchant_id), f"nav:counts:{membership.pk}"
    try:
        found = cache.get_many([mark, kept])
        made_under, counts = found.get(kept, (None, {}))
        if made_under == found.get(mark, ""):
            return dict(counts)
        counts = ask()
        cache.set(kept, (found.get(mark, ""), counts), settings.NAV_COUNT_SECONDS)
        return counts
    except redis.RedisError as error:
        log.warning("counts are not kept without Redis", error=str(error))
        return ask()


def forget(merchant_id: int) -> None:
    """Call it after somebody of the shop changed something: the next page counts anew."""
    if not settings.NAV_COUNT_SECONDS:
        return
    try:
        cache.set(_mark_key(merchant_id), secrets.token_hex(4), MARK_SECONDS)
    except redis.RedisError as error:
        log.warning("counts are kept a little longer without Redis", error=str(error))


def _mark_key(merchant_id: int) -> str:
    return f"nav:mark:{merchant_id}"
