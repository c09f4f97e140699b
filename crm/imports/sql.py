"""Statements of the importers, on working tables that no model knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection


def execute(sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> int:
    """Rows touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return int(cursor.rowcount)


def fetch(sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return list(cursor.fetchall())


def fetch_one(sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> tuple[Any, ...]:
    return fetch(sql, parameters)[0]
