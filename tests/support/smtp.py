"""An SMTP server for tests: keeps what it accepts, and fails on demand where real servers fail.

with SmtpSink() as sink:
    sink.fail("RCPT", 451, to="slow@*", times=2)
    sink.reset_in_data()          # the line breaks before the final dot
    sink.hang_after_dot()         # the mail is taken, but no answer comes
    sink.break_after_dot()        # the mail is taken, and the line breaks
"""

import asyncio
import email
import email.policy
import fnmatch
import threading
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from crm.local.ports import LOOPBACK

COMMANDS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT")
TEXTS = {
    421: "closing",
    450: "try again later",
    451: "greylisted",
    452: "too many",
    550: "no such user",
    554: "no",
}


@dataclass
class Mail:
    """One accepted mail as it came over the line."""

    sender: str
    recipients: list[str]
    raw: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def message(self) -> EmailMessage:
        parsed = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return part.get_content().replace("\r\n", "\n") if part else ""


@dataclass
class Fault:
    """What to do wrong, at which command, for whom and how often."""

    command: str
    action: str  # reply | reset | hang | break
    reply: str = ""
    to: str = "*"
    left: int | None = None  # None: for ever

    def fits(self, command: str, address: str) -> bool:
        return (
            self.command == command and self.left != 0 and fnmatch.fnmatch(address.lower(), self.to.lower())
        )


class SmtpSink:
    """Listens on a free loopback port while entered."""

    def __init__(self, delay_seconds: float = 0.0) -> None:
        self.delay_seconds = delay_seconds  # before each answer to the final dot
        self.host = LOOPBACK
        self.port = 0
        self.mails: list[Mail] = []
        self.connections = 0
        self.faults: list[Fault] = []
        self.released = threading.Event()
        self._lock = threading.Lock()

    # -- what the tests say

    def fail(
        self, command: str, code: int, *, to: str = "*", times: int | None = None, text: str = ""
    ) -> None:
        """Answers the command with this code; `to` matches the recipient (at MAIL: the sender)."""
        assert command in COMMANDS, command
        reply = f"{code} {text or TEXTS.get(code, 'fault on demand')}"
        self.faults.append(Fault(command, "reply", reply, to, times))

    def reset_in_data(self, *, to: str = "*", times: int | None = 1) -> None:
        self.faults.append(Fault("DATA", "reset", "", to, times))

    def hang_after_dot(self, *, to: str = "*", times: int | None = 1) -> None:
        self.faults.append(Fault("DOT", "hang", "", to, times))

    def break_after_dot(self, *, to: str = "*", times: int | None = 1) -> None:
        self.faults.append(Fault("DOT", "break", "", to, times))

    def heal(self) -> None:
        """No more faults, and those who hang get their line cut."""
        self.faults.clear()
        self.released.set()
        self.released = threading.Event()

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.mails if address.lower() in (one.lower() for one in mail.recipients)]

    def wait_for(self, count: int = 1, *, to: str = "", seconds: float = 20.0) -> list[Mail]:
        """The mails (to that address) once there are at least `count`; fails when they do not come."""
        deadline = time.monotonic() + seconds
        while len(found := self.to(to) if to else list(self.mails)) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(found)} of {count} mails after {seconds:g} s")
            time.sleep(0.02)
        return found

    # -- the server

    def take(self, command: str, address: str) -> Fault | None:
        """The fault that is due, counted down."""
        with self._lock:
            for fault in self.faults:
                if fault.fits(command, address):
                    if fault.left is not None:
                        fault.left -= 1
                    return fault
        return None

    def __enter__(self) -> "SmtpSink":
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp-sink", daemon=True)
        self._thread.start()
        listening = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(timeout=10)
        self.port = listening.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        self._server = await self._loop.create_server(lambda: _Server(self), self.host, 0)
        return self._server

    async def _end(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class _Handler:
    """aiosmtpd's hooks; returns a reply to give instead of the usual one."""

    def __init__(self, sink: SmtpSink) -> None:
        self.sink = sink

    async def handle_EHLO(
        self, server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        if fault := self.sink.take("EHLO", hostname):
            return [fault.reply]
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if fault := self.sink.take("MAIL", address):
            return fault.reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if fault := self.sink.take("RCPT", address):
            return fault.reply
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: "_Server", _session: Session, envelope: Envelope) -> str:
        sink, first = self.sink, envelope.rcpt_tos[0]
        fault = sink.take("DOT", first)
        if fault and fault.action == "reply":
            return fault.reply
        assert isinstance(envelope.content, bytes)
        sink.mails.append(Mail(envelope.mail_from or "", list(envelope.rcpt_tos), envelope.content))
        if fault and fault.action == "hang":
            released = sink.released
            while not released.is_set():
                await asyncio.sleep(0.02)
        if fault:
            server.cut()
        if sink.delay_seconds:
            await asyncio.sleep(sink.delay_seconds)
        return "250 OK taken"


class _Server(SMTP):
    """Adds the faults that need the line itself."""

    def __init__(self, sink: SmtpSink) -> None:
        self.sink = sink
        super().__init__(_Handler(sink), data_size_limit=50 * 2**20, decode_data=False, timeout=60)

    def cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: Any) -> None:
        self.sink.connections += 1
        if fault := self.sink.take("CONNECT", ""):
            transport.write(f"{fault.reply}\r\n".encode())
            transport.close()
            return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport is not None:  # None when the greeting was the refusal
            super().connection_lost(error)

    async def smtp_DATA(self, arg: str) -> None:
        first = self.envelope.rcpt_tos[0] if self.envelope and self.envelope.rcpt_tos else ""
        fault = self.sink.take("DATA", first) if first else None
        if fault and fault.action == "reply":
            await self.push(fault.reply)
        elif fault:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            await self._reader.readline()
            self.cut()
        else:
            await super().smtp_DATA(arg)
