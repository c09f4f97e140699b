"""Signing mails (DKIM, RFC 6376 and 8463): relaxed/relaxed, RSA-SHA256 or Ed25519-SHA256. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

RSA, ED25519 = "rsa", "ed25519"
RSA_BITS = 2048
Key = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
# What is signed where it is there: what readers see, what threads and lists are told by, and the way out
# (RFC 8058 asks for both of its headers). Transport writes none of them anew.
SIGNED = (
    *(b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"reply-to", b"in-reply-to", b"references"),
    *(b"mime-version", b"content-type", b"content-transfer-encoding", b"list-id", b"list-unsubscribe"),
    *(b"list-unsubscribe-post", b"feedback-id"),
)
_FIELD = re.compile(rb"([^\x00-\x20:]+)[ \t]*:((?:[^\r\n]|\r\n[ \t])*)\r\n")
# A run that is more than the single blank it becomes.
_BLANKS = re.compile(rb" [ \t]+|\t[ \t]*")


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for a domain. Made once for a campaign: reading a key costs more than using it."""

    domain: str
    selector: str
    key: Key

    def header(self, message: bytes) -> bytes:
        """The DKIM-Signature field, with its CRLF, to be put before `message` (CRLF lines, whole)."""
        head, _gap, body = message.partition(b"\r\n\r\n")
        digest = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest())
        fields = _fields(head + b"\r\n")
        names = [name for name in SIGNED for _one in fields.get(name, ())]
        algorithm = RSA if isinstance(self.key, rsa.RSAPrivateKey) else ED25519
        value = (
            f"v=1; a={algorithm}-sha256; c=relaxed/relaxed; d={self.domain}; s={self.selector};\r\n"
            f" h={':'.join(name.decode('ascii') for name in names)};\r\n bh={digest.decode('ascii')};\r\n b="
        ).encode("ascii")
        # Of several fields of a name the last one is signed first (RFC 6376, 5.4.2).
        signed = b"".join(one for name in dict.fromkeys(names) for one in reversed(fields[name]))
        data = signed + b"dkim-signature:" + _relaxed_value(value)
        signature = base64.b64encode(self._sign(data)).decode("ascii")
        folded = "\r\n ".join(signature[at : at + 72] for at in range(0, len(signature), 72))
        return b"DKIM-Signature: " + value + folded.encode("ascii") + b"\r\n"

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(hashlib.sha256(data).digest())  # RFC 8463, 3


def _fields(head: bytes) -> dict[bytes, list[bytes]]:
    """Lower-case name → its fields in the relaxed form, in order."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in _FIELD.findall(head):
        lowered = name.lower()
        if lowered in SIGNED:
            found.setdefault(lowered, []).append(lowered + b":" + _relaxed_value(value) + b"\r\n")
    return found


def _relaxed_value(value: bytes) -> bytes:
    """RFC 6376, 3.4.2: unfolded, single blanks, none at the ends."""
    return _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376, 3.4.4: single blanks, none at the ends of lines, no empty lines at the end."""
    text = _BLANKS.sub(b" ", body).replace(b" \r\n", b"\r\n").rstrip(b" ")
    text = text.rstrip(b"\r\n")
    return text + b"\r\n" if text else b""


def new_key(kind: str) -> tuple[str, str]:
    """(private key in PEM, public key as it stands in the DNS: base64)."""
    key: Key
    if kind == RSA:
        key = rsa.generate_private_key(public_exponent=65_537, key_size=RSA_BITS)
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    else:
        key = ed25519.Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode("ascii"), base64.b64encode(public).decode("ascii")


def read_key(pem: str) -> Key:
    """The private key. Raises ValueError for anything that is neither RSA nor Ed25519."""
    key = serialization.load_pem_private_key(pem.encode("ascii"), password=None)
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise ValueError("neither RSA nor Ed25519")
    return key


def record(kind: str, public: str) -> str:
    """The TXT record that goes to `<selector>._domainkey.<domain>`."""
    return f"v=DKIM1; k={kind}; p={public}"
