"""What is nobody's and names somebody all the same."""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.db.models import Q

from crm.lib.privacy import Person, add_eraser, harmless, personal
from customers.models import Visit

COLUMNS = ("visitor", "title", "path", "sku")


def find(_person: Person) -> None:
    """A visit waits for a name: no row is known to be anybody's."""


def wipe(person: Person) -> int:
    """Visits of their browsers, and those that name them: a search for their own parcel, for example."""
    says = [Q(**{f"{column}__icontains": word}) for column in COLUMNS for word in person.spellings()]
    return int(Visit.objects.filter(reduce(or_, says)).delete()[0]) if says else 0


add_eraser("visits", find=find, wipe=wipe)
personal("customers.visit", *COLUMNS)
harmless("customers.visitsettings", "hosts", why="the shop's own addresses")
