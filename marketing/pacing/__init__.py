"""How fast the shop sends: limits of pace by way and receiver, and warm-up plans of sender domains."""
