"""The preference centre: what a person allows by which way, in the portal and by a link from any mail."""
