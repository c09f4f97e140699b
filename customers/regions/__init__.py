"""Regions as a tree, and the customers and companies in each."""
