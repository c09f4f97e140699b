"""Files of consents: who answered what, when, and how that can be shown."""
