"""Changing the tree of regions. Every change is announced; customers are placed anew after the commit."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Substr
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.lib.copying import reserve_ids
from crm.lib.errors import Conflict
from customers.models import Company, Customer, Region
from customers.regions.naming import place_key
from customers.regions.tree import announce, check_room, fill, lock_tree, put, under_lock


@transaction.atomic
def region_add(*, merchant: Merchant, name: str, parent: Region | None = None, **values: Any) -> Region:
    """A new region in `parent`, or a new root; `values` may have code, country (roots only) and aliases.

    Raises Rejected naming the field, Conflict (code "region_taken") when the name stands there already. Holds
    the shop's tree until the transaction ends.
    """
    lock_tree(merchant)
    check_room(1)
    made = Region(pk=reserve_ids(Region, 1), merchant=merchant)
    fill(made, {"name": name, "parent": under_lock(parent), **values}, is_new=True)
    put(made)
    _save(made, is_new=True)
    announce(made, "added")
    return made


@transaction.atomic
def region_change(*, region: Region, **changes: Any) -> Region:
    """The region with the changes; moved under another `parent`, all that lies in it moves along. Errors and
    locks as in `region_add`; a region can't lie in itself."""
    lock_tree(region.merchant)
    region.refresh_from_db()
    before = (region.parent_id, region.country)
    if "parent" in changes:
        changes["parent"] = under_lock(changes["parent"])
    fill(region, changes)
    _save(region)
    if (region.parent_id, region.country) != before:
        _rehang(region)
    announce(region, "changed")
    return region


@transaction.atomic
def region_delete(*, region: Region) -> int:
    """Removes the region and all that lies in it; how many. Who stood there stands in what is above them."""
    lock_tree(region.merchant)
    region.refresh_from_db()
    inner = list(Region.objects.filter(path__startswith=region.path).values_list("pk", flat=True))
    Region.objects.filter(pk__in=inner)._raw_delete(Region.objects.db)
    for model in (Customer, Company):
        # The database places them anew in what is left of the tree; its keys are checked at the commit.
        model.objects.filter(located_in__in=inner).update(located_in=None)
    announce(region, "deleted", len(inner))
    return len(inner)


def alias_add(*, region: Region, spelling: str) -> Region:
    """The region is found by this spelling too."""
    if place_key(spelling) in region.keys:
        return region
    return region_change(region=region, aliases=[*region.aliases, spelling])


def _save(region: Region, *, is_new: bool = False) -> None:
    try:
        with transaction.atomic():
            region.save(force_insert=is_new)
    except IntegrityError as error:
        text = _("There is a region of this name already.")
        raise Conflict(text, code="region_taken", fields={"name": [text]}) from error


def _rehang(region: Region) -> None:
    """Path, level and country of the region and all that lies in it, from what it lies in now."""
    before, level = region.path, region.level
    put(region)
    region.save(update_fields=["path", "level", "country"])
    Region.objects.filter(path__startswith=before).exclude(pk=region.pk).update(
        path=Concat(Value(region.path), Substr("path", len(before) + 1)),
        level=F("level") + (region.level - level),
        country=region.country,
    )
