"""Secrets at rest, signed links and keyed hashes, each with its own key derived from one."""

import base64
import hashlib
import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core import signing

from crm.lib.errors import Rejected


def derived_key(purpose: str) -> bytes:
    """32 bytes for one purpose (HKDF-SHA256, RFC 5869)."""
    return _derived(settings.FIELD_ENCRYPTION_KEY, purpose)


@lru_cache(maxsize=64)
def _derived(key: str, purpose: str) -> bytes:
    hkdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose.encode())
    return hkdf.derive(key.encode())


def encrypt(text: str) -> str:
    """Fernet token of the text, for a credential column."""
    return Fernet(base64.urlsafe_b64encode(derived_key("fields"))).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """The text again. Raises Rejected when the key has changed."""
    try:
        return Fernet(base64.urlsafe_b64encode(derived_key("fields"))).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise Rejected("A stored credential can't be read: FIELD_ENCRYPTION_KEY has changed.") from error


def keyed_hash(value: str, *, purpose: str) -> str:
    """64 hex digits that only this installation can recompute; survives erasure of the value."""
    return hmac.new(derived_key(purpose), value.encode(), hashlib.sha256).hexdigest()


# Bytes that SHA-256 works on at a time.
SHA256_BLOCK = 64


def keyed_hash_sql(column: str, *, purpose: str) -> tuple[str, tuple[bytes, bytes]]:
    """`keyed_hash` of a column, computed by PostgreSQL, and its two parameters."""
    return hash_sql(column, outer="%s", inner="%s"), hash_keys(purpose)


def hash_sql(column: str, *, outer: str, inner: str) -> str:
    """The same with placeholders of the caller's own, which get the two of `hash_keys`."""
    return f"encode(sha256({outer} || sha256({inner} || convert_to({column}, 'UTF8'))), 'hex')"


def hash_keys(purpose: str) -> tuple[bytes, bytes]:
    """The outer and the inner block of HMAC (RFC 2104) for a key no longer than a block."""
    padded = derived_key(purpose).ljust(SHA256_BLOCK, b"\0")
    return bytes(byte ^ 0x5C for byte in padded), bytes(byte ^ 0x36 for byte in padded)


def sign(data: object, *, purpose: str) -> str:
    """A URL-safe signed token that carries `data` (readable, not secret)."""
    return signing.dumps(data, salt=purpose, compress=True)


def unsign(token: str, *, purpose: str, max_age_seconds: int | None = None) -> object:
    """What `sign` put in. Raises django.core.signing.BadSignature or SignatureExpired."""
    data: object = signing.loads(token, salt=purpose, max_age=max_age_seconds)
    return data
