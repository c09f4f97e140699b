"""Changing many customers at once: any field, for the ticked ones or everyone a list finds, with an undo."""
