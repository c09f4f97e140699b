"""Probable duplicates: who may be the same person, why, and what staff decided about it.

persons → blocking → comparing → weighing is arithmetic without a database; reading, scanning and touching
bring the customers to it; services, selectors, views and api are the queue.
"""
