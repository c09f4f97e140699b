"""Who gets which version of a campaign, when, and who is held out: decided with the row, by the person's id.

The same person of the same campaign always falls into the same place, so writing an audience down again after
a death changes nothing. Two draws that don't depend on each other: one for the holdout, one for the versions.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import available_timezones

from django.utils import timezone

from crm.accounts.models import Merchant
from marketing.models import Campaign

# Ten thousand places: a hundredth of a per cent.
PLACES = 10_000
# Until the better version is known.
FAR = datetime(9999, 1, 1, tzinfo=UTC)

# `c` is the customer. hashint8extended is PostgreSQL's own hash of a bigint with a seed; the mask keeps it
# positive. A per cent sign is doubled for psycopg2.
_HELD = "(hashint8extended(c.id, %(campaign)s) & 9223372036854775807) %% {places} < %(held)s"
_DRAW = "(hashint8extended(c.id, -%(campaign)s) & 9223372036854775807)"


class Shares:
    """The expressions that freezing.freeze writes a row with, and their parameters."""

    def __init__(self, campaign: Campaign, merchant: Merchant) -> None:
        versions = list(campaign.versions.order_by("letter"))
        self._letters = ["A", *(one.letter for one in versions)] if versions else []
        self._clocks = {one.letter: one.send_at for one in versions if one.send_at is not None}
        self._at = campaign.scheduled_at if campaign.local_time else None
        self._zone = merchant.zone
        self.values: dict[str, Any] = {
            "held": int(campaign.holdout_percent * 100),
            "letters": self._letters,
            "count": max(len(self._letters), 1),
            "tried": campaign.trial_percent * 100,
            "far": FAR,
            "zones": sorted(available_timezones()),
            "shop_zone": str(merchant.zone),
            "wall": self._at.astimezone(self._zone).replace(tzinfo=None) if self._at else None,
        }
        self.values |= {f"clock_{letter}": self._wall(clock) for letter, clock in self._clocks.items()}

    @property
    def held(self) -> str:
        """Whether the person is held out."""
        return _HELD.format(places=PLACES) if self.values["held"] else "false"

    @property
    def version(self) -> str:
        """The person's letter; "" when nothing is tried, or when they wait for the better version."""
        if not self._letters:
            return "''"
        letter = f"(%(letters)s::text[])[1 + ({_DRAW} / {PLACES}) %% %(count)s]"
        if self.values["tried"] >= PLACES:
            return letter
        return f"CASE WHEN {_DRAW} %% {PLACES} < %(tried)s THEN {letter} ELSE '' END"

    @property
    def waits(self) -> str:
        """Whether the person waits for the better version."""
        if not self._letters or self.values["tried"] >= PLACES:
            return "false"
        return f"{_DRAW} %% {PLACES} >= %(tried)s"

    @property
    def due(self) -> str:
        """When the mail may leave, of a person who waits for no version."""
        clocks = " ".join(
            f"WHEN '{letter}' THEN {self._there(f'%(clock_{letter})s')}" for letter in self._clocks
        )
        plain = self._there("%(wall)s") if self._at else "now()"
        return f"CASE {self.version} {clocks} ELSE {plain} END" if clocks else plain

    def _there(self, wall: str) -> str:
        """The instant at which the clock where the person lives shows that; a time that passed is now."""
        zone = "CASE WHEN c.time_zone = ANY(%(zones)s) THEN c.time_zone ELSE %(shop_zone)s END"
        zone = zone if self._at else "%(shop_zone)s"
        return f"greatest(now(), {wall}::timestamp AT TIME ZONE {zone})"

    def _wall(self, clock: time) -> datetime:
        """The next time that the shop's clock, or on the chosen day everybody's, shows that hour."""
        if self._at:
            return datetime.combine(self._at.astimezone(self._zone).date(), clock)
        now = timezone.now().astimezone(self._zone)
        day: date = now.date()
        if clock <= now.time():
            day = date.fromordinal(day.toordinal() + 1)
        return datetime.combine(day, clock)
