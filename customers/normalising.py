"""Bringing addresses, phones and names to the one form in which they are compared."""

from __future__ import annotations

import re
import unicodedata

import idna
import phonenumbers

# Values that a marketplace hands out instead of the buyer's own: they never recognise anybody.
RELAY_DOMAINS = frozenset({"privaterelay.appleid.com", "members.ebay.com", "relay.firefox.com", "duck.com"})
RELAY_PATTERN = re.compile(r"@(marketplace\.amazon\.[a-z.]+|scs\d*\.tiktok\.com|\S*\.noreply\.\S+)$")
EMAIL_PATTERN = re.compile(r"^[^\s@<>,;\"()\[\]\\]+@[^\s@<>,;\"()\[\]\\]+\.[^\s@<>,;\"()\[\]\\.]+$")


def is_masked(value: str) -> bool:
    """True for values with hidden letters (138****5678) or of a marketplace's relay."""
    lowered = value.lower()
    if "*" in value or "•" in value:
        return True
    domain = lowered.rpartition("@")[2]
    return domain in RELAY_DOMAINS or bool(RELAY_PATTERN.search(lowered))


def normalise_email(value: str | None) -> str:
    """Lower case, NFKC, domain in IDNA (RFC 5891); plus-tags and dots are kept. "" when it is no address."""
    text = unicodedata.normalize("NFKC", value or "").strip().strip("<>").lower()
    if len(text) > 320 or not EMAIL_PATTERN.match(text) or any(not letter.isprintable() for letter in text):
        return ""
    local, _, domain = text.rpartition("@")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError:
            return ""
    return f"{local}@{domain}"


def normalise_phone(value: str | None, country: str) -> str:
    """E.164 (+8613800138000), read as a number of `country` (ISO 3166-1) unless it says another; "" if
    invalid."""
    text = unicodedata.normalize("NFKC", value or "").strip()
    if not text or is_masked(text):
        return ""
    try:
        number = phonenumbers.parse(text, country.upper() or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normalise_name(value: str | None) -> str:
    """One line, single spaces, NFKC, without control characters; case is the person's own."""
    text = unicodedata.normalize("NFKC", value or "")
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:200]


def comparable_name(value: str) -> str:
    """For equality only: case-folded, without spaces and points."""
    return re.sub(r"[\s.·•,'’-]+", "", unicodedata.normalize("NFKC", value)).casefold()
