"""Short signed names for a mail and its links: what stands in tracking and unsubscribe addresses."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from crm.lib.crypto import derived_key

OPEN, CLICK, UNSUBSCRIBE = b"o", b"c", b"u"
# 80 bits: nobody guesses one at any request rate, and the address stays short enough not to be broken in two.
MAC_BYTES = 10


@lru_cache(maxsize=1)
def _key() -> bytes:
    return derived_key("mail tokens")


@dataclass(frozen=True, slots=True)
class Named:
    delivery_id: int
    number: int


def make(kind: bytes, delivery_id: int, number: int = 0) -> str:
    """A URL-safe token of 27 letters."""
    payload = delivery_id.to_bytes(8, "big") + number.to_bytes(2, "big")
    mac = hashlib.blake2b(kind + payload, key=_key(), digest_size=MAC_BYTES).digest()
    return base64.urlsafe_b64encode(payload + mac).rstrip(b"=").decode("ascii")


def read(kind: bytes, token: str) -> Named | None:
    """What `make` was given, or None for anything we did not sign."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != 10 + MAC_BYTES:
        return None
    payload, mac = raw[:10], raw[10:]
    expected = hashlib.blake2b(kind + payload, key=_key(), digest_size=MAC_BYTES).digest()
    if not hmac.compare_digest(mac, expected):
        return None
    return Named(int.from_bytes(payload[:8], "big"), int.from_bytes(payload[8:], "big"))


def click_url(delivery_id: int, number: int) -> str:
    return f"{settings.PUBLIC_URL}/t/c/{make(CLICK, delivery_id, number)}"


def open_url(delivery_id: int) -> str:
    return f"{settings.PUBLIC_URL}/t/o/{make(OPEN, delivery_id)}.gif"


def unsubscribe_url(delivery_id: int) -> str:
    return f"{settings.PUBLIC_URL}/u/{make(UNSUBSCRIBE, delivery_id)}/"
