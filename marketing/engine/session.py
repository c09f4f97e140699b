"""One SMTP connection as a state machine (RFC 5321, 2920, 3207, 4954, 6531).

With PIPELINING a message costs one round trip: behind the final dot of one mail go MAIL, RCPT and DATA of
the next.
A mail may have been accepted from the moment its final dot was handed to the kernel until the server
answers; only
in that window is its fate `unknown`.
"""

from __future__ import annotations

import re
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from .greeting import Greeting, Refused, Server
from .wire import LineLost, Reply, Wire

TRIES = 5  # lines that may break under a mail before its body is sent, until it is deferred
_PATH = re.compile(r"[^\s<>\x00-\x1f\x7f]{1,320}")


class Status(StrEnum):
    SENT = "sent"
    FAILED = "failed"  # 5xx: this mail will never be taken
    DEFERRED = "deferred"  # 4xx, or the line was lost before the final dot: try again later
    UNKNOWN = "unknown"  # the line was lost after the final dot: it may have been taken
    RETURNED = "returned"  # not tried at all (stopped, or no server): back to the queue


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for one recipient. `data` has CRLF line ends, no line beginning with a dot, and ends with
    CRLF.
    """

    id: int
    mail_from: str
    rcpt_to: str
    data: bytes
    utf8: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    id: int
    status: Status
    code: int
    text: str
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. RFC 5321 4.5.3.2 allows a server 10 minutes to take a mail; a doubt that is never resent may
    be quicker.
    """

    connect: float = 15
    command: float = 60
    accept: float = 120
    idle: float = 10


class Job:
    __slots__ = ("begun", "dot_end", "error", "message", "tries")

    def __init__(self, message: Outgoing) -> None:
        self.message = message
        self.tries = 0
        self.reset()

    def reset(self) -> None:
        self.begun = False  # the body is on its way
        self.dot_end = 0  # the position in the stream behind its final dot
        self.error: Result | None = None


class Session:
    """Drives one connection. The engine calls `pump` when the socket is ready and `tick` for the clock.

    `take` gives the next job or None; `done` gets results; `back` gets jobs that were not tried. `may_begin`
    says whether the body of a mail may go out now: everything before it leaves no doubt, so the session has
    the server wait with its 354 and is asked to `go_on` when there is news.
    """

    def __init__(
        self,
        wire: Wire,
        server: Server,
        *,
        tls: ssl.SSLContext | None,
        timeouts: Timeouts,
        take: Callable[[], Job | None],
        done: Callable[[Result], None],
        back: Callable[[Job], None],
        may_begin: Callable[[int], bool],
        now: float,
        messages: int,
    ) -> None:
        self.wire, self.timeouts = wire, timeouts
        self._take, self._done, self._back, self._may_begin = take, done, back, may_begin
        self._greeting = Greeting(wire, server, tls=tls, expect=self._expect, say=self._say)
        self.closing = False
        self.finished = False
        self.deadline = now + timeouts.connect
        self._now = now
        self._left = messages
        self._expected: deque[tuple[Callable[[Reply, Job | None], None], Job | None]] = deque()
        self._waiting: deque[tuple[bytes, Callable[[Reply, Job | None], None], Job | None]] = deque()
        self._jobs: list[Job] = []
        self._held: Job | None = None  # the server waits for its body, and it may not go yet

    # ---------------------------------------------------------------- driven by the engine

    @property
    def ready(self) -> bool:
        """Whether the server has greeted us properly and takes mail."""
        return self._greeting.is_over

    @property
    def busy(self) -> bool:
        return bool(self._jobs)

    @property
    def idle(self) -> bool:
        return self.ready and not self._jobs and not self._expected and not self.finished

    def pump(self, readable: bool, writable: bool, now: float) -> None:
        """The socket is ready for something. Raises LineLost or Refused; then call `lose`."""
        self._now = now
        if not self.wire.connected:
            self.wire.finish_connect()
            self._greeting.begin()
        if self.wire.handshaking:
            if self.wire.handshake():
                self._greeting.go_on_secured()
            return
        if readable:  # before writing: a line broken for writing may still hold a 250 to read
            self._hear()
        if writable and not self.finished:
            self.wire.flush()

    def _hear(self) -> None:
        for reply in self.wire.replies():
            if self.wire.handshaking:  # command injection, CVE-2011-0411
                raise Refused("the server sent data before TLS began")
            if not self._expected:
                raise LineLost(reply.text)
            handler, job = self._expected.popleft()
            self._arm()
            if reply.code == 421:
                self._on_421(reply, job, to_mail=handler == self._on_mail)
            handler(reply, job)
            if self.finished:
                return

    def work(self, now: float) -> None:
        """Takes a job if there is nothing to do."""
        self._now = now
        if self.idle and not self.closing:
            self._begin_next(b"")

    @property
    def holds(self) -> bool:
        return self._held is not None

    def go_on(self, now: float) -> None:
        """Sends the body that was held, if it may go now."""
        self._now = now
        job = self._held
        if job is not None and not self.finished and self._may_begin(job.message.id):
            self._held = None
            self._begin_body(job)

    def tick(self, now: float) -> None:
        """Raises LineLost when the server was silent too long; leaves politely when there was no work."""
        if now < self.deadline:
            return
        if self.idle:
            self.quit()
        else:
            raise LineLost("the server did not answer in time")

    def quit(self) -> None:
        """Says goodbye without waiting for the answer."""
        if not self.finished:
            self.finished = True
            if self.wire.connected and not self.wire.handshaking and not self._jobs:
                try:
                    self.wire.write(b"QUIT\r\n")
                except LineLost:
                    return

    def stop(self) -> None:
        """No new mail from now on. What waits for its verdict is waited for; what was not begun goes back."""
        self.closing = True
        if self.idle:
            self.quit()
            return
        for job in [each for each in self._jobs if not each.begun]:
            self._jobs.remove(job)
            job.reset()
            self._back(job)
        if not self._jobs:
            self.finished = True

    def lose(self, reason: str) -> None:
        """The line is gone: every job gets its verdict by how far it came."""
        self.finished = True
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            if job.error is not None:
                self._done(job.error)
            elif job.begun and self.wire.sent >= job.dot_end:
                self._done(Result(job.message.id, Status.UNKNOWN, 0, reason[:500]))
            elif job.begun or job.tries >= TRIES:
                self._done(Result(job.message.id, Status.DEFERRED, 0, reason[:500]))
            else:
                job.reset()
                self._back(job)

    # ---------------------------------------------------------------- mail

    def _next_job(self) -> Job | None:
        while not self.closing and self._left > 0:
            job = self._take()
            if job is None:
                return None
            unfit = self._unfit(job.message)
            if unfit is None:
                self._left -= 1
                job.tries += 1
                return job
            self._done(Result(job.message.id, Status.FAILED, 0, unfit))
        return None

    def _unfit(self, message: Outgoing) -> str | None:
        limit = self._greeting.extensions.get("SIZE", "")
        if limit.isdigit() and 0 < int(limit) < len(message.data):
            return f"the mail is bigger than the server takes ({limit} octets)"
        if message.utf8 and "SMTPUTF8" not in self._greeting.extensions:
            return "the server can't take an address beyond ASCII (no SMTPUTF8)"
        for path in (message.mail_from, message.rcpt_to):
            if not _PATH.fullmatch(path) or (not message.utf8 and not path.isascii()):
                return "not an address for an envelope"
        return None

    def _begin_next(self, before: bytes) -> None:
        """Sends `before` and, right behind it, the commands of the next mail if there is one."""
        job = self._next_job()
        if job is None:
            if before:
                self._write(before)
            elif self._left <= 0 and not self._jobs:
                self.quit()
            return
        self._jobs.append(job)
        message = job.message
        extra = " BODY=8BITMIME SMTPUTF8" if message.utf8 else ""
        commands = [
            (f"MAIL FROM:<{message.mail_from}>{extra}\r\n".encode(), self._on_mail),
            (f"RCPT TO:<{message.rcpt_to}>\r\n".encode(), self._on_rcpt),
            (b"DATA\r\n", self._on_data),
        ]
        if "PIPELINING" in self._greeting.extensions:
            for _line, handler in commands:
                self._expected.append((handler, job))
            self._write(before + b"".join(line for line, _handler in commands))
        else:
            self._waiting.extend((line, handler, job) for line, handler in commands)
            if before:
                self._write(before)
            else:
                self._send_waiting()

    def _send_waiting(self) -> None:
        if self._waiting and not self._expected:
            line, handler, job = self._waiting.popleft()
            self._expected.append((handler, job))
            self._write(line)

    def _on_mail(self, reply: Reply, job: Job | None) -> None:
        assert job is not None
        if reply.code >= 500 and not job.message.utf8:  # said of the sender, so of every mail of a campaign
            raise Refused(reply.text)
        self._note_refusal(reply, job, 250)
        self._send_waiting()

    def _on_rcpt(self, reply: Reply, job: Job | None) -> None:
        self._note_refusal(reply, job, 250, 251)
        self._send_waiting()

    def _note_refusal(self, reply: Reply, job: Job | None, *good: int) -> None:
        assert job is not None
        if reply.code in good or job.error is not None:
            return
        status = Status.FAILED if reply.code >= 500 else Status.DEFERRED
        job.error = Result(job.message.id, status, reply.code, reply.text)
        if self._waiting and self._waiting[0][2] is job:  # one command at a time: the rest is pointless
            self._waiting.clear()
            self._finish_refused(job)

    def _on_data(self, reply: Reply, job: Job | None) -> None:
        assert job is not None
        if job not in self._jobs:  # given back by `stop`; closing the line is the only way not to send it
            self.finished = True
            return
        if reply.code != 354:
            self._note_refusal(reply, job)
            self._finish_refused(job)
            return
        if job.error is not None:  # no recipient left, yet it wants data: an empty mail to nobody
            self._expected.append((self._on_nobody, job))
            self._write(b".\r\n")
            return
        if self._may_begin(job.message.id):
            self._begin_body(job)
        else:
            self._held = job
            self.deadline = self._now + self.timeouts.accept

    def _begin_body(self, job: Job) -> None:
        body = job.message.data + b".\r\n"
        job.begun = True
        job.dot_end = self.wire.queued + len(body)
        self._expected.append((self._on_verdict, job))
        self.deadline = self._now + self.timeouts.accept
        if "PIPELINING" in self._greeting.extensions:
            self._begin_next(body)
        else:
            self._write(body)

    def _on_nobody(self, reply: Reply, job: Job | None) -> None:
        assert job is not None
        self._finish_refused(job)

    def _finish_refused(self, job: Job) -> None:
        if job not in self._jobs:  # given back by `stop`
            self.finished = True
            return
        assert job.error is not None
        self._jobs.remove(job)
        self._done(job.error)
        self._expected.append((self._on_rset, None))
        self._begin_next(b"RSET\r\n")

    def _on_rset(self, reply: Reply, _: Job | None) -> None:
        if reply.code != 250:
            raise LineLost(reply.text)
        self._send_waiting()

    def _on_verdict(self, reply: Reply, job: Job | None) -> None:
        assert job is not None
        self._jobs.remove(job)
        status = Status.SENT if reply.code < 300 else Status.FAILED if reply.code >= 500 else Status.DEFERRED
        self._done(Result(job.message.id, status, reply.code, reply.text))
        if self.closing and not self._jobs:
            self.finished = True
        elif not self._jobs:
            self._begin_next(b"")

    def _on_421(self, reply: Reply, job: Job | None, *, to_mail: bool) -> None:
        """The server closes the line: only the mail it said this of is deferred by it.

        In answer to MAIL it speaks of the connection ("enough mails for now"), so `lose` lets that mail try
        another.
        """
        if job is not None and job in self._jobs and not to_mail:
            self._jobs.remove(job)
            self._done(job.error or Result(job.message.id, Status.DEFERRED, 421, reply.text))
        raise LineLost(reply.text)

    # ---------------------------------------------------------------- writing

    def _say(self, line: str, handler: Callable[[Reply], None]) -> None:
        self._expect(handler)
        self._write(line.encode() + b"\r\n")

    def _expect(self, handler: Callable[[Reply], None]) -> None:
        self._expected.append((lambda reply, _: handler(reply), None))
        self._arm()

    def _write(self, data: bytes) -> None:
        self._arm()
        self.wire.write(data)

    def _arm(self) -> None:
        """The clock starts anew with each thing said or heard."""
        if any(job.begun for job in self._jobs):
            self.deadline = self._now + self.timeouts.accept
        elif self._expected:
            self.deadline = self._now + self.timeouts.command
        else:
            self.deadline = self._now + self.timeouts.idle
