"""The small frozen things that views hand to the tags."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby, pairwise
from typing import Any

from django.utils import timezone
from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True)
class Tab:
    """A saved view or a part of a page."""

    label: Text
    href: str
    current: bool = False
    count: int | None = None


@dataclass(frozen=True)
class Chip:
    """A filter that is on: what it does, and the address without it."""

    label: Text
    remove: str


@dataclass(frozen=True)
class Step:
    """One step of a maker; `state` is done, current or ahead."""

    label: Text
    state: str = "ahead"
    href: str = ""


@dataclass(frozen=True)
class TimelineEntry:
    """One thing that happened. `title` may be safe HTML; `quote` is someone's own words."""

    at: datetime
    title: Text
    icon: str = "point"
    tone: str = ""
    href: str = ""
    body: Text = ""
    quote: str = ""
    actor: str = ""


@dataclass(frozen=True)
class TimelineDay:
    day: date
    entries: list[TimelineEntry]


def by_day(entries: Iterable[TimelineEntry]) -> list[TimelineDay]:
    """The entries, in their order, under their days in the active time zone."""
    grouped = groupby(entries, key=lambda entry: timezone.localtime(entry.at).date())
    return [TimelineDay(day, list(some)) for day, some in grouped]


@dataclass(frozen=True)
class Series:
    name: Text
    values: Sequence[float | int | None]


@dataclass(frozen=True)
class Chart:
    """What `{% ui_chart %}` draws and tabulates.

    `kind`: line, area, bar, stacked, hbar, donut or funnel. `format`: number, money (with `currency`)
    or percent (rates 0–1). `{% ui_heat %}` takes the same: each series is a row, each label a column.
    """

    id: str
    label: Text
    labels: Sequence[Text]
    series: Sequence[Series]
    kind: str = "line"
    format: str = "number"
    currency: str = ""
    size: str = ""
    links: Sequence[str] = field(default_factory=tuple)

    @property
    def data_id(self) -> str:
        return f"{self.id}-data"

    def as_json(self) -> dict[str, Any]:
        """For json_script; charts.js reads it."""
        return {
            "kind": self.kind,
            "label": str(self.label),
            "labels": [str(label) for label in self.labels],
            "series": [{"name": str(one.name), "values": list(one.values)} for one in self.series],
            "format": self.format,
            "currency": self.currency,
            "links": list(self.links),
        }


SPARK_WIDTH, SPARK_HEIGHT = 120, 32  # the viewBox; the line keeps its weight when stretched


def spark_path(points: Sequence[float | int]) -> str:
    """An SVG path through the points, left to right; "" for fewer than two."""
    if len(points) < 2:
        return ""
    low, high = min(points), max(points)
    span = float(high - low) or 1.0
    step = SPARK_WIDTH / (len(points) - 1)
    places = [
        (index * step, 2 + (SPARK_HEIGHT - 4) * (1 - float(p - low) / span)) for index, p in enumerate(points)
    ]
    if high == low:
        places = [(x, SPARK_HEIGHT / 2) for x, _ in places]
    lines = [f"L{x:.1f} {y:.1f}" for _, (x, y) in pairwise(places)]
    return f"M{places[0][0]:.1f} {places[0][1]:.1f}" + "".join(lines)
