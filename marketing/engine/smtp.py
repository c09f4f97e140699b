"""Many mails over several pipelined SMTP connections, from one event loop in one thread.

    engine = Engine(server, pull=..., report=...)
    tally = engine.run()

`pull()` gives the next `Outgoing`, `IDLE` (nothing now, ask again after `wake()` or a moment) or `DONE`.
`report(results)` gets results in batches of at most 50 or every 0.5 s. `may_begin(id)` says whether a mail's
body may leave now; while it says no, the mail waits on its line without a doubt, and `wake()` has it asked
again. All are called in the thread of `run`; the caller commits `sending` before it hands a mail over, so
that a crash at any point leaves a trace of every mail that may be out.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import ssl
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from .greeting import Refused, Server
from .session import Job, Outgoing, Result, Session, Status, Timeouts
from .wire import LineLost, Wire

__all__ = ["DONE", "IDLE", "Engine", "Limits", "Outgoing", "Result", "Server", "Status", "Tally", "Timeouts"]


class Pull(Enum):
    IDLE = "idle"
    DONE = "done"


IDLE: Literal[Pull.IDLE] = Pull.IDLE
DONE: Literal[Pull.DONE] = Pull.DONE

RESOLVE_SECONDS = 60  # how long an address of the server is believed
BACKOFF_FIRST_SECONDS = 0.2
BACKOFF_LAST_SECONDS = 15.0
TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Limits:
    connections: int = 16
    messages_per_connection: int = 1_000
    batch_size: int = 50
    batch_seconds: float = 0.5
    give_up_seconds: float = 60  # without a single greeting, the server counts as away


@dataclass(slots=True)
class Tally:
    """What a run did. `trouble` is empty unless the server could not be used."""

    counts: Counter[Status] = field(default_factory=Counter)
    trouble: str = ""
    permanent: bool = False


class Engine:
    def __init__(
        self,
        server: Server,
        *,
        pull: Callable[[], Outgoing | Pull],
        report: Callable[[Sequence[Result]], None],
        limits: Limits = Limits(),
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        stopped: Callable[[], bool] = lambda: False,
        may_begin: Callable[[int], bool] = lambda _id: True,
    ) -> None:
        self.server, self.limits, self.timeouts = server, limits, timeouts
        self._pull, self._report, self._stopped = pull, report, stopped
        self._may_begin = may_begin
        self._tls = _tls_context(server)
        self._selector = selectors.DefaultSelector()
        self._sessions: dict[Session, int] = {}
        self._pending: deque[Job] = deque()
        self._source_done = False
        self._source_idle_until = 0.0
        self._results: list[Result] = []
        self._results_since = 0.0
        self._next_tick = 0.0
        self._rung = False
        self._next_connect = 0.0
        self._failures = 0
        self._served_at = 0.0
        self._addresses: list[tuple[int, tuple[object, ...]]] = []
        self._resolved_at = 0.0
        self._tally = Tally()
        self._stopping = False
        self._waker, self._bell = socket.socketpair()
        self._waker.setblocking(False)
        self._bell.setblocking(False)

    def wake(self) -> None:
        """From any thread: there is something to pull, or a reason to stop."""
        # A full bell has been rung already; a closed one has nobody to wake.
        with contextlib.suppress(BlockingIOError, OSError):
            self._bell.send(b"!")

    def run(self) -> Tally:
        """Sends until the source is done and every mail has its result, or until stopped, or the server is
        away.
        """
        self._served_at = time.monotonic()
        self._selector.register(self._waker, selectors.EVENT_READ, None)
        try:
            while self._step(time.monotonic()):
                pass
        finally:
            self._close()
        return self._tally

    # ---------------------------------------------------------------- the loop

    def _step(self, now: float) -> bool:
        if not self._stopping and self._stopped():
            self._stop()
        self._fill(now)
        if self._pending:
            self._begin(now)
        if self._finished():
            return False
        for key, mask in self._selector.select(self._pause(now)):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    self._waker.recv(4096)
                self._source_idle_until = 0.0
                self._rung = True
            elif key.data in self._sessions:
                self._serve(key.data, mask)
        now = time.monotonic()
        self._remind(now)
        if self._results and now - self._results_since >= self.limits.batch_seconds:
            self._flush()
        return True

    def _begin(self, now: float) -> None:
        for session in list(self._sessions):
            if session.idle:
                self._guard(session, session.work, now)
        self._connect(now)

    def _remind(self, now: float) -> None:
        """Has those who hold a mail ask again after a ring, and all look at the clock now and then."""
        ticks = now >= self._next_tick
        if self._rung or ticks:
            self._rung = False
            for session in [each for each in self._sessions if each.holds]:
                self._guard(session, session.go_on, now)
        if ticks:
            self._next_tick = now + TICK_SECONDS
            for session in list(self._sessions):
                self._guard(session, session.tick, now)

    def _serve(self, session: Session, mask: int) -> None:
        readable, writable = bool(mask & selectors.EVENT_READ), bool(mask & selectors.EVENT_WRITE)
        self._guard(session, session.pump, readable, writable, time.monotonic())

    def _guard(self, session: Session, act: Callable[..., None], *told: bool | float) -> None:
        """Runs one step of a session and does what its outcome asks for."""
        try:
            act(*told)
        except LineLost as error:
            session.lose(str(error))
            self._failed(str(error))
        except Refused as error:
            session.lose(str(error))
            self._give_up(str(error), permanent=True)
        if session.ready and not session.finished:
            self._served_at = time.monotonic()
            if not self._stopping:
                self._tally.trouble = ""
        if session.finished:
            self._drop(session)
        elif self._sessions.get(session) != session.wire.events and session in self._sessions:
            self._watch(session)

    def _pause(self, now: float) -> float:
        if self._results:
            return max(0.0, min(TICK_SECONDS, self._results_since + self.limits.batch_seconds - now))
        return TICK_SECONDS

    def _finished(self) -> bool:
        if self._stopping:
            return not self._sessions
        if self._pending or not self._source_done:
            return False
        return not any(session.busy for session in self._sessions)

    # ---------------------------------------------------------------- mail in, results out

    def _fill(self, now: float) -> None:
        """Looks ahead one mail per connection, in the order of the source."""
        if self._stopping or self._source_done or now < self._source_idle_until:
            return
        while len(self._pending) < self.limits.connections:
            item = self._pull()
            if item is DONE:
                self._source_done = True
                return
            if item is IDLE:
                self._source_idle_until = now + TICK_SECONDS
                return
            assert isinstance(item, Outgoing)
            self._pending.append(Job(item))

    def _take(self) -> Job | None:
        if not self._pending:
            self._fill(time.monotonic())
        return self._pending.popleft() if self._pending else None

    def _back(self, job: Job) -> None:
        if self._stopping:
            self._done(Result(job.message.id, Status.RETURNED, 0, ""))
        else:
            self._pending.appendleft(job)

    def _done(self, result: Result) -> None:
        if not self._results:
            self._results_since = time.monotonic()
        self._results.append(result)
        self._tally.counts[result.status] += 1
        if result.status is Status.SENT:
            self._failures = 0
        if len(self._results) >= self.limits.batch_size:
            self._flush()

    def _flush(self) -> None:
        results, self._results = self._results, []
        if results:
            self._report(results)

    # ---------------------------------------------------------------- connections

    def _connect(self, now: float) -> None:
        """Opens connections while there is mail that no open one can take at once."""
        opening = sum(1 for session in self._sessions if not session.ready)
        while (
            len(self._pending) > opening
            and len(self._sessions) < self.limits.connections
            and now >= self._next_connect
            and not self._stopping
        ):
            try:
                family, address = random.choice(self._resolve(now))
                wire = Wire(family, address)
            except (LineLost, OSError) as error:
                self._failed(str(error))
                return
            session = Session(
                wire,
                self.server,
                tls=self._tls,
                timeouts=self.timeouts,
                take=self._take,
                done=self._done,
                back=self._back,
                may_begin=self._may_begin,
                now=now,
                messages=self.limits.messages_per_connection,
            )
            self._sessions[session] = 0
            self._watch(session)
            opening += 1

    def _resolve(self, now: float) -> list[tuple[int, tuple[object, ...]]]:
        if not self._addresses or now - self._resolved_at > RESOLVE_SECONDS:
            found = socket.getaddrinfo(self.server.host, self.server.port, type=socket.SOCK_STREAM)
            self._addresses = [(family, address) for family, _type, _proto, _name, address in found]
            self._resolved_at = now
        return self._addresses

    def _watch(self, session: Session) -> None:
        """Tells the selector what the session waits for; TLS has put another object around the same
        descriptor.
        """
        events, known = session.wire.events, self._sessions[session]
        if known:
            self._selector.unregister(session.wire.fileno())
        self._selector.register(session.wire.fileno(), events, session)
        self._sessions[session] = events

    def _drop(self, session: Session) -> None:
        if session not in self._sessions:
            return
        if self._sessions.pop(session):
            self._selector.unregister(session.wire.fileno())
        session.wire.close()

    def _failed(self, reason: str) -> None:
        """A line was lost: wait longer before each new one until a mail is taken; stop when nobody answers
        at all.
        """
        now = time.monotonic()
        self._tally.trouble = reason
        self._failures += 1
        wait = min(BACKOFF_LAST_SECONDS, BACKOFF_FIRST_SECONDS * 2 ** min(self._failures - 1, 10))
        self._next_connect = now + wait * random.uniform(0.5, 1.0)
        serving = any(session.ready for session in self._sessions)
        if not serving and now - self._served_at > self.limits.give_up_seconds:
            self._give_up(reason, permanent=False)

    def _give_up(self, reason: str, *, permanent: bool) -> None:
        self._tally.trouble, self._tally.permanent = reason, permanent
        self._stop()

    def _stop(self) -> None:
        """No new mail; what is out is waited for, the rest goes back."""
        if self._stopping:
            return
        self._stopping = True
        while self._pending:
            self._back(self._pending.popleft())
        for session in list(self._sessions):
            session.stop()
            if session.finished:
                self._drop(session)

    def _close(self) -> None:
        """Also after an exception: whatever is still open gets its verdict, and the results go out."""
        self._stopping = True
        while self._pending:
            self._back(self._pending.popleft())
        for session in list(self._sessions):
            if session.idle:
                session.quit()
            else:
                session.lose("the sending process stopped")
            self._drop(session)
        self._selector.close()
        self._waker.close()
        self._bell.close()
        self._flush()


def _tls_context(server: Server) -> ssl.SSLContext | None:
    if server.security == "none":
        if server.username and server.host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("a password is not sent over an open line: choose starttls or tls")
        return None
    if server.security not in ("starttls", "tls"):
        raise ValueError("security is none, starttls or tls")
    context = ssl.create_default_context()
    if not server.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
