"""Looks for a word wherever this installation keeps anything: database, files, Redis."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session

from crm.lib.health import redis_client
from crm.local import postgres
from tests.conftest import environment_of_run


def found_in_database(word: str, url: str = "") -> list[str]:
    """The lines of a pg_dump that hold the word, as text or as the hex of bytes."""
    url = url or environment_of_run()["DATABASE_URL"]
    command = [str(postgres.binaries() / "pg_dump"), "--data-only", "--inserts", f"--dbname={url}"]
    dump = subprocess.run(command, check=True, capture_output=True, env=dict(os.environ)).stdout
    needles = [word.lower().encode(), word.encode().hex().encode()]
    return [line[:300].decode("utf-8", "replace") for line in dump.splitlines()
            if any(one in line.lower() for one in needles)]  # fmt: skip


def found_in_sessions(word: str) -> list[str]:
    """Keys of the sessions whose packed data holds the word."""
    return [row.session_key for row in Session.objects.all() if word in str(row.get_decoded())]


def found_in_files(word: str) -> list[Path]:
    root = Path(settings.MEDIA_ROOT)
    return [path for path in root.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


def found_in_redis(word: str) -> list[bytes]:
    client: Any = redis_client()
    readers = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    return [
        key
        for key in client.scan_iter(count=1_000)
        if word in repr(key) or word in repr(readers[client.type(key)](key))
    ]


def found_anywhere(word: str) -> dict[str, Any]:
    """Where the word is; empty when it is nowhere."""
    places = {
        "database": found_in_database(word),
        "sessions": found_in_sessions(word),
        "files": found_in_files(word),
        "redis": found_in_redis(word),
    }
    return {place: found for place, found in places.items() if found}
