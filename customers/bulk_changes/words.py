"""The words that a shop made up for its customers, tags and grades: how many have each, and renaming them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, F, Func, QuerySet
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.lib.errors import Rejected
from customers.bulk_changes.services import bulk_start
from customers.models import BulkChange, Customer
from customers.normalising import normalise_name
from customers.services import clean_tags, fault

MOST_SHOWN = 500


@dataclass(frozen=True)
class Word:
    """`address` is the list of who has it, as it stands after the question mark."""

    text: str
    customers: int
    address: str


def tags_used(membership: Membership) -> list[Word]:
    """The tags of those whom the member sees, the most used first; at most 500. Reads every customer."""
    rows = Customer.objects.present().visible_to(membership).exclude(tags=[]).order_by()
    counted = rows.values(word=Func(F("tags"), function="unnest")).annotate(n=Count("pk"))
    return _words("tag", counted)


def grades_used(membership: Membership) -> list[Word]:
    """The same for grades."""
    rows = Customer.objects.present().visible_to(membership).exclude(grade="").order_by()
    return _words("grade", rows.values(word=F("grade")).annotate(n=Count("pk")))


def _words(name: str, counted: QuerySet[Any, Any]) -> list[Word]:
    rows = counted.order_by("-n", "word").values_list("word", "n")[:MOST_SHOWN]
    return [Word(text, n, urlencode({name: text})) for text, n in rows]


def word_rename(*, merchant: Merchant, member: Membership, kind: str, old: str, new: str) -> BulkChange:
    """Everyone with the tag or grade `old` whom the member sees has `new` instead, or nothing for "": a bulk
    change like any other, with its undo. Raises Rejected for an unknown kind, no word, the same one, or when
    nobody has it."""
    old = normalise_name(old)
    if not old:
        raise fault("old", _("Say which one."))
    if kind == "tag":
        fresh = clean_tags([new]) if new.strip() else []
        changes: dict[str, Any] = {"remove_tags": [old], **({"add_tags": fresh} if fresh else {})}
        same = fresh == [old]
    elif kind == "grade":
        changes = {"grade": new}
        same = normalise_name(new) == old
    else:
        raise Rejected(_("There are tags and grades."), code="bad_word")
    if same:
        raise fault("new", _("That is the same word."))
    return bulk_start(merchant=merchant, member=member, changes=changes, query=urlencode({kind: old}))
