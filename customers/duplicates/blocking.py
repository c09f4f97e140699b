"""Which customers are worth comparing: those who share a key. Pure; no database.

A key joins two or three facts, each coarse enough to survive a typing error in it, and narrow enough that
few people share it. A wrong letter spoils some keys of a person and leaves the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from customers.duplicates.nicknames import FAMILIES
from customers.duplicates.persons import OFFICE, Person, mailbox_of

# A key that more people share is skipped: comparing 20 people takes 190 pairs, 1,000 take half a million.
LARGEST_BLOCK = 20
SHORTEST_LOCAL = 5
PHONE_TAIL = 7


def keys_of(person: Person) -> list[int]:
    """Signed 64-bit keys, each once, in ascending order; [] for somebody about whom too little is known."""
    return sorted({_hashed(text) for text in _texts(person)})


def _hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def _texts(person: Person) -> Iterator[str]:
    yield from _mail_texts(person)
    name = person.name
    born = person.born
    both = sorted((name.given, name.family))
    cities = {place.city for place in person.places if place.city}
    if name.given and name.family:
        yield f"n:{'|'.join(both)}"
        yield (
            f"n3:{name.given[:3]}|{name.family[:3]}|{born[:4]}" if born else f"n3:{both[0][:4]}|{both[1][:4]}"
        )
    if born:
        for part in {name.given[:2], name.family[:2]} - {""}:
            yield f"b:{born}|{part}"
        for part in {sounds(name.given), sounds(name.family)} - {""}:
            yield f"by:{born[:4]}|{part}"
            yield f"bd:{born[4:]}|{part}"
    for part in {sounds(name.given), sounds(name.family)} - {""}:
        for city in cities:
            yield f"c:{city[:4]}|{part}"
        for place in person.places:
            if place.postcode:
                yield f"p:{place.postcode}|{part}"
    for phone in person.phones:
        yield f"t:{phone[-PHONE_TAIL:]}"
        for part in {name.given[:1], name.family[:1]} - {""}:
            yield f"t4:{phone[-4:]}|{part}|{phone[-7:-4]}"
    yield from _place_texts(person)
    for key in person.shared:
        yield f"s:{key}"


def _mail_texts(person: Person) -> Iterator[str]:
    for email in person.emails:
        mailbox = mailbox_of(email)
        local = mailbox.rpartition("@")[0].replace(".", "").replace("_", "").replace("-", "")
        yield f"m:{mailbox}"
        if len(local) >= SHORTEST_LOCAL and local not in OFFICE:
            yield f"l:{local}"
            yield f"l5:{local[:5]}|{person.born[:4]}"


def _place_texts(person: Person) -> Iterator[str]:
    for place in person.places:
        number = min(place.numbers, default="")
        word = max(place.line.split(), key=lambda one: (len(one), one), default="")
        if not word:
            continue
        if number:
            yield f"a:{place.postcode or place.city}|{number}|{word[:5]}"
        yield f"al:{place.line}|{person.name.given[:1]}"


def sounds(name: str) -> str:
    """The consonants of a name, doubled ones once: catherine and katharyne are ktrn; a nickname's full form
    stands for it, so that bob and robert are one."""
    if not name:
        return ""
    families = FAMILIES.get(name)
    if families:
        return f"#{min(families)}"
    text = name.replace("ph", "f").replace("ck", "k").replace("c", "k").replace("th", "t").replace("sh", "s")
    kept = [text[0]]
    for letter in text[1:]:
        if letter not in "aeiouyhw" and letter != kept[-1]:
            kept.append(letter)
    return "".join(kept)[:4]
