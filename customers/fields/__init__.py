"""Custom fields: what a shop adds to its customers, and one way in for every value."""
