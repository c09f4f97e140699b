"""The tree of firms: no rings, no bottomless depth, and the picture of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.lib.locking import hold
from crm.lib.tenancy import scoped_merchant_id
from customers.models import Company
from customers.services import fault

# A holding, its regions, their offices, their shops: nobody's tree is deeper, and each page walks it.
MOST_LEVELS = 8
# Rows of the picture; a distributor with more branches sees the first of them and a link to the list.
MOST_SHOWN = 200

ANCESTORS = """
    WITH RECURSIVE above AS (
        SELECT id, parent_id, 1 AS level FROM customers_company WHERE merchant_id = %(m)s::bigint AND id =
        %(id)s
        UNION ALL
        SELECT c.id, c.parent_id, a.level + 1 FROM customers_company c
        JOIN above a ON c.merchant_id = %(m)s::bigint AND c.id = a.parent_id WHERE a.level <= %(most)s
    )
    SELECT id FROM above ORDER BY level
"""
HEIGHT = """
    WITH RECURSIVE below AS (
        SELECT id, 1 AS level FROM customers_company WHERE merchant_id = %(m)s::bigint AND id = %(id)s
        UNION ALL
        SELECT c.id, b.level + 1 FROM customers_company c
        JOIN below b ON c.merchant_id = %(m)s::bigint AND c.parent_id = b.id WHERE b.level <= %(most)s
    )
    SELECT max(level) FROM below
"""
BELOW = """
    WITH RECURSIVE below AS (
        SELECT id, 0 AS level, ARRAY[name, id::text] AS path FROM customers_company
        WHERE merchant_id = %(m)s::bigint AND id = %(id)s
        UNION ALL
        SELECT c.id, b.level + 1, b.path || c.name || c.id::text FROM customers_company c
        JOIN below b ON c.merchant_id = %(m)s::bigint AND c.parent_id = b.id
        WHERE c.archived_at IS NULL AND b.level < %(most)s
    )
    SELECT id, level FROM below ORDER BY path LIMIT %(limit)s
"""


def lock_tree() -> None:
    """One change of the shop's tree at a time: two that are each without a ring can make one together.

    Held until the transaction ends.
    """
    hold(f"company-tree:{scoped_merchant_id()}")


def check_parent(company: Company, parent: Company | None) -> None:
    """Raises Rejected (field "parent") when the parent stands below the company, or the tree gets too deep.

    Locks the tree.
    """
    if parent is None:
        return
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("the tree is locked until the change commits")
    lock_tree()
    above = ancestor_ids(parent.pk)
    if company.pk is not None and company.pk in above:
        raise fault("parent", _("This firm stands below it already; the tree would bite its own tail."))
    height = _height(company.pk) if company.pk is not None else 1
    if len(above) + height > MOST_LEVELS:
        raise fault("parent", _("The tree would be deeper than %(most)s levels.") % {"most": MOST_LEVELS})


def ancestor_ids(company_id: int) -> list[int]:
    """The company, its parent, and so on to the top."""
    return [row[0] for row in _asked(ANCESTORS, company_id)]


def descendant_ids(company_id: int) -> list[int]:
    """The company and everything below it that isn't archived, at most 200."""
    return [row[0] for row in _asked(BELOW, company_id, limit=MOST_SHOWN)]


def _height(company_id: int) -> int:
    return int(_asked(HEIGHT, company_id)[0][0] or 1)


def _asked(sql: str, company_id: int, **more: int) -> list[tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"m": scoped_merchant_id(), "id": company_id, "most": MOST_LEVELS} | more)
        found: list[tuple[int, ...]] = cursor.fetchall()
    return found


@dataclass(frozen=True)
class Branch:
    """One firm of the picture. `is_visible` says whether the member may open it; others stand there as a
    place
    without a name."""

    company: Company
    is_here: bool
    is_visible: bool
    children: list[Branch] = field(default_factory=list)


@dataclass(frozen=True)
class Tree:
    top: Branch
    is_cut: bool

    @property
    def is_alone(self) -> bool:
        return not self.top.children


def tree_of(company: Company, membership: Membership) -> Tree:
    """The whole tree that the company stands in, from its top; the way down to the company is always there,
    also past an archived firm and where the picture is cut. Four queries."""
    above = ancestor_ids(company.pk)
    top_id = above[-1]
    rows = _asked(BELOW, top_id, limit=MOST_SHOWN)
    ids = list(dict.fromkeys([*(row[0] for row in rows), *above]))
    known = {one.pk: one for one in Company.objects.filter(pk__in=ids).select_related("owner__user")}
    visible = set(Company.objects.visible_to(membership).filter(pk__in=ids).values_list("pk", flat=True))
    branches = {
        pk: Branch(known[pk], is_here=pk == company.pk, is_visible=pk in visible) for pk in ids if pk in known
    }
    for pk, branch in branches.items():
        parent = branches.get(known[pk].parent_id or 0)
        if parent is not None and pk != top_id:
            parent.children.append(branch)
    return Tree(branches[top_id], is_cut=len(rows) >= MOST_SHOWN)
