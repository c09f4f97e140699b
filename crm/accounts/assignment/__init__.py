"""Who gets what comes in: ordered rules, by turns or to whoever has least."""
