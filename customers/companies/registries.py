"""What upper floors hang into a company's room; `customers/` imports none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from customers.registries import Action, Panel

# A card of the company page: as customers.registries.Panel, its URL takes the company's id ("{id}" in topics
# too).
COMPANY_PANELS: list[Panel] = []
COMPANY_ACTIONS: list[Action] = []
# What companies owe: ids → amounts in the books' currency, one query. Filled by whoever keeps open orders.
Owed = Callable[[Sequence[int]], dict[int, Decimal]]
_OWED: list[Owed] = []


def add_company_panel(panel: Panel) -> None:
    COMPANY_PANELS.append(panel)
    COMPANY_PANELS.sort(key=lambda one: one.order)


def add_company_action(action: Action) -> None:
    COMPANY_ACTIONS.append(action)
    COMPANY_ACTIONS.sort(key=lambda one: one.order)


def add_owed(owed: Owed) -> None:
    _OWED.append(owed)


def owed_by(company_ids: Sequence[int]) -> dict[int, Decimal]:
    """What each of these companies has ordered and not paid, in the books' currency; one query a source."""
    total = dict.fromkeys(company_ids, Decimal(0))
    for source in _OWED:
        for pk, amount in source(company_ids).items():
            total[pk] = total.get(pk, Decimal(0)) + amount
    return total
