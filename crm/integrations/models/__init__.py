"""What comes in and goes out, one noun a file."""

from crm.integrations.models.outbox import OutboundMail

__all__ = ["OutboundMail"]
