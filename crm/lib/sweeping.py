"""A sweeper's round over the rows of all shops."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import structlog

from crm.lib.tenancy import merchant_scope

log = structlog.get_logger()


class Row(Protocol):
    """Something of a shop's."""

    @property
    def pk(self) -> int: ...

    @property
    def merchant_id(self) -> int: ...


R = TypeVar("R", bound=Row)


def for_each(rows: Iterable[R], act: Callable[[R], object], *, what: str) -> int:
    """Does it for each row inside its shop's wall; for how many it went well.

    Whatever fails for one is logged under `what` and comes up again in the next round: it must not keep the
    other shops waiting.
    """
    done = 0
    for row in rows:
        with merchant_scope(row.merchant_id):
            try:
                act(row)
            except Exception:  # a bug, or the database: told, and the next one's turn
                log.exception(what, row=row.pk, merchant=row.merchant_id)
            else:
                done += 1
    return done
