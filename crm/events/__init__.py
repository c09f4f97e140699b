"""The event log: down is a call, up is an event."""
