"""The demo shop: generated, believable, and the same each time; also any size, to measure speed.

A composition like crm/local/: it knows every app and stands outside the floors.
"""
