"""The lists that can be saved as views. Each app names its own, at start."""

from __future__ import annotations

from dataclasses import dataclass

from crm.events.types import Text


@dataclass(frozen=True)
class SavedList:
    """`key` is stored; `url_name` opens the list; `needs` is its permission."""

    key: str
    label: Text
    url_name: str
    needs: str


LISTS: dict[str, SavedList] = {}


def add_list(one: SavedList) -> None:
    if one.key in LISTS:
        raise ValueError(f"list {one.key} is registered twice")
    LISTS[one.key] = one
