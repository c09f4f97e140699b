"""Who else is looking at a ticket: kept in Redis for half a minute, never the truth of anything."""

from __future__ import annotations

import time
from dataclasses import dataclass

import redis
import structlog
from django.conf import settings

from crm.accounts.models import Membership
from crm.lib import live
from crm.lib.health import redis_client
from service.models import Ticket

log = structlog.get_logger()

# The page says every 15 s that it is there; two missed beats mean that it is gone.
SECONDS = 35
LOOKING, WRITING = "looking", "writing"


@dataclass(frozen=True)
class Onlooker:
    name: str
    writing: bool


def topic(ticket: Ticket) -> str:
    return f"service.presence:{ticket.pk}"


def present(*, ticket: Ticket, membership: Membership, writing: bool) -> list[Onlooker]:
    """Notes the member as there and returns the others, by name; other pages hear when one comes or starts
    to write. Without Redis nobody else is seen."""
    key = f"{settings.REDIS_PREFIX}:presence:{ticket.merchant_id}:{ticket.pk}"
    state = WRITING if writing else LOOKING
    now = time.time()
    try:
        client = redis_client()
        kept: dict[bytes, bytes] = client.hgetall(key)  # type: ignore[assignment]
        client.hset(key, str(membership.pk), f"{now:.0f}|{state}|{membership.user}")
        client.expire(key, SECONDS * 4)
    except redis.RedisError as error:
        log.warning("presence without Redis", error=str(error))
        return []
    others, before = [], None
    for raw_id, raw in kept.items():
        seen, doing, name = raw.decode().split("|", 2)
        if now - float(seen) > SECONDS:
            continue
        if raw_id.decode() == str(membership.pk):
            before = doing
        else:
            others.append(Onlooker(name, doing == WRITING))
    if before != state:
        live.publish(ticket.merchant_id, [topic(ticket)])
    return sorted(others, key=lambda one: one.name)


def leave(*, ticket: Ticket, membership: Membership) -> None:
    """The member has gone to another ticket."""
    key = f"{settings.REDIS_PREFIX}:presence:{ticket.merchant_id}:{ticket.pk}"
    try:
        redis_client().hdel(key, str(membership.pk))
    except redis.RedisError as error:
        log.warning("presence without Redis", error=str(error))
        return
    live.publish(ticket.merchant_id, [topic(ticket)])
