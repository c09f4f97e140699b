"""One customer as what can be compared: folded, in pinyin, each value apart. Pure; no database."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from customers.tokens import HAN, SURNAMES, folded, reading_of

# Surnames of two letters in use today; every other Chinese name begins with a surname of one letter.
_COMPOUND = """
欧阳 上官 司马 诸葛 司徒 东方 皇甫 尉迟 公孙 慕容 令狐 长孙 宇文 夏侯 轩辕 端木 南宫 独孤
歐陽 司馬 諸葛 東方 尉遲 公孫 慕容 長孫 軒轅 南宮 獨孤
"""
COMPOUND_SURNAMES = frozenset(_COMPOUND.split())
LONGEST_HAN_NAME = 5
# These say how to address somebody, not who they are.
_TITLES = "mr mrs ms miss dr prof herr frau mme sir madam jr sr ii iii"
TITLES = frozenset(_TITLES.split())
TITLES_HAN = ("先生", "女士", "小姐", "太太", "老师", "老師")
GMAIL = frozenset({"gmail.com", "googlemail.com"})
# Mailboxes of an office: the same word at two firms says nothing.
_OFFICE = "info sales contact office admin hello mail shop service support orders team post"
OFFICE = frozenset(_OFFICE.split())
_HAN_RUN = re.compile(rf"[{HAN}]+")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_HAN_OR_WORD = re.compile(rf"[{HAN}]|[^\W_{HAN}]+")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Name:
    """`given` and `family` in Latin letters (pinyin for Chinese), `han` the Chinese letters, simplified."""

    given: str = ""
    family: str = ""
    han: str = ""

    @property
    def joined(self) -> str:
        return self.given + self.family


@dataclass(frozen=True, slots=True)
class Place:
    """One address: its line without signs, the numbers in it, and where it is."""

    line: str = ""
    numbers: frozenset[str] = frozenset()
    postcode: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """What is compared of one customer. Dates as YYYYMMDD, phones as digits; "" and () are unknown.

    `shared` are the keys that an upper floor found on them (where orders went).
    """

    id: int
    name: Name = Name()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    born: str = ""
    places: tuple[Place, ...] = ()
    shared: frozenset[str] = frozenset()


# --- names -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=50_000)
def name_of(whole: str, given: str = "", family: str = "") -> Name:
    """The parts as told, else as the name reads: 李晓梅 and Xiaomei Li are both li, xiaomei."""
    if given or family:
        han = _simplified("".join(_HAN_RUN.findall(f"{family}{given}")))
        return Name(_latin(given), _latin(family), han)
    for title in TITLES_HAN:
        whole = whole.removesuffix(title)
    han = "".join(_HAN_RUN.findall(whole))
    if han:
        return _chinese(_simplified(han))
    words = [word for word in _WORD.findall(folded(whole)) if word not in TITLES]
    if not words:
        return Name()
    if "," in whole and len(words) > 1:  # Smith, John
        return Name("".join(words[1:]), words[0])
    return Name("".join(words[:-1]), words[-1]) if len(words) > 1 else Name(words[0], "")


def _chinese(han: str) -> Name:
    if len(han) > LONGEST_HAN_NAME:  # a company's or a sentence
        return Name(_pinyin(han), "", han)
    length = 2 if len(han) > 2 and han[:2] in COMPOUND_SURNAMES else 1
    family = han[:length]
    read = SURNAMES.get(family) or _pinyin(family)
    return Name(_pinyin(han[length:]), read, han)


def _simplified(han: str) -> str:
    """張偉 and 张伟 are one name."""
    return _to_simplified().convert(han) if han else ""


@lru_cache(maxsize=1)
def _to_simplified() -> Any:
    from opencc import OpenCC  # its tables too wait for the first Chinese name

    return OpenCC("t2s")


def _latin(text: str) -> str:
    parts = [_pinyin(one) if _HAN_RUN.fullmatch(one) else one for one in _HAN_OR_WORD.findall(folded(text))]
    return "".join(parts)


def _pinyin(han: str) -> str:
    return "".join(map(reading_of, han))


# --- the other values ------------------------------------------------------------------------------------


def mailbox_of(email: str) -> str:
    """Where Gmail delivers it: without dots and without what follows a plus. Elsewhere only the plus goes,
    and that is a habit, not a rule (RFC 5233): it suggests, it proves nothing."""
    local, _at, domain = email.rpartition("@")
    local = local.partition("+")[0]
    if domain in GMAIL:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


def digits_of(phone: str) -> str:
    return "".join(letter for letter in phone if letter.isdigit())


def place_of(*, lines: Iterable[str] = (), postcode: str = "", city: str = "") -> Place:
    words = [word for line in lines for word in _HAN_OR_WORD.findall(folded(line))]
    line = " ".join(words)
    return Place(
        line,
        frozenset(_NUMBER.findall(line)),
        folded(postcode).replace(" ", "").replace("-", ""),
        _latin(city),
    )
