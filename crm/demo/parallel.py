"""Chunks of work side by side, a process for each core: making a row costs as much as storing it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections, transaction

# Set before forking, so that what a chunk needs is inherited, not pickled.
_work: Callable[[Any], int] | None = None


def chunks_of(count: int, size: int) -> list[tuple[int, int]]:
    """(start, stop) of each chunk."""
    return [(start, min(start + size, count)) for start in range(0, count, size)]


@contextmanager
def unchecked() -> Iterator[None]:
    """A transaction for rows that are right by construction: their foreign keys are not looked up one by one.

    Only a superuser may ask for that, which the user of the embedded PostgreSQL is; others check as ever.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            if may_everything():
                cursor.execute("SET LOCAL session_replication_role = replica")
        yield


def may_everything() -> bool:
    """Whether the database's user is a superuser, as the embedded PostgreSQL's is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
        return bool(cursor.fetchone()[0])


def side_by_side(work: Callable[[Any], int], jobs: Sequence[Any]) -> Iterator[int]:
    """What `work` returns for each job, as they end; each job commits its own transaction.

    One job runs in this process. A failing job raises here, and no further ones begin.
    """
    global _work
    if len(jobs) < 2:
        yield from map(work, jobs)
        return
    connections.close_all()  # a connection can't be shared with a forked process
    _work = work
    with multiprocessing.get_context("fork").Pool(os.cpu_count() or 1) as pool:
        yield from pool.imap_unordered(_run, jobs)


def _run(job: Any) -> int:
    assert _work is not None
    return _work(job)
