"""Every store we can be connected to. A new one is a module in stores/ and a line here."""

from crm.integrations.stores.base import StoreAdapter
from crm.integrations.stores.shopify import Shopify
from crm.integrations.stores.woocommerce import WooCommerce
from crm.lib.errors import NotFound

STORES: dict[str, StoreAdapter] = {
    "shopify": Shopify(),
    "woocommerce": WooCommerce(),
}


def store(platform: str) -> StoreAdapter:
    """Raises NotFound for a platform that was removed."""
    if platform not in STORES:
        raise NotFound()
    return STORES[platform]
