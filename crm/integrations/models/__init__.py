"""What comes in and goes out, one noun a file."""

from crm.integrations.models.connection import Connection
from crm.integrations.models.hook import InboundHook
from crm.integrations.models.outbox import OutboundMail
from crm.integrations.models.webhook import WebhookAttempt, WebhookEndpoint

__all__ = ["Connection", "InboundHook", "OutboundMail", "WebhookAttempt", "WebhookEndpoint"]
