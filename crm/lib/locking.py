"""Names that one transaction at a time holds, where there is no row to lock."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection


def hold(*names: str) -> None:
    """Waits until nobody else holds any of the names; they are held until the transaction ends. A name says
    whose and what ("order:7:12:1001"). Taken in one order everywhere, so that two who want the same never
    wait in a ring; two calls in one transaction give that up."""
    hold_all(names)


def hold_all(names: Iterable[str]) -> None:
    """`hold` for as many as there are, in one statement. The server's lock table holds a few thousand."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name",
            [sorted(set(names))],
        )


def hold_if_free(name: str) -> bool:
    """Holds the name until the transaction ends and says True; False at once when somebody else holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        (got,) = cursor.fetchone()
    return bool(got)
