"""Many regions at once: a list that somebody typed, or data of the product."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.lib.copying import reserve_ids
from crm.lib.errors import Rejected
from customers.models import Region
from customers.regions.naming import keys_for, place_key
from customers.regions.tree import announce, check_room, fill, lock_tree, put, under_lock


@transaction.atomic
def regions_add_lines(*, merchant: Merchant, text: str, parent: Region | None = None) -> int:
    """Regions from lines such as `China > Guangdong > Shenzhen | 深圳, SZ`; what is there already stays. How
    many were made, in one statement and with one event.

    After `|` stand other spellings. Raises Rejected naming the line.
    """
    lock_tree(merchant)
    known = {(row.parent_id, place_key(row.name)): row for row in Region.objects.all()}
    outer = under_lock(parent)
    lines = [(number, *_names_of(line)) for number, line in enumerate(text.splitlines(), 1)]
    next_id = count(reserve_ids(Region, sum(len(names) for _number, names, _aliases in lines)))
    made: list[Region] = []
    for number, names, aliases in lines:
        at = outer
        for place, name in enumerate(names):
            there = known.get((at.pk if at else None, place_key(name)))
            if there is None:
                there = Region(pk=next(next_id), merchant=merchant)
                spelled = aliases if place == len(names) - 1 else []
                try:
                    fill(there, {"name": name, "parent": at, "aliases": spelled}, is_new=True)
                except Rejected as refusal:
                    told = _("Line %(number)s: %(why)s") % {"number": number, "why": refusal.message}
                    raise Rejected(told, code="bad_region", fields={"lines": [told]}) from refusal
                put(there)
                known[there.parent_id, place_key(name)] = there
                made.append(there)
            at = there
    _make(merchant, made, below=outer)
    return len(made)


def _names_of(line: str) -> tuple[list[str], list[str]]:
    """(names from the outside in, other spellings of the last)"""
    words, _bar, aliases = line.partition("|")
    names = [" ".join(one.split()) for one in words.split(">") if one.strip()]
    return names, [one.strip() for one in aliases.replace("，", ",").split(",") if one.strip()]


@transaction.atomic
def regions_load(*, merchant: Merchant, root: Region, rows: Iterable[tuple[str, str, str, list[str]]]) -> int:
    """Many regions below `root` in few statements; how many were new. `rows` are (code, code of what it lies
    in or "", name, aliases), the outer before the inner; one that is there by its code or name is left as it
    is."""
    lock_tree(merchant)
    root.refresh_from_db()
    here = list(Region.objects.filter(path__startswith=root.path).exclude(pk=root.pk))
    by_code = {row.code: row for row in here if row.code}
    by_name = {(row.parent_id, row.name): row for row in here}
    listed = list(rows)
    next_id = count(reserve_ids(Region, len(listed)))
    made = []
    for code, outer, name, aliases in listed:
        parent = by_code.get(outer) if outer else root
        if parent is None:
            raise Rejected(_("Some regions lie in none that is named."), code="bad_region")
        if code not in by_code and (parent.pk, name) in by_name:
            by_code[code] = by_name[parent.pk, name]
        if code in by_code:
            continue
        row = Region(pk=next(next_id), merchant=merchant, parent=parent, name=name, code=code)
        row.aliases, row.keys, row.country = aliases, keys_for(name, code, aliases), root.country
        put(row)
        by_code[code] = row
        made.append(row)
    _make(merchant, made, below=root)
    return len(made)


def _make(merchant: Merchant, made: list[Region], *, below: Region | None) -> None:
    """Writes regions whose place is known, the outer before the inner, and tells of them as one."""
    if not made:
        return
    check_room(len(made))
    Region.objects.bulk_create(made, batch_size=1_000)
    announce(below or made[0], "loaded", len(made))
