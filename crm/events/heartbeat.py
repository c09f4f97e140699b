"""A worker says every few seconds that it is there; `/readyz` listens (crm/lib/health.py)."""

import threading
import time

import redis
import structlog
from celery.signals import worker_ready, worker_shutdown
from django.conf import settings

from crm.lib.health import WORKER_KEY, redis_client

log = structlog.get_logger()
BEAT_SECONDS = 10
_stop = threading.Event()


def _beat() -> None:
    client = redis_client()
    while True:
        try:
            client.set(f"{settings.REDIS_PREFIX}:{WORKER_KEY}", time.time())
        except redis.RedisError as error:
            log.warning("heartbeat not heard", error=str(error))
        if _stop.wait(BEAT_SECONDS):
            return


@worker_ready.connect
def start(**_: object) -> None:
    _stop.clear()
    threading.Thread(target=_beat, name="heartbeat", daemon=True).start()


@worker_shutdown.connect
def stop(**_: object) -> None:
    _stop.set()
