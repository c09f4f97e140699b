"""The customer and what is known of them, one noun a file."""

from customers.models.consent import Consent, Suppression
from customers.models.customer import Address, Company, Customer, Note
from customers.models.identity import Identity
from customers.models.metrics import Metrics

__all__ = ["Address", "Company", "Consent", "Customer", "Identity", "Metrics", "Note", "Suppression"]
