"""What all text messages have in common: how many parts they cost, and which answers mean “stop”."""

from __future__ import annotations

import re
from dataclasses import dataclass

# 3GPP TS 23.038, section 6.2.1: the default alphabet, and what takes two places in it.
GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("\f^{}\\[~]|€")
# (alone, of several): a part of several gives up places to say which it is.
GSM_PLACES = (160, 153)
UCS2_PLACES = (70, 67)
# What carriers and habit know as “no more” (CTIA's list, and 退订 with its T).
STOP_WORDS = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke"}
    | {"t", "td", "n", "退订", "退訂", "取消订阅", "取消訂閱", "拒收", "tuiding"}
)
_NOISE = re.compile(r"[\s\W_]+")


@dataclass(frozen=True)
class Size:
    """`places` used, of `room` in the parts that the text takes."""

    encoding: str
    places: int
    parts: int
    room: int


def size_of(text: str) -> Size:
    """How a text travels: GSM-7 if every letter is in its alphabet, else UCS-2, where an emoji takes two."""
    if all(letter in GSM or letter in GSM_EXTENDED for letter in text):
        costs = [2 if letter in GSM_EXTENDED else 1 for letter in text]
        encoding, (alone, several) = "GSM-7", GSM_PLACES
    else:
        costs = [2 if ord(letter) > 0xFFFF else 1 for letter in text]
        encoding, (alone, several) = "UCS-2", UCS2_PLACES
    places = sum(costs)
    if places <= alone:
        return Size(encoding, places, 1 if places else 0, alone)
    parts, free = 0, 0
    for cost in costs:  # a letter of two places is not torn apart
        if free < cost:
            parts, free = parts + 1, several
        free -= cost
    return Size(encoding, places, parts, parts * several)


def means_stop(text: str) -> bool:
    """Whether somebody's whole answer is one of the words that withdraw."""
    return _NOISE.sub("", text).casefold() in STOP_WORDS
