"""What upper floors hang into the customer's own pages; `customers/` imports none of them.

Each app fills these from its `portal.py` or `panels.py`, both loaded at start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from crm.events.types import Text
from customers.models import Customer


@dataclass(frozen=True)
class PortalPanel:
    """A card of the portal. `url_name` is a `portal_path` that answers a fragment.

    `place` "home" stands under the list of orders; `place` "order" stands on an order's page and its URL
    takes `order_id`. A panel that has nothing to say to this person answers an empty body. `topics` refresh
    it live.
    """

    url_name: str
    title: Text
    place: str = "home"
    order: int = 50
    topics: tuple[str, ...] = ()


@dataclass(frozen=True)
class PortalLink:
    """A page in the portal's menu; `url_name` is a `portal_path` without parameters."""

    url_name: str
    title: Text
    icon: str
    order: int = 50


@dataclass(frozen=True)
class Found:
    """Whom a reference and a contact name: where the code goes, and what it opens."""

    address: str
    customer: Customer | None = None
    grants: dict[str, list[int]] = field(default_factory=dict)


# (reference as typed, contact as typed) → whom they name. Called by a worker, inside the shop's scope.
Finder = Callable[[str, str], Found | None]
# (customer or None, grants) → what the shop keeps about them: facts by name, or rows, best as an iterator
# that reads as it goes. Asked once for each file that is written. For "download my data".
Facts = Mapping[str, Any]
Collector = Callable[[Customer | None, dict[str, list[int]]], Facts | Iterable[Facts]]


@dataclass(frozen=True)
class DataFile:
    """A file of the person's: under `name` in the package, `open()` gives its bytes as a stream."""

    name: str
    open: Callable[[], IO[bytes]]


Files = Callable[[Customer | None, dict[str, list[int]]], Iterable[DataFile]]


@dataclass(frozen=True)
class Chapter:
    """One app's part of "my data". `words` names its keys for people; a program reads the keys themselves."""

    key: str
    label: Text
    collect: Collector
    words: Mapping[str, Text] = field(default_factory=dict)
    files: Files | None = None


@dataclass(frozen=True)
class LeftOut:
    """What a package doesn't hold though it is about the person, and why that is right."""

    what: Text
    why: Text


PORTAL_PANELS: list[PortalPanel] = []
PORTAL_LINKS: list[PortalLink] = []
FINDERS: list[Finder] = []
CHAPTERS: dict[str, Chapter] = {}
LEFT_OUT: list[LeftOut] = []


def add_portal_panel(panel: PortalPanel) -> None:
    PORTAL_PANELS.append(panel)
    PORTAL_PANELS.sort(key=lambda one: one.order)


def add_portal_link(link: PortalLink) -> None:
    PORTAL_LINKS.append(link)
    PORTAL_LINKS.sort(key=lambda one: one.order)


def add_finder(finder: Finder) -> None:
    FINDERS.append(finder)


def add_collector(
    key: str,
    label: Text,
    collector: Collector,
    *,
    words: Mapping[str, Text] | None = None,
    files: Files | None = None,
) -> None:
    """Adds a chapter to "download my data"."""
    if key in CHAPTERS:
        raise ValueError(f"collector {key} is registered twice")
    CHAPTERS[key] = Chapter(key, label, collector, words or {}, files)


def add_left_out(what: Text, why: Text) -> None:
    """Says in every package that this is not in it, and why."""
    LEFT_OUT.append(LeftOut(what, why))
