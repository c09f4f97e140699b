"""Shopify: signed webhooks in, the Admin REST API for history."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.integrations import http
from crm.integrations.stores import shopify_reading as reading
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

API_VERSION = "2025-01"
PAGE_SIZE = 250
NEXT_LINK = re.compile(r'<([^>]+)>;\s*rel="?next"?')
SHOP = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")

# topic resource → (names under which REST answers wrap it, reader)
READERS: dict[str, tuple[tuple[str, ...], Callable[[Any], Item]]] = {
    "orders": (("order", "orders"), reading.order),
    "refunds": (("refund", "refunds"), reading.refund),
    "fulfillments": (("fulfillment", "fulfillments"), reading.shipment),
    "fulfillment_events": (("fulfillment_event", "fulfillment_events"), reading.shipment_event),
    "customers": (("customer", "customers"), reading.customer),
    "products": (("product", "products"), reading.product),
}
NOT_USED = {
    "orders/delete": gettext_lazy("Deleted in Shopify; the order is kept here."),
    "orders/edited": gettext_lazy("Shopify sends the whole order as orders/updated as well."),
    "customers/delete": gettext_lazy("Deleted in Shopify; the customer is kept here until erased."),
    "products/delete": gettext_lazy("Deleted in Shopify; past orders still name the product."),
    "customers/redact": gettext_lazy("Shopify asks to erase a customer: do it on the customer's page."),
    "customers/data_request": gettext_lazy("A customer asks for their data: export it on their page."),
    "shop/redact": gettext_lazy("Shopify asks to erase the shop's data 48 hours after the app was removed."),
}


class Shopify:
    key = "shopify"
    label = "Shopify"
    order_topic = "orders/updated"
    fields = (
        CredentialField(
            "shop",
            gettext_lazy("Shop address"),
            gettext_lazy("Such as my-shop.myshopify.com."),
            secret=False,
        ),
        CredentialField(
            "secret",
            gettext_lazy("Webhook signing secret"),
            gettext_lazy("Shopify shows it under the list of webhooks; for an app it is the API secret key."),
        ),
        CredentialField(
            "token",
            gettext_lazy("Admin API access token"),
            gettext_lazy("Only to fetch past orders. Needs read_orders and read_all_orders."),
            required=False,
        ),
    )
    steps = (
        gettext_lazy("In Shopify, open Settings → Notifications → Webhooks and choose “Create webhook”."),
        gettext_lazy(
            "Make one each for: order creation, order update, refund create, fulfilment creation, fulfilment "
            "update, customer creation, customer update, product update. Format JSON, the newest API version."
        ),
        gettext_lazy("Paste this address into each of them."),
    )

    def verify(self, *, body: bytes, headers: Headers, secrets: Secrets) -> Received:
        given = headers.get("X-Shopify-Hmac-Sha256", "")
        check_signature(body=body, secret=secrets.get("secret", ""), given=given)
        topic = headers.get("X-Shopify-Topic", "")[:80]
        return Received(delivery_id(headers, "X-Shopify-Webhook-Id", topic, body), topic)

    def fetch(self, *, secrets: Secrets, since: datetime | None, page: str | None) -> Fetched:
        shop, token = secrets.get("shop", ""), secrets.get("token", "")
        if not token:
            raise Upstream(_("There is no access token to fetch with."), retryable=False)
        if page:  # Shopify allows nothing beside the token of the next page
            params: dict[str, Any] = {"page_info": page, "limit": PAGE_SIZE}
        else:
            params = {"status": "any", "limit": PAGE_SIZE, "order": "updated_at asc"}
            if since:
                params["updated_at_min"] = since.isoformat()
        url = f"{base_url(shop)}/admin/api/{API_VERSION}/orders.json"
        answer = http.send("GET", url, params=params, headers={"X-Shopify-Access-Token": token})
        orders = _orders_in(answer)
        return Fetched(orders, _next_page(answer.headers.get("link", "")))

    def normalise(self, *, topic: str, payload: Any) -> list[Item]:
        if topic in NOT_USED:
            return [Ignored(str(NOT_USED[topic]))]
        resource = topic.partition("/")[0]
        if resource in {"checkouts", "carts"}:
            return [Ignored(_("Carts and checkouts are not kept; the order will come by itself."))]
        if resource not in READERS:
            return [Ignored(_("“%(topic)s” is not used here.") % {"topic": topic})]
        wrappers, reader = READERS[resource]
        found = objects(payload, *wrappers)
        if not found:
            raise Rejected(
                _("The body holds no object of “%(topic)s”.") % {"topic": topic}, code="bad_payload"
            )
        return [reader(one) for one in found]

    def acknowledge(self, received: Received, *, repeated: bool) -> Answer:
        return Answer(200, {"received": True, "repeated": repeated})


def base_url(shop: str) -> str:
    """https for a myshopify.com name; a full address only where loopback is allowed, for tests."""
    if SHOP.fullmatch(shop):
        return f"https://{shop}"
    if settings.OUTGOING_ALLOW_LOOPBACK and shop.startswith("http://127.0.0.1:"):
        return shop
    raise Upstream(_("“%(shop)s” is not an address of Shopify.") % {"shop": shop}, retryable=False)


def _orders_in(answer: http.Answered) -> list[Any]:
    if answer.status in {401, 403}:
        raise Upstream(_("Shopify refuses the access token."), retryable=False, code="bad_credentials")
    if answer.status != 200:
        text = _("Shopify answered %(status)s.") % {"status": answer.status}
        raise Upstream(text, retryable=answer.status == 429 or answer.status >= 500)
    try:
        return list(json.loads(answer.body)["orders"])
    except (ValueError, KeyError, TypeError) as error:
        raise Upstream(_("Shopify's answer can't be read."), retryable=True) from error


def _next_page(link: str) -> str | None:
    found = NEXT_LINK.search(link)
    if not found:
        return None
    tokens = parse_qs(urlsplit(found[1]).query).get("page_info")
    return tokens[0] if tokens else None
