"""The supply of a run: claims ahead, beats, sees a pause, tells what was sent.

None of it holds up the writing of outcomes, so it has a thread and a connection of its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from crm.accounts.models import Merchant
from marketing.models import Campaign, SendingRun
from marketing.pacing.admitting import pace_of
from marketing.sending import checking, claiming, reaping, telling
from marketing.sending.claiming import Claimed
from marketing.sending.context import contexts
from marketing.sending.handover import Handover, Mail
from marketing.sending.patience import patiently

BEAT_SECONDS = 2.0
STATE_SECONDS = 0.3  # how often the campaign's state is looked at
# What was claimed longer ago than this goes back and is checked anew before it leaves.
FRESH_SECONDS = 10.0
# Claims grow and shrink so that one lasts about a second.
CLAIM_SECONDS = 1.0
# Where a limit of pace holds them back, what comes due is fetched so often.
PACED_SECONDS = 0.2
# A run waits so long for the next that is due; behind that the sweeper rings again.
WAIT_SECONDS = 20.0


class Supply:
    """`step` is called again and again, by one thread. `more` tells that the time was over before the mails
    were."""

    def __init__(
        self,
        *,
        merchant: Merchant,
        campaign: Campaign,
        run: SendingRun,
        handover: Handover,
        wake: Callable[[], None],
        until: float,
    ) -> None:
        self.more = False
        self._merchant, self._campaign, self._run = merchant, campaign, run
        self._handover, self._wake, self._until = handover, wake, until
        self._policy = checking.policy_of(merchant)
        self._pace = pace_of(campaign, merchant)
        self._not_before = 0.0
        self._place = claiming.Place()
        self._stride = handover.window  # how many the next claim takes
        self._claimed_at = 0.0
        self._marked_at = timezone.now()
        self._dry = self._has_help = False
        self._untold: deque[int] = deque()
        self._last_beat = self._last_look = 0.0

    def step(self) -> bool:
        """Whether it claimed something, so that the next step should come at once."""
        self._look_up()
        return self._wants_more() and self._claim()

    def note_written(self, delivery_ids: list[int]) -> None:
        """These have an outcome and are to be told; from any thread."""
        self._untold.extend(delivery_ids)

    def close(self) -> None:
        """Gives back what was never taken, and tells the rest."""
        self._give_back()
        self._tell()

    def _wants_more(self) -> bool:
        """Whether what lies ready won't last, or has lain too long."""
        handover = self._handover
        if handover.stop or handover.engine_over or time.monotonic() < self._not_before:
            return False
        if handover.left() and time.monotonic() - self._claimed_at > FRESH_SECONDS:
            self._stride = handover.window
            self._give_back()
            self._dry = False
        return not self._dry and handover.left() <= self._stride // 2

    def _claim(self) -> bool:
        """Claims and reads the next; False when there was nothing, or no time is left for more."""
        now = time.monotonic()
        if now > self._until:
            self.more = True
            self._dry_up()
            return False
        if self._claimed_at:
            pace = CLAIM_SECONDS / max(now - self._claimed_at, 0.001)
            window = self._handover.window
            self._stride = int(min(claiming.CLAIM, max(window, self._stride * min(pace, 4.0))))
        self._marked_at = max(timezone.now(), self._marked_at + timedelta(microseconds=1))
        rows = patiently(
            lambda: claiming.claim(
                merchant=self._merchant,
                campaign=self._campaign,
                run=self._run,
                policy=self._policy,
                at=self._marked_at,
                limit=self._stride,
                place=self._place,
                pace=self._pace,
            )
        )
        self._claimed_at = time.monotonic()
        if not rows:
            if not self._place.looks_on and not self._waits_for_its_turn():
                self._dry_up()
            return self._place.looks_on
        if self._pace and not self._place.is_full:
            self._not_before = self._claimed_at + PACED_SECONDS
        self._put(rows)
        if len(rows) == claiming.CLAIM and not self._has_help:
            self._has_help = True
            reaping.ring_for_help(self._campaign)
        return True

    def _waits_for_its_turn(self) -> bool:
        """Whether the run stays, since a limit of pace lets somebody go in a moment. What comes after the
        slice's end is the next slice's."""
        if self._pace is None:
            return False
        due_at = patiently(lambda: claiming.next_due(self._campaign))
        if due_at is None:
            return False
        seconds = max((due_at - timezone.now()).total_seconds(), PACED_SECONDS)
        if seconds > WAIT_SECONDS:
            return False
        self._not_before = time.monotonic() + seconds
        self.more = self._not_before > self._until
        return not self.more

    def _put(self, rows: list[Claimed]) -> None:
        people = [row.customer_id for row in rows]
        known = patiently(lambda: contexts(merchant=self._merchant, customer_ids=people))
        # Who was deleted meanwhile took the row along: there is nobody to write to and nothing to note.
        self._handover.put([Mail(row, known[row.customer_id]) for row in rows if row.customer_id in known])
        self._wake()

    def _dry_up(self) -> None:
        self._dry = True
        self._handover.dry_up()
        self._wake()

    def _give_back(self) -> None:
        """Claimed, but the engine never asked for them."""
        if ids := self._handover.unasked():
            patiently(lambda: claiming.give_back(campaign=self._campaign, run=self._run, delivery_ids=ids))

    def _look_up(self) -> None:
        """Beats, and sees whether somebody paused or cancelled the campaign."""
        now = time.monotonic()
        if now - self._last_look >= STATE_SECONDS:
            self._last_look = now
            state = patiently(
                lambda: Campaign.objects.values_list("state", flat=True).get(pk=self._campaign.pk)
            )
            if state != Campaign.State.SENDING:
                self._stop()
        if now - self._last_beat >= BEAT_SECONDS:
            self._last_beat = now
            if not patiently(lambda: claiming.beat(self._run)):
                self._stop()
            self._tell()

    def _tell(self) -> None:
        ids = [self._untold.popleft() for _each in range(len(self._untold))]
        if ids:
            patiently(lambda: telling.tell(campaign=self._campaign, run=self._run, delivery_ids=ids))

    def _stop(self) -> None:
        if not self._handover.stop:
            self._handover.stop = True
            self._wake()
