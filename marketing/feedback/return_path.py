"""The address that a mail comes back to, with a mark in it that names the mail (VERP).

Mail servers may change the case of a local part's letters, so the mark is in base32.
"""

from __future__ import annotations

import base64
import binascii
import re

from marketing.models import BounceMailbox
from marketing.sending import tokens

RETURN = b"b"
_MARKED = re.compile(r"\+b([a-z2-7]{32})@", re.IGNORECASE)
# What a local part may have in front of the mark: 64 octets in all (RFC 5321, 4.5.3.1.1).
LONGEST_LOCAL = 64 - 34


def bounce_address() -> str:
    """The shop's address for bounces, "" without one. In its scope; one query."""
    row = BounceMailbox.objects.first()
    return row.address if row else ""


def marked(address: str, delivery_id: int) -> str:
    """`bounces+b….@shop.example` for the mail; `address` is the shop's own."""
    local, _at, domain = address.rpartition("@")
    raw = base64.urlsafe_b64decode(tokens.make(RETURN, delivery_id) + "=")
    return f"{local}+b{base64.b32encode(raw).decode('ascii').lower()}@{domain}"


def delivery_id_of(text: str) -> int | None:
    """The mail that a mark in these headers names, None for no mark or one that we did not make."""
    for found in _MARKED.finditer(text):
        try:
            raw = base64.b32decode(found[1].upper())
        except binascii.Error:
            continue
        named = tokens.read(RETURN, base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii"))
        if named is not None:
            return named.delivery_id
    return None
