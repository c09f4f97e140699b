"""The tree that a file would make, looked at before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from django.utils.translation import gettext as _

from crm.imports.rows import Refuse, Wrong
from customers.companies.tree import MOST_LEVELS

Line = tuple[int, int, str]


def no_parent(text: str) -> Refuse:
    """What a row is refused with whose parent is nowhere."""
    words = _("“%(text)s” is neither a company here nor one that this file brings in")
    return Refuse("parent", "no_parent", words % {"text": text[:60]})


class Tree:
    """`hung` is node → parent as it stands; `resolve` finds the node that a cell names; `mode` what becomes
    of a parent that a known company has already (fill, overwrite, skip)."""

    def __init__(self, hung: Mapping[int, int], resolve: Callable[[str], int | None], mode: str) -> None:
        self.hung = hung
        self.resolve = resolve
        self.mode = mode

    def refusals(self, lines: Sequence[Line], makers: Mapping[int, set[int]]) -> dict[int, Wrong]:
        """Row → what is wrong. `lines` are (row, node, parent's text) in the file's order, `makers` the rows
        that make each new node: one whose rows are all refused is nobody's parent either, so that it is
        looked at again until nothing more falls."""
        refused: dict[int, Wrong] = {}
        while True:
            gone = {node for node, rows in makers.items() if rows <= refused.keys()}
            fresh = self._pass([line for line in lines if line[0] not in refused], gone)
            if not fresh:
                return refused
            refused |= fresh

    def _pass(self, lines: Sequence[Line], gone: set[int]) -> dict[int, Wrong]:
        parents = dict(self.hung)
        children: dict[int, set[int]] = {}
        for child, parent in parents.items():
            children.setdefault(parent, set()).add(child)
        refused: dict[int, Wrong] = {}
        for row, node, text in lines:
            if self._stays(node, parents):
                continue
            try:
                parent = self._parent(node, text, gone)
                self._check(node, parent, parents, children)
            except Refuse as refusal:
                refused[row] = refusal.wrong
                continue
            children.get(parents.get(node, 0), set()).discard(node)
            parents[node] = parent
            children.setdefault(parent, set()).add(node)
        return refused

    def _stays(self, node: int, parents: Mapping[int, int]) -> bool:
        """Whether the company keeps the parent, or the lack of one, that it has."""
        if node > 0 and self.mode == "skip":
            return True
        return node in parents and not (node > 0 and self.mode == "overwrite")

    def _parent(self, node: int, text: str, gone: set[int]) -> int:
        parent = self.resolve(text)
        if parent is None or parent in gone:
            raise no_parent(text)
        if parent == node:
            raise Refuse("parent", "ring", _("a company can't stand below itself"))
        return parent

    def _check(
        self, node: int, parent: int, parents: Mapping[int, int], children: Mapping[int, set[int]]
    ) -> None:
        """Raises Refuse for a ring, and for a tree of more than eight levels."""
        above = [parent]
        while above[-1] in parents and len(above) <= MOST_LEVELS:
            above.append(parents[above[-1]])
        if node in above:
            raise Refuse(
                "parent", "ring", _("it stands above that one already: the tree would bite its tail")
            )
        below, height = {node}, 0
        while below and height <= MOST_LEVELS:
            height += 1
            below = {child for one in below for child in children.get(one, ())}
        if len(above) + height > MOST_LEVELS:
            words = _("the tree would be deeper than %(most)s levels")
            raise Refuse("parent", "too_deep", words % {"most": MOST_LEVELS})
