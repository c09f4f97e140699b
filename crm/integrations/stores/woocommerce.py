"""WooCommerce: signed webhooks in, REST API v3 for history."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.integrations import http
from crm.integrations.stores import woocommerce_reading as reading
from crm.integrations.stores.base import (
    Answer,
    CredentialField,
    Fetched,
    Headers,
    Received,
    Secrets,
    check_signature,
    delivery_id,
    objects,
)
from crm.integrations.stores.normalised import Ignored, Item
from crm.lib.errors import Rejected, Upstream

PAGE_SIZE = 100
# What WooCommerce posts, unsigned, when a webhook is saved: it only wants to see a 2xx.
PING = re.compile(rb"webhook_id=\d{1,19}")
# REST batch answers list what was made and changed; what was deleted is no news about an order.
BATCH = ("create", "update")

READERS: dict[str, Callable[[Any], Item]] = {
    "order": reading.order,
    "refund": reading.refund,
    "customer": reading.customer,
    "product": reading.product,
}
NOT_USED = {
    "order.deleted": gettext_lazy("Deleted in WooCommerce; the order is kept here."),
    "customer.deleted": gettext_lazy("Deleted in WooCommerce; the customer is kept here until erased."),
    "product.deleted": gettext_lazy("Deleted in WooCommerce; past orders still name the product."),
}


class WooCommerce:
    key = "woocommerce"
    label = "WooCommerce"
    order_topic = "order.updated"
    fields = (
        CredentialField(
            "site",
            gettext_lazy("Address of the shop"),
            gettext_lazy("Such as https://shop.example.com."),
            secret=False,
            kind="url",
        ),
        CredentialField("secret", gettext_lazy("Webhook secret"), generated=True),
        CredentialField(
            "consumer_key",
            gettext_lazy("Consumer key"),
            gettext_lazy("Only to fetch past orders: WooCommerce → Settings → Advanced → REST API, read."),
            required=False,
        ),
        CredentialField("consumer_secret", gettext_lazy("Consumer secret"), required=False),
    )
    steps = (
        gettext_lazy("In WooCommerce, open Settings → Advanced → Webhooks and choose “Add webhook”."),
        gettext_lazy(
            "Make one each for: order created, order updated, customer created, customer updated, "
            "product updated. Status active, API version WP REST API v3."
        ),
        gettext_lazy("Paste this delivery address and this secret into each of them."),
    )

    def verify(self, *, body: bytes, headers: Headers, secrets: Secrets) -> Received:
        topic = headers.get("X-WC-Webhook-Topic", "")[:80]
        if not topic and PING.fullmatch(body):
            return Received("ping", "ping", ping=True)
        given = headers.get("X-WC-Webhook-Signature", "")
        check_signature(body=body, secret=secrets.get("secret", ""), given=given)
        return Received(delivery_id(headers, "X-WC-Webhook-Delivery-ID", topic, body), topic)

    def fetch(self, *, secrets: Secrets, since: datetime | None, page: str | None) -> Fetched:
        name, password = secrets.get("consumer_key", ""), secrets.get("consumer_secret", "")
        if not name or not password:
            raise Upstream(_("There is no consumer key to fetch with."), retryable=False)
        number = int(page or 1)
        params: dict[str, Any] = {
            "per_page": PAGE_SIZE,
            "page": number,
            "orderby": "modified",
            "order": "asc",
        }
        if since:
            params |= {"modified_after": since.astimezone(UTC).replace(tzinfo=None).isoformat()}
            params |= {"dates_are_gmt": "true"}
        url = f"{base_url(secrets.get('site', ''))}/wp-json/wc/v3/orders"
        answer = http.send("GET", url, params=params, auth=(name, password))
        orders = _orders_in(answer)
        pages = answer.headers.get("x-wp-totalpages", "")
        more = number < int(pages) if pages.isdigit() else len(orders) == PAGE_SIZE
        return Fetched(orders, str(number + 1) if more else None)

    def normalise(self, *, topic: str, payload: Any) -> list[Item]:
        if topic in NOT_USED:
            return [Ignored(str(NOT_USED[topic]))]
        resource = topic.partition(".")[0]
        if resource not in READERS:
            return [Ignored(_("“%(topic)s” is not used here.") % {"topic": topic})]
        found = objects(payload, *BATCH)
        if not found:
            raise Rejected(
                _("The body holds no object of “%(topic)s”.") % {"topic": topic}, code="bad_payload"
            )
        return [READERS[resource](one) for one in found]

    def acknowledge(self, received: Received, *, repeated: bool) -> Answer:
        return Answer(200, {"received": True, "repeated": repeated})


def base_url(site: str) -> str:
    """https only: the keys travel in a header. Plain http only where loopback is allowed, for tests."""
    parts = urlsplit(site)
    loopback = settings.OUTGOING_ALLOW_LOOPBACK and parts.hostname == "127.0.0.1"
    if parts.scheme != "https" and not loopback:
        raise Upstream(_("The shop's address must start with https://."), retryable=False)
    return site.rstrip("/")


def _orders_in(answer: http.Answered) -> list[Any]:
    if answer.status in {401, 403}:
        raise Upstream(_("WooCommerce refuses the consumer key."), retryable=False, code="bad_credentials")
    if answer.status != 200:
        text = _("WooCommerce answered %(status)s.") % {"status": answer.status}
        raise Upstream(text, retryable=answer.status == 429 or answer.status >= 500)
    try:
        found = json.loads(answer.body)
    except ValueError as error:
        raise Upstream(_("WooCommerce's answer can't be read."), retryable=True) from error
    if not isinstance(found, list):
        raise Upstream(_("WooCommerce's answer can't be read."), retryable=True)
    return found
