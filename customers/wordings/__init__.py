"""What people read when they are asked for consent: the house's texts, the shop's own, version by version."""
