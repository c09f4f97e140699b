"""When anything is announced, it goes into the out-tray of each endpoint that wants it."""

from crm.events.handling import on_every
from crm.events.models import Event
from crm.integrations import webhooks
from crm.integrations.models import WebhookEndpoint
from crm.lib.tenancy import merchant_scope


def wanted(merchant_id: int, event_name: str) -> bool:
    """Whether any of the merchant's endpoints wants this kind of event. One indexed query."""
    with merchant_scope(merchant_id):
        return WebhookEndpoint.objects.filter(is_active=True, events__contains=[event_name]).exists()


@on_every(name="integrations.webhooks", wants=wanted)
def tell_endpoints(event: Event) -> None:
    webhooks.enqueue(event)
