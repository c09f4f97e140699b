"""What upper floors hang onto the order's page."""

from __future__ import annotations

from customers.registries import Panel

# Cards of the order page: a URL name that takes the order's id and answers what stands inside the card.
ORDER_PANELS: list[Panel] = []


def add_order_panel(panel: Panel) -> None:
    ORDER_PANELS.append(panel)
    ORDER_PANELS.sort(key=lambda one: one.order)
