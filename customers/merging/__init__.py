"""Two records of one person become one, and can become two again.

`services` has the verbs, `registry` what each app declares in its own `merging.py`, `moving` the SQL that
carries it out. This package is itself the customers' `merging` module: importing it declares their rows.
"""

from customers.merging import declared, tasks

__all__ = ["declared", "tasks"]
