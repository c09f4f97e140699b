"""The desk of addresses that nobody writes to: looked up, added, brought by a file, lifted with a reason."""
