"""Store adapters, four methods wide."""
