"""The shop's own fields as columns of an exported file."""

from __future__ import annotations

from collections.abc import Callable

from crm.exports.registry import Column, Extra
from customers.fields.selectors import definitions
from customers.fields.showing import exported


def fields_of(subject: str) -> Callable[[], Extra]:
    """As they are stored, so that the file can be imported again; personal ones masked."""

    def extra() -> Extra:
        known = definitions(subject)
        return Extra(
            path="attributes",
            columns=[Column(f"attributes.{one.key}", "attributes") for one in known],
            cells=lambda values, whole: [exported(one, values.get(one.key), whole=whole) for one in known],
        )

    return extra
