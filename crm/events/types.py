"""What can be announced. Each app declares its events in its `events.py`; the constant is the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from crm.lib.tenancy import scoped_merchant
from crm.lib.ui.formats import money_text, number_text

Text = str | Promise


@dataclass(frozen=True)
class EventType:
    """One kind of fact, in the past tense.

    `name` is "<app>.<fact>" and public: webhooks carry it. `label` names the kind in filters; `text` is the
    sentence of the timeline, a %-format over the event's `data`. `icon` is a Tabler icon. `scope` is the API
    scope that may read it by webhook. `on_timeline` tells whether a customer's timeline shows it. `amounts`
    names the keys that the sentence tells as money, in the `currency` of the data, `figures` those that it
    groups as a number (1,395), `words` those that it puts in the reader's own words, `optional` those that
    it leaves out where they are not known. `audit` says that somebody saw personal data ("seen") or took data
    out of the house ("exported"); everything else is a change.
    """

    name: str
    label: Text
    text: Text = ""
    icon: str = "point"
    tone: str = "info"
    scope: str = "events.read"
    on_timeline: bool = True
    portal: bool = False
    keys: tuple[str, ...] = field(default=())
    amounts: tuple[str, ...] = field(default=())
    figures: tuple[str, ...] = field(default=())
    words: Mapping[str, Callable[[Any], Text]] = field(default_factory=dict)
    optional: tuple[str, ...] = field(default=())
    audit: str = ""

    def __post_init__(self) -> None:
        if self.name in REGISTRY:
            raise ValueError(f"event {self.name} is declared twice")
        REGISTRY[self.name] = self

    def sentence(self, data: dict[str, Any]) -> str:
        """The timeline's sentence in the active language; facts that older events lack show as a dash."""
        missing = dict.fromkeys(self.keys, "–") | dict.fromkeys(self.optional, "")
        known = missing | data | self._money(data) | self._readable(data)
        try:
            # Not str(self.text) first: a text of ngettext_lazy chooses its form by the number in `known`.
            return str(self.text % known) if self.text else str(self.label)
        except (KeyError, ValueError, TypeError):
            return str(self.label)

    def _money(self, data: dict[str, Any]) -> dict[str, str]:
        home = str(getattr(scoped_merchant(), "base_currency", ""))
        known = [key for key in self.amounts if data.get(key) not in (None, "") and data.get("currency")]
        return {key: money_text(str(data[key]), str(data["currency"]), home=home) for key in known}

    def _readable(self, data: dict[str, Any]) -> dict[str, Any]:
        figures = {key: Figure(data[key]) for key in self.figures if isinstance(data.get(key), int)}
        return figures | {key: put(data[key]) for key, put in self.words.items() if key in data}


class Figure(int):
    """A number that stands grouped in a sentence, and still chooses its plural."""

    def __str__(self) -> str:
        return number_text(int(self))


REGISTRY: dict[str, EventType] = {}


def event_type(name: str) -> EventType | None:
    """The declared type, or None for events of an app that is no longer installed."""
    return REGISTRY.get(name)


def sentence_of(name: str, data: dict[str, Any]) -> str:
    kind = event_type(name)
    return kind.sentence(data) if kind else _("Event %(name)s") % {"name": name}
