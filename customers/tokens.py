"""The words under which a customer is found, and the words of a search: one grammar for both sides.

A document is one line in which a space stands before every token:

- Latin text is split at its signs; an e-mail address stands whole as well;
- a run of Chinese letters becomes windows of two (李晓 晓梅 梅), so that two letters find a name (a trigram
  index alone needs three), and its pinyin: lixiaomei xiaomei mei, and the initials lxm;
- a phone number stands whole, without its country, and reversed behind `#`, so that its last four digits are
  the beginning of a token.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+")
_HAN_ONLY = re.compile(rf"^[{HAN}]+$")
_PHONE_LIKE = re.compile(r"^\+?[\d\s().\-/]{3,}$")
# As surnames these are not read as in ordinary words (GF 0025, and common usage).
_SURNAME_READINGS = "单shan 曾zeng 解xie 仇qiu 区ou 查zha 盖ge 任ren 翟zhai 朴piao 尉wei 乐yue 覃qin"
SURNAMES = {pair[0]: pair[1:] for pair in _SURNAME_READINGS.split()}
# Names are short; a company's pinyin of every ending would be longer than the rest of the document.
LONGEST_NAME = 6
REVERSED = "#"
# Patterns of one search; more words narrow no further and cost an index look-up each.
MOST_TERMS = 8


def folded(text: str) -> str:
    """NFKC, lower case, accents taken off Latin letters: "Ünal" is found by "unal"."""
    lowered = unicodedata.normalize("NFKC", text).casefold()
    if lowered.isascii():
        return lowered
    parts = unicodedata.normalize("NFD", lowered)
    bare = "".join(one for one in parts if not unicodedata.combining(one))
    return unicodedata.normalize("NFC", bare)


@lru_cache(maxsize=40_000)
def reading_of(letter: str) -> str:
    # Its tables take 55 MB: only a process that writes a Chinese name loads them.
    from pypinyin import Style
    from pypinyin import pinyin as readings_of

    found = readings_of(letter, style=Style.NORMAL)
    return str(found[0][0]) if found else ""


def windows(run: str) -> list[str]:
    """李晓梅 → 李晓, 晓梅, 梅."""
    return [run[at : at + 2] for at in range(len(run))]


def pinyin_tokens(run: str) -> list[str]:
    """李晓梅 → lixiaomei, xiaomei, mei, lxm; a long run only whole and by its initials."""
    syllables = [reading_of(letter) for letter in run]
    if run[0] in SURNAMES:
        syllables[0] = SURNAMES[run[0]]
    initials = "".join(syllable[:1] for syllable in syllables)
    if len(run) > LONGEST_NAME:
        return ["".join(syllables), initials]
    endings = ["".join(syllables[at:]) for at in range(len(syllables))]
    return [*endings, initials] if len(run) > 1 else endings


def text_tokens(text: str) -> list[str]:
    """A name's, a company's or a tag's words."""
    tokens: list[str] = []
    for word in _WORD.findall(folded(text)):
        if _HAN_ONLY.match(word):
            tokens += windows(word)
            tokens += pinyin_tokens(word)
        else:
            tokens.append(word)
    return tokens


def email_tokens(email: str) -> list[str]:
    whole = folded(email)
    return [whole, *_WORD.findall(whole)] if whole else []


def phone_tokens(phone: str) -> list[str]:
    """+8613800138000 → 8613800138000, 13800138000, #0008310083168."""
    digits = "".join(letter for letter in phone if letter.isdigit())
    if not digits:
        return []
    national = _without_country(digits) if phone.startswith("+") else ""
    return [digits, *([national] if national else []), f"{REVERSED}{digits[::-1]}"]


def _without_country(digits: str) -> str:
    for length in (1, 2, 3):
        if int(digits[:length]) in COUNTRY_CODE_TO_REGION_CODE:
            return digits[length:]
    return ""


def document_of(
    *,
    names: Iterable[str] = (),
    emails: Iterable[str] = (),
    phones: Iterable[str] = (),
    ids: Iterable[str] = (),
) -> str:
    """The line that is searched; each token once, in the order of importance."""
    tokens: dict[str, None] = {}
    for name in names:
        tokens.update(dict.fromkeys(text_tokens(name)))
    for email in emails:
        tokens.update(dict.fromkeys(email_tokens(email)))
    for phone in phones:
        tokens.update(dict.fromkeys(phone_tokens(phone)))
    for one in ids:
        whole = folded(one).strip()
        tokens.update(dict.fromkeys([whole, *_WORD.findall(whole)]))
    tokens.pop("", None)
    return "".join(f" {token}" for token in tokens)


# --- the other side: what somebody types ------------------------------------------------------------------

Term = tuple[str, ...]  # any of these must match


def search_terms(text: str) -> list[Term]:
    """The search as terms that must all match, each a choice of token beginnings."""
    asked = folded(text).strip()
    if _PHONE_LIKE.match(asked):
        digits = "".join(letter for letter in asked if letter.isdigit())
        return [_digits_term(digits)] if digits else []
    terms: list[Term] = []
    for word in asked.split():
        if "@" in word:
            terms.append((word,))
        else:
            terms += _word_terms(word)
    return terms[:MOST_TERMS]


def _word_terms(word: str) -> list[Term]:
    terms: list[Term] = []
    for part in _WORD.findall(word):
        if _HAN_ONLY.match(part):
            # Each window of two must occur; the last single letter only when it is all there is.
            terms += [(window,) for window in windows(part) if len(window) == 2 or len(part) == 1]
        elif part.isdigit() and len(part) >= 3:
            terms.append(_digits_term(part))
        else:
            terms.append((part,))
    return terms


def _digits_term(digits: str) -> Term:
    """The beginning of a number, dialled abroad or not, or its end."""
    choices = (digits, digits.removeprefix("00"), f"{REVERSED}{digits[::-1]}")
    return tuple(dict.fromkeys(one for one in choices if one))
