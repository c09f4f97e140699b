"""Double opt-in: a yes to marketing by e-mail counts when the owner of the address confirms it."""
