"""What a leaver held goes to those who stay: one transfer, split by rule or by hand, with a receipt and an
undo."""
