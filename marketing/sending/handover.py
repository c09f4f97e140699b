"""What the threads of a run hand each other, under one lock.

Mails wait in `ready`, are `out` from the moment the engine takes them until their outcome is written, and of
those that are out only the first `window` may begin their body. So a death leaves at most `window` in doubt,
and they are the first that the database has no outcome of (marketing/sending/claiming.py).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from marketing.engine.smtp import DONE, IDLE
from marketing.engine.smtp import Pull as PullAnswer
from marketing.sending.claiming import Claimed, Outcome

# How many times `window` the engine may take ahead: one on its way and one behind it on each line, and one
# more.
AHEAD = 3


@dataclass(frozen=True, slots=True)
class Mail:
    """A claimed row with what rendering it needs."""

    row: Claimed
    context: dict[str, Any]


class Handover:
    def __init__(self, window: int) -> None:
        self.window = window
        self.written_bell = threading.Event()  # there is something to write
        self.stop = False  # no new mail: somebody paused, or the server is away
        self.engine_over = False
        self._lock = threading.Lock()
        self._ready: deque[Mail] = deque()
        self._out: dict[int, str] = {}  # id → domain, in the order in which they were taken
        self._may_begin: set[int] = set()
        self._outcomes: list[Outcome] = []
        self._dry = False  # nothing more will come
        self._waits = False  # the engine wants to be woken

    # ---------------------------------------------------------------- the engine's side

    def take(self) -> Mail | PullAnswer:
        """The next mail, which is out from now on."""
        with self._lock:
            if self.stop or (self._dry and not self._ready):
                return DONE
            if not self._ready or len(self._out) >= AHEAD * self.window:
                self._waits = True
                return IDLE
            mail = self._ready.popleft()
            row = mail.row
            self._out[row.delivery_id] = row.address.rpartition("@")[2]
            if len(self._out) <= self.window:
                self._may_begin.add(row.delivery_id)
            return mail

    def may_begin(self, delivery_id: int) -> bool:
        with self._lock:
            if delivery_id in self._may_begin:
                return True
            self._waits = True
            return False

    def domain_of(self, delivery_id: int) -> str:
        return self._out.get(delivery_id, "")

    def give(self, outcomes: Sequence[Outcome]) -> None:
        with self._lock:
            self._outcomes.extend(outcomes)
        self.written_bell.set()

    # ---------------------------------------------------------------- the writer's side

    def outcomes(self) -> list[Outcome]:
        """What is to be written."""
        self.written_bell.clear()
        with self._lock:
            outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def waiting(self) -> int:
        return len(self._outcomes)

    def note_written(self, outcomes: Sequence[Outcome]) -> bool:
        """These are no longer out; whether the engine waits to hear that."""
        with self._lock:
            for each in outcomes:
                self._out.pop(each.delivery_id, None)
            self._may_begin = set(islice(self._out, self.window))
            waits, self._waits = self._waits, False
            return waits

    def in_doubt(self) -> list[int]:
        """Those that may have left and of which nothing came back. Ask it when the engine is over."""
        with self._lock:
            return [each for each in self._out if each in self._may_begin]

    # ---------------------------------------------------------------- the supply's side

    def put(self, mails: Sequence[Mail]) -> None:
        with self._lock:
            self._ready.extend(mails)
            self._dry = False

    def dry_up(self) -> None:
        """Nothing more will come, unless something is taken back and put again."""
        with self._lock:
            self._dry = True

    def unasked(self) -> list[int]:
        """The mails that the engine never took; they are the caller's again."""
        with self._lock:
            ids = [mail.row.delivery_id for mail in self._ready]
            self._ready.clear()
            self._dry = False
        return ids

    def left(self) -> int:
        return len(self._ready)
