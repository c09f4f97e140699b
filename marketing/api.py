"""Marketing by REST; each part registers its own operations."""

from marketing.campaigns import api as campaigns_api

__all__ = ["campaigns_api"]
