"""The link from a mail to its reader's preferences: signed, without sign-in, for one person and address."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from functools import lru_cache

from django.conf import settings
from django.urls import reverse

from crm.accounts.models import Merchant
from crm.lib.crypto import derived_key
from customers.models import Customer, Identity
from customers.models.consent import Purpose

# 48 bits tell a person's few addresses apart; 80 bits nobody guesses.
ADDRESS_BYTES, MAC_BYTES = 6, 10


@lru_cache(maxsize=1)
def _key() -> bytes:
    return derived_key("preference links")


def _hash(kind: bytes, data: bytes, size: int) -> bytes:
    return hashlib.blake2b(kind + data, key=_key(), digest_size=size).digest()


def token_for(customer_id: int, merchant_id: int, address: str) -> str:
    """32 URL-safe letters that name the customer and the address (normalised) that the mail goes to."""
    payload = customer_id.to_bytes(8, "big") + _hash(b"a", address.encode(), ADDRESS_BYTES)
    mac = _hash(b"p", payload + merchant_id.to_bytes(8, "big"), MAC_BYTES)
    return base64.urlsafe_b64encode(payload + mac).rstrip(b"=").decode("ascii")


def preferences_url(customer_id: int, merchant: Merchant, address: str) -> str:
    """The whole address for a mail. No query."""
    before, _mark, after = _path(merchant.slug).partition(_MARK)
    return f"{settings.PUBLIC_URL}{before}{token_for(customer_id, merchant.pk, address)}{after}"


def way_out_headers(customer_id: int, merchant: Merchant, address: str, purpose: Purpose) -> dict[str, str]:
    """What makes the mail program's own button withdraw mail of this purpose (RFC 8058)."""
    token = token_for(customer_id, merchant.pk, address)
    way_out = settings.PUBLIC_URL + reverse("portal_way_out", args=[merchant.slug, token, purpose.value])
    return {"List-Unsubscribe": f"<{way_out}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


_MARK = "TOKEN"


@lru_cache(maxsize=256)
def _path(slug: str) -> str:
    """The shop's path with a mark for the token: a campaign makes this address a million times."""
    return reverse("portal_link", args=[slug, _MARK])


def customer_named(token: str, merchant_id: int) -> tuple[Customer, str] | None:
    """Who the link was made for, as who they are now, and the address; None for a link that this shop didn't
    make, and once the address isn't theirs any more: it may be somebody else's by now."""
    payload = _payload(token, merchant_id)
    customer = _customer(payload) if payload else None
    if payload is None or customer is None or customer.erased_at is not None:
        return None
    for address in _addresses(customer):
        if hmac.compare_digest(_hash(b"a", address.encode(), ADDRESS_BYTES), payload[8:]):
            return customer, address
    return None


def leaver_named(token: str, merchant_id: int) -> Customer | None:
    """Who the link was made for, as who they are now, whatever became of the address and of them: a no counts
    from an old mail too. None for a link that this shop didn't make."""
    payload = _payload(token, merchant_id)
    return _customer(payload) if payload else None


def _payload(token: str, merchant_id: int) -> bytes | None:
    """The customer's id and the address's hash, when it was this shop that signed them."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    payload, mac = raw[: 8 + ADDRESS_BYTES], raw[8 + ADDRESS_BYTES :]
    expected = _hash(b"p", payload + merchant_id.to_bytes(8, "big"), MAC_BYTES)
    return payload if hmac.compare_digest(mac, expected) else None


def _customer(payload: bytes) -> Customer | None:
    named = int.from_bytes(payload[:8], "big")
    found = Customer.objects.select_related("merged_into").filter(pk=named).first()
    return (found.merged_into or found) if found else None


def _addresses(customer: Customer) -> list[str]:
    rows = Identity.objects.filter(customer=customer, kind=Identity.Kind.EMAIL, scope="")
    return [*([customer.email] if customer.email else []), *rows.values_list("value", flat=True)]
