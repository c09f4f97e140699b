"""How others sign what they send us, each by its published rule. Comparing is `same`, in constant time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Mapping


def same(wanted: str, given: str) -> bool:
    """Whether two signatures are one; an empty one is nobody's."""
    return bool(wanted) and hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))


def twilio(*, url: str, params: Mapping[str, str], token: str) -> str:
    """Base64 of HMAC-SHA1 over the address and the sorted form fields
    (https://www.twilio.com/docs/usage/security#validating-requests)."""
    said = url + "".join(name + params[name] for name in sorted(params))
    return base64.b64encode(hmac.new(token.encode(), said.encode(), hashlib.sha1).digest()).decode()


def twilio_body(body: bytes) -> str:
    """Hex SHA-256 of a JSON body, which Twilio puts into the address as `bodySHA256`."""
    return hashlib.sha256(body).hexdigest()


def wechat(*parts: str) -> str:
    """Hex SHA-1 of the sorted parts: token, timestamp and nonce, and the ciphertext where there is one."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def wechat_raw_data(*, raw: str, session_key: str) -> str:
    """Hex SHA-1 of what a mini program got of its user, and its session key."""
    return hashlib.sha1((raw + session_key).encode()).hexdigest()


def shopify_oauth(*, params: Mapping[str, str], secret: str) -> str:
    """Hex HMAC-SHA256 over the sorted query without `hmac` itself; `&`, `%` and, in names, `=` are escaped
    (https://shopify.dev/docs/apps/build/authentication-authorization)."""

    def escaped(text: str) -> str:
        return text.replace("%", "%25").replace("&", "%26")

    pairs = [
        f"{escaped(name).replace('=', '%3D')}={escaped(value)}"
        for name, value in sorted(params.items())
        if name not in {"hmac", "signature"}
    ]
    return hmac.new(secret.encode(), "&".join(pairs).encode(), hashlib.sha256).hexdigest()


def easypost(*, body: bytes, secret: str) -> str:
    """`hmac-sha256-hex=…` over the raw body with the secret in NFKD (https://docs.easypost.com/guides/webhooks)."""
    key = unicodedata.normalize("NFKD", secret).encode()
    return "hmac-sha256-hex=" + hmac.new(key, body, hashlib.sha256).hexdigest()
