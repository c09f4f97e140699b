"""How far two people agree, field by field. Pure; no database.

Each field answers one level, the strongest that holds over all values of both, or None when one side does
not know: what is unknown speaks neither for nor against.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.fuzz import token_sort_ratio

from customers.duplicates.nicknames import are_forms_of_one_name
from customers.duplicates.persons import OFFICE, Name, Person, Place, mailbox_of

SAME, OTHER_ORDER, NICKNAME, CLOSE, SIMILAR, DIFFERENT = (
    "same",
    "other_order",
    "nickname",
    "close",
    "similar",
    "different",
)
INITIAL, MAILBOX, LOCAL, TAIL, AREA, TOWN = "initial", "mailbox", "local", "tail", "area", "town"

# Jaro-Winkler of one typing error in a name of five letters and more; then of two.
ONE_ERROR, TWO_ERRORS = 0.9, 0.8
STREET_SAME, STREET_CLOSE = 94, 78  # of 100, words in any order

Agreement = dict[str, str]
NameLevels = tuple[str | None, str | None]
Value = TypeVar("Value")
_SIGNS = re.compile(r"[\W_]+")
_SIGNS_AND_DIGITS = re.compile(r"[\W\d_]+")


def compare(one: Person, other: Person) -> Agreement:
    """{field: level} for each field that both know."""
    levels = {
        "birthday": _birthday(one.born, other.born),
        "email": compare_emails(one, other),
        "phone": _best(_phone, one.phones, other.phones, PHONE_LEVELS),
        "orders": _orders(one, other),
    }
    levels["given_name"], levels["family_name"] = compare_names(one.name, other.name)
    levels["street"], levels["town"] = _places(one.places, other.places)
    if levels["phone"] in (SAME, TAIL) or levels["street"] == SAME:
        levels["orders"] = None  # their orders only repeat it
    return {field: level for field, level in levels.items() if level is not None}


def _best(
    judge: Callable[[Value, Value], str],
    mine: tuple[Value, ...],
    theirs: tuple[Value, ...],
    order: tuple[str, ...],
) -> str | None:
    if not mine or not theirs:
        return None
    return min((judge(a, b) for a in mine for b in theirs), key=order.index)


# --- names -------------------------------------------------------------------------------------------------


def compare_names(one: Name, other: Name) -> NameLevels:
    """Levels of given and family name, the other way round where that agrees better."""
    straight = (_name(one.given, other.given), _name(one.family, other.family))
    if straight == (SAME, SAME):
        return _written_alike(one, other)
    if (one.han and other.han) or not (one.joined and other.joined):
        return straight
    crossed = (_name(one.given, other.family), _name(one.family, other.given))
    if _rank(crossed) < _rank(straight):
        return _crossed(crossed[0]), _crossed(crossed[1])
    return straight


def _crossed(level: str | None) -> str | None:
    return OTHER_ORDER if level == SAME else level


def _written_alike(one: Name, other: Name) -> NameLevels:
    """李明 and 黎明 sound alike and are two names: the letters decide where both sides have them."""
    if not one.han or not other.han or one.han == other.han:
        return SAME, SAME
    given = SAME if one.han[-1] == other.han[-1] else SIMILAR
    return given, SAME if one.han[0] == other.han[0] else SIMILAR


def _rank(levels: NameLevels) -> int:
    return sum(NAME_LEVELS.index(level) if level else 3 for level in levels)


def _name(one: str, other: str) -> str | None:
    if not one or not other:
        return None
    if one == other:
        return SAME
    if are_forms_of_one_name(one, other):
        return NICKNAME
    if len(one) == 1 or len(other) == 1:
        return INITIAL if one[0] == other[0] else DIFFERENT
    likeness = JaroWinkler.similarity(one, other)
    if likeness >= ONE_ERROR:
        return CLOSE
    return SIMILAR if likeness >= TWO_ERRORS or OSA.distance(one, other) <= 1 else DIFFERENT


# --- e-mail, phone, birthday, orders ----------------------------------------------------------------------


def compare_emails(one: Person, other: Person) -> str | None:
    """None also where addresses made of a name agree because the names do."""
    level = _best(_email, one.emails, other.emails, EMAIL_LEVELS)
    if level in (LOCAL, SIMILAR) and _is_only_name(one, other, level):
        return None
    return level


def _is_only_name(one: Person, other: Person, level: str) -> bool:
    """What agrees in the addresses is the name: nothing else stands before the @, or other digits."""
    rests = [_beside_name(person, email) for person in (one, other) for email in person.emails]
    return all(len(rest) <= 1 or (level == SIMILAR and rest.isdigit()) for rest in rests)


def _beside_name(person: Person, email: str) -> str:
    rest = email.rpartition("@")[0]
    for part in (person.name.given, person.name.family):
        rest = rest.replace(part, "") if len(part) > 1 else rest
    return _SIGNS.sub("", rest)


def _email(one: str, other: str) -> str:
    if one == other:
        return SAME
    if mailbox_of(one) == mailbox_of(other):
        return MAILBOX
    mine, _at, here = one.rpartition("@")
    theirs, _at, there = other.rpartition("@")
    if mine == theirs and mine not in OFFICE:
        return LOCAL
    if OSA.distance(one, other) <= 2:
        return CLOSE if _SIGNS_AND_DIGITS.sub("", one) != _SIGNS_AND_DIGITS.sub("", other) else SIMILAR
    if JaroWinkler.similarity(mine, theirs) >= ONE_ERROR and here == there:
        return SIMILAR
    return DIFFERENT


def _phone(one: str, other: str) -> str:
    if one == other:
        return SAME
    if len(one) >= 7 <= len(other) and one[-7:] == other[-7:]:
        return TAIL
    return CLOSE if OSA.distance(one, other) == 1 else DIFFERENT


def _birthday(one: str, other: str) -> str | None:
    if not one or not other:
        return None
    if one == other:
        return SAME
    if OSA.distance(one, other) <= 1 or one == other[:4] + other[6:] + other[4:6]:
        return CLOSE
    return SIMILAR if sum(a != b for a, b in zip(one, other, strict=False)) <= 2 else DIFFERENT


def _orders(one: Person, other: Person) -> str | None:
    if not one.shared or not other.shared:
        return None
    return DIFFERENT if one.shared.isdisjoint(other.shared) else SAME


# --- where they live --------------------------------------------------------------------------------------


def _places(mine: tuple[Place, ...], theirs: tuple[Place, ...]) -> tuple[str | None, str | None]:
    """(street, town) of the two addresses that agree best. A street that agrees includes its town; a street
    of that name in another town is none."""
    if not mine or not theirs:
        return None, None
    return min((_place(a, b) for a in mine for b in theirs), key=_place_rank)


def _place_rank(levels: tuple[str | None, str | None]) -> tuple[int, int]:
    street, town = levels
    return (
        STREET_LEVELS.index(street) if street else len(STREET_LEVELS),
        TOWN_LEVELS.index(town) if town else len(TOWN_LEVELS),
    )


def _place(one: Place, other: Place) -> tuple[str | None, str | None]:
    street, town = _street(one, other), _town(one, other)
    if street not in (SAME, CLOSE):
        return street, town
    return (DIFFERENT, town) if town == DIFFERENT else (street, None)


def _street(one: Place, other: Place) -> str | None:
    if not one.line or not other.line:
        return None
    likeness = 100.0 if one.line == other.line else token_sort_ratio(one.line, other.line)
    same_numbers = one.numbers == other.numbers
    if likeness >= STREET_SAME and same_numbers:
        return SAME
    return CLOSE if likeness >= STREET_CLOSE else DIFFERENT


def _town(one: Place, other: Place) -> str | None:
    if one.postcode and one.postcode == other.postcode:
        return AREA
    if one.city and other.city:
        if one.city == other.city:
            return TOWN
        if JaroWinkler.similarity(one.city, other.city) >= TWO_ERRORS:
            return SIMILAR
        if one.postcode and other.postcode and OSA.distance(one.postcode, other.postcode) <= 1:
            return CLOSE
        return DIFFERENT
    if one.postcode and other.postcode:
        return CLOSE if OSA.distance(one.postcode, other.postcode) <= 1 else DIFFERENT
    return None


# Each field's levels, the strongest agreement first.
NAME_LEVELS = (SAME, OTHER_ORDER, NICKNAME, CLOSE, INITIAL, SIMILAR, DIFFERENT)
EMAIL_LEVELS = (SAME, MAILBOX, LOCAL, CLOSE, SIMILAR, DIFFERENT)
PHONE_LEVELS = (SAME, TAIL, CLOSE, DIFFERENT)
BIRTHDAY_LEVELS = (SAME, CLOSE, SIMILAR, DIFFERENT)
STREET_LEVELS = (SAME, CLOSE, DIFFERENT)
TOWN_LEVELS = (AREA, TOWN, CLOSE, SIMILAR, DIFFERENT)
LEVELS: dict[str, tuple[str, ...]] = {
    "given_name": NAME_LEVELS,
    "family_name": NAME_LEVELS,
    "birthday": BIRTHDAY_LEVELS,
    "email": EMAIL_LEVELS,
    "phone": PHONE_LEVELS,
    "street": STREET_LEVELS,
    "town": TOWN_LEVELS,
    "orders": (SAME, DIFFERENT),
}
