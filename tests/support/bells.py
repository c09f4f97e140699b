"""What was really rung, read from the broker."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable

import pytest
from django.conf import settings

from crm.events import ringing
from crm.lib.health import redis_client

Rung = tuple[str, list[object], bool]


@pytest.fixture
def rung(django_capture_on_commit_callbacks: Callable[..., object]) -> Callable[..., list[Rung]]:
    """`rung(act)` does it and reads from the broker what was rung by its commit: the task, its arguments, and
    whether it is to wait first. Each call forgets how lately sweepers were rung."""

    def tasks_of(act: Callable[[], object]) -> list[Rung]:
        ringing._rung.clear()
        client = redis_client()
        queues = [f"{settings.REDIS_PREFIX}:{name}" for name in ("default", "insight", "mail", "campaigns")]
        client.delete(*queues)
        with django_capture_on_commit_callbacks(execute=True):
            act()
        found = []
        for queue in queues:
            for message in reversed(client.lrange(queue, 0, -1)):
                told = json.loads(message)
                args, *_rest = json.loads(b64decode(told["body"]))
                found.append((told["headers"]["task"], args, told["headers"]["eta"] is not None))
        return found

    return tasks_of
