"""Retention: how long a shop keeps what. This package is itself the customers' `retention` module: importing
it declares the kinds of this app."""

from customers.retention import kinds, tasks
from customers.visits import retention as visits

__all__ = ["kinds", "tasks", "visits"]
