"""Campaigns and templates: services, pages and API. The sending itself is in marketing/sending/."""
