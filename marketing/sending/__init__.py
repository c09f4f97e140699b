"""Sending: audience frozen into rows, checked, handed over, and every doubt visible (DESIGN.md section 4).

freezing → claiming (claim, check, mark, record) → runner (the loop) ; reaping for what a dead worker left.
"""
