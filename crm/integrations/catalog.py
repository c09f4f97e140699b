"""Every store and carrier we can be connected to. A new one is a module in stores/ or messengers/ and a line
here."""

from crm.integrations.messengers.aliyun import Aliyun
from crm.integrations.messengers.anymail import AnymailMessenger
from crm.integrations.messengers.base import Messenger
from crm.integrations.messengers.providers import PROVIDERS
from crm.integrations.messengers.twilio import Twilio
from crm.integrations.messengers.wechat import WeChat
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


MESSENGERS: dict[str, Messenger] = {
    **{one.key: AnymailMessenger(one) for one in PROVIDERS},
    "twilio": Twilio(),
    "aliyun": Aliyun(),
    "wechat": WeChat(),
}


def messenger(platform: str) -> Messenger:
    """Raises NotFound for a carrier that was removed."""
    if platform not in MESSENGERS:
        raise NotFound()
    return MESSENGERS[platform]


def adapter_of(platform: str) -> StoreAdapter | Messenger:
    """A store's or a carrier's. Raises NotFound."""
    return MESSENGERS[platform] if platform in MESSENGERS else store(platform)
