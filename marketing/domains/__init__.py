"""Domains that the shop sends from: what their DNS says, their keys, and how mail fares where it goes."""
