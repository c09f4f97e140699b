"""From a probability to what staff are offered. Pure; no database."""

from __future__ import annotations

from collections.abc import Mapping

from customers.duplicates.comparing import (
    DIFFERENT,
    INITIAL,
    LOCAL,
    MAILBOX,
    SAME,
    SIMILAR,
    TAIL,
    Agreement,
    compare_emails,
    compare_names,
)
from customers.duplicates.persons import Person

CERTAIN, LIKELY = "certain", "likely"
# More likely than not is worth a look; what is called certain must be wrong at most once in a hundred times.
LIKELY_FROM, CERTAIN_FROM = 0.5, 0.99

# Agreement on one of these is about a person, not about a household or a frequent name.
PERSONAL: Mapping[str, frozenset[str]] = {
    "birthday": frozenset({SAME}),
    "email": frozenset({SAME, MAILBOX, LOCAL}),
}
# These may be a household's; they count when the names agree too.
STRONG: Mapping[str, frozenset[str]] = {
    **PERSONAL,
    "phone": frozenset({SAME, TAIL}),
    "street": frozenset({SAME}),
    "orders": frozenset({SAME}),
}
NAMES = ("given_name", "family_name")


def band_of(probability: float, agreement: Agreement) -> str:
    """ "certain", "likely", or "" for what is not offered.

    The model adds fields up as if they were independent; a family's are not. Different given names at one
    address or on one phone are two people unless something personal agrees; a namesake born on another day
    may be a child. Neither is ever certain, and a phone number alone never is.
    """
    if probability < LIKELY_FROM or _is_household(agreement):
        return ""
    if probability < CERTAIN_FROM or any(is_contradiction(name, level) for name, level in agreement.items()):
        return LIKELY
    names_agree = all(agreement.get(name, DIFFERENT) not in (DIFFERENT, INITIAL, SIMILAR) for name in NAMES)
    strong = strong_agreements(agreement)
    proven = len(strong) > 1 and not strong.isdisjoint(PERSONAL)
    return CERTAIN if proven or (names_agree and strong) else LIKELY


def is_contradiction(name: str, level: str) -> bool:
    """True where different values can't be one person's at the same time: given name and birthday."""
    return level == DIFFERENT and name in ("given_name", "birthday")


def could_be_one(one: Person, other: Person) -> bool:
    """False for most pairs, at a fraction of the price of comparing everything: `band_of` would not offer
    them."""
    given, _family = compare_names(one.name, other.name)
    if given != DIFFERENT or (one.born and one.born == other.born):
        return True
    return compare_emails(one, other) in PERSONAL["email"]


def _is_household(agreement: Agreement) -> bool:
    if agreement.get("given_name") != DIFFERENT:
        return False
    return not any(agreement.get(name) in levels for name, levels in PERSONAL.items())


def strong_agreements(agreement: Agreement) -> set[str]:
    """The fields whose agreement would bring a refused pair back, were it new."""
    return {name for name, levels in STRONG.items() if agreement.get(name) in levels}
