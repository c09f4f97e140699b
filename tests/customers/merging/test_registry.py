"""Every reference to a customer has somebody who says what becomes of it in a merge."""

from __future__ import annotations

from django.apps import apps

from customers.merging.registry import REGISTRY, movers, table_of
from customers.models import Customer


def references() -> set[tuple[str, str]]:
    """(model, column) of each foreign key to a customer and each column that holds a customer's id."""
    found = set()
    for model in apps.get_models():
        for one in model._meta.concrete_fields:
            points = one.is_relation and one.related_model is Customer
            named = not one.is_relation and one.name.endswith("customer_id")
            if points or named:
                found.add((model._meta.label, one.attname))
    return found


def test_every_reference_to_a_customer_is_declared():
    declared = set(REGISTRY.rows)

    assert references() - declared == set(), "say in the app's merging.py what a merge does with these"
    assert declared - references() == set(), "these are declared, but there is no such reference"


def test_what_follows_has_a_parent_that_moves():
    moving = {one.model for one in movers()}

    assert {parent for one in movers() for _column, parent in one.follows} <= moving


def test_parents_move_before_what_follows_them():
    order = [one.model for one in movers()]

    assert all(
        order.index(parent) < order.index(one.model) for one in movers() for _column, parent in one.follows
    )


def test_every_table_has_a_sequence_that_tells_what_came_later(db):
    from customers.merging.moving import marks_now

    assert set(marks_now()) == {one.model for one in movers()}
    assert all(table_of(one.model) for one in movers())
