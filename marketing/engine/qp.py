"""Quoted-printable (RFC 2045 section 6.7), written so that pieces can be joined and need no dot-stuffing.

Every function returns lines of at most 76 octets ended by CRLF, none of which begins with a `.` (it is
`=2E`),
so the SMTP client can write the mail to the wire as it stands (RFC 5321 section 4.5.2).
"""

from __future__ import annotations

import binascii
import re

SOFT = b"=\r\n"
LINE = 76

# A value that is its own encoding: printable ASCII, no `=`, no dot in front, no blank at the end, one line.
_ITSELF = re.compile(r"(?!\.)[ -<>-~]{0,70}(?<! )")


def encode(text: str) -> bytes:
    """`text` (with `\\n` line ends) encoded. May end in the middle of a line."""
    if "\r" in text:
        raise ValueError("line ends must be normalised first")
    encoded = binascii.b2a_qp(text.encode("utf-8", "replace"), istext=True)
    return _guard_dots(encoded.replace(b"\n", b"\r\n"))


def encode_field(text: str) -> bytes:
    """`text` encoded and closed with a soft break: what follows begins on a fresh line."""
    if _ITSELF.fullmatch(text):
        return text.encode("ascii") + SOFT if text else b""
    return close(encode(text))


def close(encoded: bytes) -> bytes:
    """`encoded`, ended by a soft break unless it is empty or ends with a line end already."""
    if not encoded or encoded.endswith(b"\r\n"):
        return encoded
    start = encoded.rfind(b"\n") + 1
    if len(encoded) - start < LINE:
        return encoded + SOFT
    head, line = encoded[:start], encoded[start:]
    return head + b"".join(_fold(line)) + SOFT


def _guard_dots(encoded: bytes) -> bytes:
    if not encoded.startswith(b".") and b"\r\n." not in encoded:
        return encoded
    lines: list[bytes] = []
    for line in encoded.split(b"\r\n"):
        if not line.startswith(b"."):
            lines.append(line)
        else:
            lines.append(b"".join(_fold(b"=2E" + line[1:])))
    return b"\r\n".join(lines)


def _fold(line: bytes) -> list[bytes]:
    """The line cut by soft breaks so that a closing `=` still fits, never inside an `=XX`, no cut before a
    dot.
    """
    soft = line.endswith(b"=")
    body = line[:-1] if soft else line
    pieces: list[bytes] = []
    while len(body) >= LINE:
        cut = LINE - 4
        while body[cut - 1 : cut] == b"=" or body[cut - 2 : cut - 1] == b"=" or body[cut : cut + 1] == b".":
            cut -= 1
            if cut < 2:  # a line of nothing but dots: write the one at the cut in full
                cut = LINE - 6
                body = body[:cut] + b"=2E" + body[cut + 1 :]
                break
        pieces.append(body[:cut] + SOFT)
        body = body[cut:]
    pieces.append(body + (b"=" if soft else b""))
    return pieces
