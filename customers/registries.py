"""What upper floors hang into the customer's room: panels of the page, care holds, segment conditions.

`customers/` imports none of them: each app fills these registries from its `panels.py`, `holds.py` or
`conditions.py`, which are loaded at start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from crm.accounts.models import Merchant
from crm.events.types import Text
from customers.models import Customer


@dataclass(frozen=True)
class Panel:
    """A card of the customer page: a URL name that takes the customer's id and answers what stands inside it.

    The page draws the card with its title; an empty answer takes the card away. `column` is "facts" or
    "story"; lower `order` stands higher, below 30 above the customer's own facts; `topics` are live topics
    that refresh it ("{id}" is the customer's).
    The panel's view looks the customer up by `customers.selectors.customer_for`, which checks visibility.
    """

    url_name: str
    title: Text
    needs: str
    order: int
    column: str = "facts"
    topics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hold:
    """A reason to hold promotions back (promise 1). `sql` selects customer ids; its only parameter is
    %(merchant_id)s; it is joined at the moment of sending. `also_reviews` holds review requests back too."""

    code: str
    reason: Text
    sql: str
    also_reviews: bool = True


@dataclass(frozen=True)
class Restraint:
    """What holds a mail to one person back for now; `until` (UTC) is when it is over, where that is known."""

    code: str
    until: datetime | None = None


PANELS: list[Panel] = []
HOLDS: dict[str, Hold] = {}
# The shop's own rules of how often and when it writes, asked by whatever isn't a campaign and isn't expected.
RESTRAINTS: list[Callable[[Merchant, Customer], Restraint | None]] = []


def restraint_on(merchant: Merchant, customer: Customer) -> Restraint | None:
    """The first that holds a mail to them back now."""
    found = (ask(merchant, customer) for ask in RESTRAINTS)
    return next((restraint for restraint in found if restraint), None)


def add_restraint(ask: Callable[[Merchant, Customer], Restraint | None]) -> None:
    RESTRAINTS.append(ask)


def add_panel(panel: Panel) -> None:
    PANELS.append(panel)
    PANELS.sort(key=lambda one: one.order)


def add_hold(hold: Hold) -> None:
    if hold.code in HOLDS:
        raise ValueError(f"hold {hold.code} is registered twice")
    HOLDS[hold.code] = hold


@dataclass(frozen=True)
class Action:
    """A button of the customer page: a URL name that takes the customer's id (`query=True`: ?customer=<id>).

    `primary` ones stand in the header, the others in its menu; `also` is what the query has besides.
    """

    url_name: str
    label: Text
    icon: str
    needs: str
    order: int
    primary: bool = False
    query: bool = False
    also: str = ""


ACTIONS: list[Action] = []


@dataclass(frozen=True)
class ListAction:
    """A button under ticked rows of the customer list, for members with `needs`: a page that is posted `ids`,
    or opened with `query`, the list's address, for everybody whom the list finds."""

    url_name: str
    label: Text
    icon: str
    needs: str
    all_label: Text = ""


LIST_ACTIONS: list[ListAction] = []


def add_list_action(action: ListAction) -> None:
    LIST_ACTIONS.append(action)


@dataclass(frozen=True)
class SubjectPage:
    """The page of what an event is about, for members with `needs`. Its address takes the subject's id, or
    what the event's data has under `key`."""

    url_name: str
    needs: str
    key: str = ""


# Event subject ("orders.order") → its page.
SUBJECT_PAGES: dict[str, SubjectPage] = {}


def add_action(action: Action) -> None:
    ACTIONS.append(action)
    ACTIONS.sort(key=lambda one: one.order)


def add_subject_page(subject_type: str, page: SubjectPage) -> None:
    """Lets the timeline link to what an event is about."""
    if subject_type in SUBJECT_PAGES:
        raise ValueError(f"{subject_type} has a page already")
    SUBJECT_PAGES[subject_type] = page


@dataclass(frozen=True)
class Trace:
    """Something that two customers may share without either's own record saying so, such as where their
    orders went: evidence that they are one person (customers/duplicates).

    `sql` selects (customer_id, key); its parameters are %(merchant_id)s and %(ids)s, the customers asked
    for. A key is a text that is equal where the same thing is meant.
    """

    code: str
    sql: str


TRACES: dict[str, Trace] = {}


def add_trace(trace: Trace) -> None:
    if trace.code in TRACES:
        raise ValueError(f"trace {trace.code} is registered twice")
    TRACES[trace.code] = trace
