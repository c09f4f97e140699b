"""Messages by a carrier's HTTP API, several at a time: the same pull and report as the SMTP engine.

Each thread takes a letter, waits until it may begin, hands it over and reports. A request whose answer did
not come is `unknown` and never repeated; what nobody took is `deferred`, and everybody waits as long as the
carrier asks; a carrier that refuses the shop itself stops the run, and the letter goes back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import requests
import structlog

from crm.integrations import http
from crm.integrations.messengers.base import Fate, Message, Receipt
from marketing.engine.session import Result, Status
from marketing.engine.smtp import DONE, IDLE, Pull, Tally

log = structlog.get_logger()

PAUSE_SECONDS = 0.05
# A carrier that is away this often in a row, or for this long, counts as away.
LONGEST_WAIT_SECONDS = 30
AWAY_IN_A_ROW = 20
# What the breaker of the SMTP side and the waiting rules read from a result (RFC 5321's class of code).
LATER_CODE = 450


@dataclass(frozen=True, slots=True)
class Letter:
    """A message for one recipient, ready to hand over."""

    id: int
    message: Message


Send = Callable[[Message, requests.Session], Receipt]
_STATUS = {
    Fate.ACCEPTED: Status.SENT,
    Fate.REFUSED: Status.FAILED,
    Fate.DEFERRED: Status.DEFERRED,
    Fate.TROUBLE: Status.RETURNED,
    Fate.UNKNOWN: Status.UNKNOWN,
}


class HttpEngine:
    def __init__(
        self,
        send: Send,
        *,
        pull: Callable[[], Letter | Pull],
        report: Callable[[Sequence[Result]], None],
        threads: int,
        stopped: Callable[[], bool] = lambda: False,
        may_begin: Callable[[int], bool] = lambda each: True,
    ) -> None:
        self._send, self._pull, self._report = send, pull, report
        self._threads, self._stopped, self._may_begin = threads, stopped, may_begin
        self._lock = threading.Lock()
        self._bell = threading.Condition()
        self._tally = Tally()
        self._over = False  # the carrier refuses us, or is away
        self._done = False
        self._not_before = 0.0
        self._away = 0
        self._errors: list[Exception] = []

    def wake(self) -> None:
        """From any thread: there is something to pull, or a reason to stop."""
        with self._bell:
            self._bell.notify_all()

    def run(self) -> Tally:
        """Sends until the source is done, or until stopped, or the carrier can't be used."""
        workers = [threading.Thread(target=self._guarded, daemon=True) for _each in range(self._threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if self._errors:
            raise self._errors[0]
        return self._tally

    # -------------------------------------------------------------------------- one thread

    def _guarded(self) -> None:
        try:
            self._work()
        except Exception as error:  # the others finish what they hold; `run` raises it
            log.exception("a thread of the message engine stopped")
            self._errors.append(error)
            self._over = True
            self.wake()

    def _work(self) -> None:
        with http.session() as client:
            while (letter := self._next()) is not None:
                if not self._allowed(letter):
                    self._tell(Result(letter.id, Status.RETURNED, 0, ""))
                    continue
                try:
                    receipt = self._send(letter.message, client)
                except Exception:
                    # The request may have left before the program failed.
                    self._tell(Result(letter.id, Status.UNKNOWN, 0, "an error in the program"))
                    raise
                self._judge(letter, receipt)

    def _next(self) -> Letter | None:
        """The next letter; None when there will be none."""
        while not self._is_stopping() and not self._done:
            with self._lock:
                item = self._pull()
                if item is DONE:
                    self._done = True
                    break
            if isinstance(item, Letter):
                return item
            assert item is IDLE
            self._pause()
        return None

    def _allowed(self, letter: Letter) -> bool:
        """Waits for the carrier's pause and until few enough are in doubt; False when the run stops first."""
        while not self._is_stopping():
            if time.monotonic() >= self._not_before and self._may_begin(letter.id):
                return True
            self._pause()
        return False

    def _is_stopping(self) -> bool:
        return self._over or self._stopped()

    def _pause(self) -> None:
        with self._bell:
            self._bell.wait(PAUSE_SECONDS)

    # -------------------------------------------------------------------------- what came of it

    def _judge(self, letter: Letter, receipt: Receipt) -> None:
        words = " ".join(part for part in (receipt.code, receipt.text) if part)
        status = _STATUS[receipt.fate]
        code = LATER_CODE if receipt.fate is Fate.DEFERRED and receipt.code != http.UNREACHED else 0
        with self._lock:
            if receipt.fate is Fate.TROUBLE:
                self._stop(words, permanent=True)
            elif receipt.fate is Fate.DEFERRED:
                self._wait(receipt, words)
            elif receipt.fate is not Fate.UNKNOWN:
                self._away = 0
        self._tell(Result(letter.id, status, code, words or receipt.provider_id, receipt.provider_id))

    def _wait(self, receipt: Receipt, words: str) -> None:
        self._away += 1
        if receipt.wait_seconds > LONGEST_WAIT_SECONDS or self._away >= AWAY_IN_A_ROW:
            self._stop(words, permanent=False)
        elif receipt.wait_seconds:
            self._not_before = max(self._not_before, time.monotonic() + receipt.wait_seconds)

    def _stop(self, words: str, *, permanent: bool) -> None:
        self._over = True
        self._tally.trouble, self._tally.permanent = words, permanent

    def _tell(self, result: Result) -> None:
        with self._lock:
            self._tally.counts[result.status] += 1
            self._report([result])
