"""Journeys: paths that customers walk by themselves, a row each, moved on by a sweeper."""
