"""What makes a tree of regions a sound one: names, depth, no rings, one change at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Max
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.lib.errors import Rejected
from crm.lib.locking import hold
from customers import events
from customers.models import Region
from customers.regions.naming import keys_for, place_key
from customers.regions.selectors import ids_of

MOST_LEVELS = 6
MOST_REGIONS = 20_000
MOST_ALIASES = 30
CHANGEABLE = ("name", "code", "country", "aliases", "parent")


def lock_tree(merchant: Merchant) -> None:
    """One change of the tree at a time: two that are each without a ring can make one together."""
    hold(f"region-tree:{merchant.pk}")


def under_lock(parent: Region | None) -> Region | None:
    """As it stands now: whoever held the tree before may have moved it. Raises Rejected when it is gone."""
    if parent is None:
        return None
    now: Region | None = Region.objects.filter(pk=parent.pk).first()
    if now is None:
        raise _fault("parent", _("This region was deleted."))
    return now


def check_room(more: int) -> None:
    if Region.objects.count() + more > MOST_REGIONS:
        raise Rejected(_("A shop can have %(most)s regions.") % {"most": MOST_REGIONS}, code="too_many")


def _fault(name: str, text: str) -> Rejected:
    return Rejected(text, code="bad_region", fields={name: [text]})


def fill(region: Region, values: Mapping[str, Any], *, is_new: bool = False) -> None:
    """The values on the region, cleaned; its place is another's business. Raises Rejected naming the
    field."""
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
    _check_parent(region, height=0 if is_new else _height(region))
    names = region.aliases if region.parent else [*region.aliases, region.country]
    region.keys = keys_for(region.name, region.code, [one for one in names if one])


def _check_parent(region: Region, *, height: int) -> None:
    """No ring, no bottomless depth, no country twice; what lies in a country is of it."""
    if region.parent is None:
        same = Region.objects.filter(level=0, country=region.country).exclude(pk=region.pk)
        if region.country and same.exists():
            raise _fault("country", _("This country is there already."))
        return
    if region.pk in ids_of(region.parent.path):
        raise _fault("parent", _("A region can't lie in itself."))
    if region.parent.level + 1 + height >= MOST_LEVELS:
        raise _fault("parent", _("The tree can be %(most)s levels deep.") % {"most": MOST_LEVELS})
    region.country = region.parent.country


def _height(region: Region) -> int:
    """Levels below the region."""
    deepest = Region.objects.filter(path__startswith=region.path).aggregate(deepest=Max("level"))["deepest"]
    return int(deepest) - region.level if deepest is not None else 0


def _aliases(said: Iterable[str]) -> list[str]:
    cleaned = list(dict.fromkeys(" ".join(one.split()) for one in said if place_key(one)))
    if len(cleaned) > MOST_ALIASES:
        raise _fault("aliases", _("At most %(most)s spellings.") % {"most": MOST_ALIASES})
    if any(len(one) > 80 for one in cleaned):
        raise _fault("aliases", _("At most %(most)s letters.") % {"most": 80})
    return cleaned


def put(region: Region) -> None:
    """Path and level, from what it lies in."""
    parent = region.parent
    region.path = f"{parent.path if parent else '/'}{region.pk}/"
    region.level = parent.level + 1 if parent else 0


def announce(region: Region, change: str, count: int = 1) -> None:
    data = {"region": region.name, "change": change, "count": count}
    emit(events.REGIONS_CHANGED, merchant=region.merchant_id, subject=region, data=data)
