"""Segments: a rule in the words of the trade, compiled to one SQL statement."""
