"""Tickets and what the desk needs to answer them, one noun a file."""

from service.models.desk import BusinessHours, Macro, ServiceSettings, SlaPolicy
from service.models.entry import Draft, Entry
from service.models.ticket import Ticket

__all__ = ["BusinessHours", "Draft", "Entry", "Macro", "ServiceSettings", "SlaPolicy", "Ticket"]
