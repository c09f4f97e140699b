"""Changing the tree of regions. Every change is announced; customers are placed anew after the commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Substr
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.lib.errors import Conflict, Rejected
from customers import events
from customers.models import Company, Customer, Region
from customers.regions.naming import keys_for, place_key

MOST_LEVELS = 6
MOST_REGIONS = 20_000
MOST_ALIASES = 30
CHANGEABLE = ("name", "code", "country", "aliases", "parent")
LOCK = "customers.region_tree"


@transaction.atomic
def region_add(*, merchant: Merchant, name: str, parent: Region | None = None, **values: Any) -> Region:
    """A new region in `parent`, or a new root; `values` may have code, country (roots only) and aliases.

    Raises Rejected naming the field, Conflict (code "region_taken") when the name stands there already. Holds
    the shop's tree until the transaction ends.
    """
    _lock(merchant)
    if Region.objects.count() >= MOST_REGIONS:
        raise Rejected(_("A shop can have %(most)s regions.") % {"most": MOST_REGIONS}, code="too_many")
    made = Region(merchant=merchant)
    _fill(made, {"name": name, "parent": parent, **values})
    _save(made)
    _hang(made)
    _announce(made, "added")
    return made


@transaction.atomic
def region_change(*, region: Region, **changes: Any) -> Region:
    """The region with the changes; moved under another `parent`, all that lies in it moves along. Errors and
    locks as in `region_add`; a region can't lie in itself."""
    _lock(region.merchant)
    region.refresh_from_db()
    before = (region.parent_id, region.country)
    _fill(region, changes)
    _save(region)
    if (region.parent_id, region.country) != before:
        _hang(region)
    _announce(region, "changed")
    return region


@transaction.atomic
def region_delete(*, region: Region) -> int:
    """Removes the region and all that lies in it; how many. Who stood there stands in what is above them."""
    _lock(region.merchant)
    region.refresh_from_db()
    inner = list(Region.objects.filter(path__startswith=region.path).values_list("pk", flat=True))
    Region.objects.filter(pk__in=inner)._raw_delete(Region.objects.db)
    for model in (Customer, Company):
        # The database places them anew in what is left of the tree; its keys are checked at the commit.
        model.objects.filter(located_in__in=inner).update(located_in=None)
    _announce(region, "deleted", len(inner))
    return len(inner)


@transaction.atomic
def regions_add_lines(*, merchant: Merchant, text: str, parent: Region | None = None) -> int:
    """Regions from lines such as `China > Guangdong > Shenzhen | 深圳, SZ`; what is there already stays. How
    many were made.

    After `|` stand other spellings. Raises Rejected naming the line.
    """
    _lock(merchant)
    made, known = 0, {(row.parent_id, place_key(row.name)): row for row in Region.objects.all()}
    for number, line in enumerate(text.splitlines(), 1):
        words, _bar, aliases = line.partition("|")
        at = parent
        names = [" ".join(one.split()) for one in words.split(">") if one.strip()]
        for place, name in enumerate(names):
            there = known.get((at.pk if at else None, place_key(name)))
            if there is None:
                last = place == len(names) - 1
                more = [one.strip() for one in aliases.split(",") if one.strip()] if last else []
                try:
                    there = region_add(merchant=merchant, name=name, parent=at, aliases=more)
                except Rejected as refusal:
                    told = _("Line %(number)s: %(why)s") % {"number": number, "why": refusal.message}
                    raise Rejected(told, code="bad_region", fields={"lines": [told]}) from refusal
                known[(there.parent_id, place_key(name))] = there
                made += 1
            at = there
    return made


@transaction.atomic
def regions_load(*, merchant: Merchant, root: Region, rows: Iterable[tuple[str, str, str, list[str]]]) -> int:
    """Many regions below `root` in few statements; how many were new. `rows` are (code, code of what it lies
    in or "", name, aliases), the outer before the inner; one that is there by its code or name is left as it
    is."""
    _lock(merchant)
    root.refresh_from_db()
    here = list(Region.objects.filter(path__startswith=root.path).exclude(pk=root.pk))
    by_code = {row.code: row for row in here if row.code}
    by_name = {(row.parent_id, row.name): row for row in here}
    listed = list(rows)
    ids = _next_ids(len(listed))
    made = []
    for code, outer, name, aliases in listed:
        parent = by_code.get(outer) if outer else root
        if parent is None:
            raise Rejected(_("Some regions lie in none that is named."), code="bad_region")
        if code not in by_code and (parent.pk, name) in by_name:
            by_code[code] = by_name[parent.pk, name]
        if code in by_code:
            continue
        row = Region(pk=ids.pop(), merchant=merchant, parent=parent, name=name, code=code)
        row.aliases, row.keys, row.country = aliases, keys_for(name, code, aliases), root.country
        row.level, row.path = parent.level + 1, f"{parent.path}{row.pk}/"
        by_code[code] = row
        made.append(row)
    Region.objects.bulk_create(made, batch_size=1_000)
    if made:
        _announce(root, "loaded", len(made))
    return len(made)


def _next_ids(count: int) -> list[int]:
    with connection.cursor() as cursor:
        table = Region._meta.db_table
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
        )
        return [row[0] for row in cursor.fetchall()]


def alias_add(*, region: Region, spelling: str) -> Region:
    """The region is found by this spelling too."""
    if place_key(spelling) in region.keys:
        return region
    return region_change(region=region, aliases=[*region.aliases, spelling])


# --- parts --------------------------------------------------------------------------------------------------


def _lock(merchant: Merchant) -> None:
    """One change of the tree at a time: two that are each without a ring can make one together."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s), %s)", [LOCK, merchant.pk % 2**31])


def _fault(name: str, text: str) -> Rejected:
    return Rejected(text, code="bad_region", fields={name: [text]})


def _fill(region: Region, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name not in CHANGEABLE:
            raise ValueError(f"not a region's property: {name}")
        setattr(region, name, value)
    region.name = " ".join(region.name.split())
    region.code, region.country = region.code.strip(), region.country.strip().upper()
    region.aliases = _aliases(region.aliases)
    if not place_key(region.name):
        raise _fault("name", _("Give the region a name."))
    for name, most in (("name", 80), ("code", 20)):
        if len(getattr(region, name)) > most:
            raise _fault(name, _("At most %(most)s letters.") % {"most": most})
    if region.parent is not None:
        if region.pk and region.parent.path.startswith(region.path):
            raise _fault("parent", _("A region can't lie in itself."))
        if region.parent.level + 1 + _height(region) >= MOST_LEVELS:
            raise _fault("parent", _("The tree can be %(most)s levels deep.") % {"most": MOST_LEVELS})
        region.country = region.parent.country
    elif region.country and Region.objects.filter(level=0, country=region.country).exclude(pk=region.pk):
        raise _fault("country", _("This country is there already."))
    names = [*region.aliases, region.country] if region.parent is None else region.aliases
    region.keys = keys_for(region.name, region.code, [one for one in names if one])


def _aliases(said: Iterable[str]) -> list[str]:
    cleaned = list(dict.fromkeys(" ".join(one.split()) for one in said if place_key(one)))
    if len(cleaned) > MOST_ALIASES:
        raise _fault("aliases", _("At most %(most)s spellings.") % {"most": MOST_ALIASES})
    if any(len(one) > 80 for one in cleaned):
        raise _fault("aliases", _("At most %(most)s letters.") % {"most": 80})
    return cleaned


def _height(region: Region) -> int:
    """Levels below the region."""
    if not region.pk:
        return 0
    inner = Region.objects.filter(path__startswith=region.path).order_by("-level")
    deepest = inner.values_list("level", flat=True).first()
    return int(deepest) - region.level if deepest is not None else 0


def _save(region: Region) -> None:
    try:
        with transaction.atomic():
            region.save()
    except IntegrityError as error:
        text = _("There is a region of this name already.")
        raise Conflict(text, code="region_taken", fields={"name": [text]}) from error


def _hang(region: Region) -> None:
    """Path, level and country of the region and all that lies in it, from what it lies in now."""
    before, level = region.path, region.level
    parent = region.parent
    region.path = f"{parent.path if parent else '/'}{region.pk}/"
    region.level = parent.level + 1 if parent else 0
    region.save(update_fields=["path", "level", "country"])
    if before != "/":
        Region.objects.filter(path__startswith=before).exclude(pk=region.pk).update(
            path=Concat(Value(region.path), Substr("path", len(before) + 1)),
            level=F("level") + (region.level - level),
            country=region.country,
        )


def _announce(region: Region, change: str, count: int = 1) -> None:
    data = {"region": region.name, "change": change, "count": count}
    emit(events.REGIONS_CHANGED, merchant=region.merchant_id, subject=region, data=data)
