"""The embedded stack: everything that `make run`, `make manage` and `make test` start on a plain machine.

Nothing on a floor imports this package; it starts the product from outside, as a process manager would.
"""
