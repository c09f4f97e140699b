"""Header fields that can't be split by what stands in them (RFC 5322, 2047; no CR, LF or NUL ever gets
through).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import lru_cache

import idna

from .errors import BadAddress

# RFC 5322 atext and dots, and anything beyond ASCII (RFC 6531). Quoted local parts are refused: nobody has
# one.
_LOCAL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+)*"
)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+>")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_SPACES = re.compile(r"\s+")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_HTTPS = re.compile(r"https?://[!-;=?-~]+")  # printable ASCII without blanks and angle brackets

FOLD = 76
ENCODED_WORD_BYTES = 42  # 56 base64 letters and the 12 around them stay under the 75 of RFC 2047
SUBJECT_CHARS = 500
NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class Address:
    """An address fit for an envelope. `utf8` tells that the server must speak SMTPUTF8 (RFC 6531)."""

    email: str
    utf8: bool


@lru_cache(maxsize=256)
def address(email: str) -> Address:
    """The address with its domain in ASCII (IDNA 2008). Raises BadAddress."""
    local, at, domain = email.rpartition("@")
    if (
        not at
        or len(local.encode("utf-8", "replace")) > 64
        or not _LOCAL.fullmatch(local)
        or _CONTROL.search(local)
    ):
        raise BadAddress("not an e-mail address")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise BadAddress("the domain is not a domain name") from error
    labels = domain.split(".")
    if len(domain) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress("the domain is not a domain name")
    return Address(email=f"{local}@{domain}", utf8=not local.isascii())


def one_line(text: str, limit: int) -> str:
    """`text` with controls and runs of blanks as one space, cut to `limit` characters."""
    return _SPACES.sub(" ", _CONTROL.sub(" ", text)).strip()[:limit]


def unstructured(name: str, text: str, *, limit: int = SUBJECT_CHARS) -> bytes:
    """`Name: text` folded, with encoded words where it is not plain ASCII."""
    value = one_line(text, limit)
    if value.isascii() and "=?" not in value and all(len(word) < FOLD - 2 for word in value.split(" ")):
        return _fold_words(f"{name}:", value.split(" ")) + b"\r\n"
    return _fold_words(f"{name}:", _encoded_words(value)) + b"\r\n"


def mailbox(name: str, display: str, to: Address) -> bytes:
    """`Name: "Display" <address>`; a non-ASCII local part stands raw, as RFC 6532 wants it."""
    value = one_line(display, NAME_CHARS)
    if not value:
        words: list[str] = []
    elif not value.isascii() or "=?" in value or len(value) > FOLD - 10:
        words = _encoded_words(value)
    elif _ATOM.fullmatch(value):
        words = value.split(" ")
    else:
        words = ['"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"']
    return _fold_words(f"{name}:", [*words, f"<{to.email}>"]) + b"\r\n"


def message_id(value: str) -> bytes:
    """The Message-ID field. Raises ValueError for anything that is not one token in angle brackets."""
    if len(value) > 250 or not _MESSAGE_ID.fullmatch(value):
        raise ValueError("not a Message-ID")
    return b"Message-ID: " + value.encode("ascii") + b"\r\n"


def list_unsubscribe(https: str, mailto: str = "") -> bytes:
    """RFC 2369 and RFC 8058: the one-click address first. Raises ValueError for something that is not a
    URL.
    """
    if not _HTTPS.fullmatch(https) or len(https) > 800:
        raise ValueError("not a web address")
    field = b"List-Unsubscribe: <" + https.encode("ascii") + b">"
    if mailto:
        target = address(mailto)
        if target.utf8:
            raise BadAddress("a mailto in a header must be ASCII")
        field += b",\r\n <mailto:" + target.email.encode("ascii") + b">"
    return field + b"\r\n"


def token(name: str, value: str) -> bytes:
    """`Name: value` for machine-read fields (List-Id, Feedback-ID). Raises ValueError unless printable
    ASCII.
    """
    if not value or len(value) > 200 or not re.fullmatch(r"[ -~]+", value):
        raise ValueError(f"{name} must be short printable ASCII")
    return f"{name}: {value}\r\n".encode("ascii")


def _fold_words(start: str, words: list[str]) -> bytes:
    lines = [start]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > FOLD and lines[-1] != start:
            lines.append(" " + word)
        else:
            lines[-1] += " " + word
    return "\r\n".join(lines).encode("utf-8")


def _encoded_words(value: str) -> list[str]:
    """Base64 encoded words of whole characters; the blanks between two are no part of the text."""
    words: list[str] = []
    piece = b""
    for char in value:
        octets = char.encode("utf-8")
        if len(piece) + len(octets) > ENCODED_WORD_BYTES:
            words.append(piece.decode())
            piece = b""
        piece += octets
    if piece or not words:
        words.append(piece.decode())
    return [f"=?utf-8?b?{base64.b64encode(word.encode()).decode('ascii')}?=" for word in words]
