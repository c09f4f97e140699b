"""Trying versions of a mail, holding people out of it, and what both tell. Honest about chance."""
