"""Who gets which version of a campaign, when, and who is held out: decided with the row, by the person's id.

The same person of the same campaign always falls into the same place, so writing an audience down again after
a death changes nothing. Two draws that don't depend on each other: one for the holdout, one for the versions.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from datetime import timezone as fixed
from typing import Any
from zoneinfo import available_timezones

from django.utils import timezone

from crm.accounts.models import Merchant
from marketing.models import Campaign

# Ten thousand places: a hundredth of a per cent.
PLACES = 10_000
# Until the better version is known.
FAR = datetime(9999, 1, 1, tzinfo=UTC)
LAST_CLOCK = fixed(timedelta(hours=-12))

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
        self._wall = _chosen_wall(campaign)
        self.values: dict[str, Any] = {
            "held": int(campaign.holdout_percent * 100),
            "letters": self._letters,
            "count": max(len(self._letters), 1),
            "tried": campaign.trial_percent * 100,
            "far": FAR,
            "zones": sorted(available_timezones()),
            "shop_zone": str(merchant.zone),
            "wall": self._wall,
        }
        self.values |= {f"clock_{letter}": _wall(campaign, clock) for letter, clock in self._clocks.items()}

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
        plain = self._there("%(wall)s") if self._wall else "now()"
        return f"CASE {self.version} {clocks} ELSE {plain} END" if clocks else plain

    def _there(self, wall: str) -> str:
        """The instant at which the clock where the person lives shows that; a time that passed is now."""
        zone = "CASE WHEN c.time_zone = ANY(%(zones)s) THEN c.time_zone ELSE %(shop_zone)s END"
        zone = zone if self._wall else "%(shop_zone)s"
        return f"greatest(now(), {wall}::timestamp AT TIME ZONE {zone})"


def last_leaves_at(campaign: Campaign) -> datetime:
    """By when the last of the versions may have left, quiet hours apart: the hour that one waits for, on the
    last clock on earth where everybody's own counts. At the earliest when the audience was frozen."""
    chosen = _chosen_wall(campaign)
    zone = LAST_CLOCK if chosen else campaign.merchant.zone
    walls = [_wall(campaign, one.send_at) for one in campaign.versions.all() if one.send_at is not None]
    walls += [chosen] if chosen else []
    begun = campaign.frozen_at or timezone.now()
    return max([begun, *(wall.replace(tzinfo=zone) for wall in walls)])


def _chosen_wall(campaign: Campaign) -> datetime | None:
    """What everybody's own clock is to show, where that was chosen."""
    if not campaign.local_time or campaign.scheduled_at is None:
        return None
    return campaign.scheduled_at.astimezone(campaign.merchant.zone).replace(tzinfo=None)


def _wall(campaign: Campaign, clock: time) -> datetime:
    """The next time after the start that the shop's clock, or on the chosen day everybody's, shows that
    hour."""
    if chosen := _chosen_wall(campaign):
        return datetime.combine(chosen.date(), clock)
    begun = (campaign.started_at or timezone.now()).astimezone(campaign.merchant.zone)
    day = begun.date() + timedelta(days=1 if clock <= begun.time() else 0)
    return datetime.combine(day, clock)
