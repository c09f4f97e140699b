"""Recognising many people at once: the look-up of `identities.resolve`, set-based for imports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from crm.accounts.models import Merchant
from crm.imports.sql import fetch
from customers.identities import Key, Kind
from customers.models import Identity


def keys_known(merchant: Merchant, keys: Iterable[Key]) -> dict[Key, int]:
    """key → id of the customer whom it names; unknown keys are left out. One query."""
    asked = list(set(keys))
    rows = fetch(
        f"""
        SELECT i.kind, i.scope, i.value, i.customer_id FROM {Identity._meta.db_table} i
        JOIN unnest(%s::text[], %s::text[], %s::text[]) AS k(kind, scope, value)
          ON i.kind = k.kind AND i.scope = k.scope AND i.value = k.value
        WHERE i.merchant_id = %s
        """,
        [[str(k.kind) for k in asked], [k.scope for k in asked], [k.value for k in asked], merchant.pk],
    )
    return {Key(Kind(kind), scope, value): customer_id for kind, scope, value, customer_id in rows}


def keys_fresh(keys: Iterable[Key], known: Mapping[Key, int]) -> set[Key]:
    """Those that nobody has and that stand once among these rows' keys. A row of nothing but fresh keys is
    a new person by `resolve` too, without a question; every other one is for `resolve` to decide."""
    return {key for key, uses in Counter(keys).items() if uses == 1 and key not in known}
