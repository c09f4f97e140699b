"""Points after an erasure: the ledger and its sums stay, what staff wrote beside them goes."""

from __future__ import annotations

from crm.lib.privacy import Person, add_eraser, harmless, personal
from marketing.loyalty.models import PointsEntry


def wipe(person: Person) -> int:
    mine = PointsEntry.objects.filter(customer_id__in=person.customer_ids)
    changed: int = mine.exclude(reason="").update(reason="")
    return changed


add_eraser("loyalty", wipe=wipe)
personal("loyalty.pointsentry", "reason")
harmless("loyalty.pointsentry", "key", why="names the order or expiry by its id")
harmless("loyalty.program", "name", why="the shop's own")
harmless("loyalty.tier", "name", why="the shop's own")
