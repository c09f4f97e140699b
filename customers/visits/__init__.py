"""Visits of the shop's own pages: nameless until somebody signs in with the same browser, then theirs."""
