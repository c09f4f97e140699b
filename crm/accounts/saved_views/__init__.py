"""Saved views: a list as somebody narrowed, sorted and laid it out, under a name, for themselves or
others."""
