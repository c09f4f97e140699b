"""An SMTP server that takes mail and throws it away, or misbehaves on purpose. A process of its own.

    python bench/smtp_sink.py [--port 0] [--record FILE] [--faults RATE --seed N] [--latency SECONDS] …

Prints `listening PORT`. With --record, each accepted mail is appended as a JSON line (recipient, Message-ID)
*before*
the 250 goes out, so the file is the truth about what was taken, whatever the client came to know of it.
Faults happen by the local part of the recipient (`rcpt550-…@`) or, with --faults, at random.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import re
import ssl
import sys
from typing import BinaryIO

FAULTS = (
    "mail421",
    "rcpt451",
    "rcpt550",
    "data451",
    "dot421",
    "dot451",
    "dot550",
    "cut",
    "cutdot",
    "lostdot",
    "hang",
)
# cut: reset inside DATA · cutdot: reset after the dot, mail not taken · lostdot: mail taken, then reset ·
# hang: no answer
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


class Sink(asyncio.Protocol):
    options: argparse.Namespace
    record: BinaryIO | None
    confessions: BinaryIO | None = None
    chance: random.Random
    tls: ssl.SSLContext | None
    open_now = 0
    # Behind TLS the first words may come before we are told that the connection is made.
    made = False
    buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.made = transport, True
        self.body: list[bytes] | None = None
        self.tail = b""
        self.rcpt = b""
        self.fault = ""
        self.dead = self.deaf = False
        self.taken = 0
        self.signing_in = ""
        self.secure = transport.get_extra_info("sslcontext") is not None
        Sink.open_now += 1
        if self.options.max_connections and Sink.open_now > self.options.max_connections:
            self.say(b"421 too many connections")
            transport.close()
        elif not getattr(self, "upgraded", False):
            self.say(b"220 sink ESMTP")

    def connection_lost(self, exc: Exception | None) -> None:
        Sink.open_now -= 1
        self.dead = True

    def say(self, line: bytes) -> None:
        if self.dead:
            return
        if self.options.latency:
            asyncio.get_running_loop().call_later(self.options.latency, self._write, line)
        else:
            self.transport.write(line + b"\r\n")

    def _write(self, line: bytes) -> None:
        if not self.dead:
            self.transport.write(line + b"\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.made:
            return
        while self.buffer and not self.dead and not self.deaf:
            if self.body is not None:
                if not self._take_body():
                    return
            else:
                line, end, rest = self.buffer.partition(b"\r\n")
                if not end:
                    return
                self.buffer = rest
                self._command(line)

    def _take_body(self) -> bool:
        """True when the body is whole."""
        assert self.body is not None
        seen = self.tail + self.buffer
        end = seen.find(b"\r\n.\r\n")
        if end < 0:
            if self.fault == "cut":
                self._confess("cut")
                self._cut()
                return False
            self.body.append(self.buffer)
            self.tail = seen[-4:]
            self.buffer = b""
            return False
        stop = end + 5 - len(self.tail)
        self.body.append(self.buffer[:stop])
        self.buffer = self.buffer[stop:]
        whole, self.body, self.tail = b"".join(self.body), None, b""
        self._verdict(whole)
        return True

    def _verdict(self, whole: bytes) -> None:
        fault, self.fault = self.fault, ""
        if fault:
            self._confess(fault)
        if fault in ("dot421", "dot451", "dot550"):
            self.say(fault[3:].encode() + b" fault")
            if fault == "dot421":
                self.transport.close()
                self.dead = True
        elif fault in ("rcpt451", "rcpt550"):
            self.say(b"554 no valid recipients")
        elif fault in ("cut", "cutdot"):
            self._cut()
        elif fault == "hang":
            self.dead = True  # the line stays open and silent
        else:
            self._keep(whole)
            if fault == "lostdot":
                self._cut()
            else:
                self.taken += 1
                self.say(b"250 2.0.0 taken")
                if self.options.close_after and self.taken >= self.options.close_after:
                    self.say(b"421 enough")
                    self.transport.close()

    def _keep(self, whole: bytes) -> None:
        if self.record is not None:
            found = _MESSAGE_ID.search(whole[:4000])
            row = {"to": self.rcpt.decode(), "id": found[1].decode() if found else "", "size": len(whole)}
            if self.options.keep:
                row["raw"] = base64.b64encode(whole).decode()
            self.record.write(json.dumps(row).encode() + b"\n")
            self.record.flush()

    def _confess(self, fault: str) -> None:
        """With --record: what was done to whom also stands in FILE.faults, before it is done."""
        if self.confessions is not None:
            self.confessions.write(json.dumps({"to": self.rcpt.decode(), "fault": fault}).encode() + b"\n")
            self.confessions.flush()

    def _hang_up(self) -> None:
        """Closes the line behind what was said, and hears nothing more."""
        self.deaf = True
        if self.options.latency:
            asyncio.get_running_loop().call_later(self.options.latency * 2, self._close)
        else:
            self._close()

    def _close(self) -> None:
        self.transport.close()
        self.dead = True

    def _cut(self) -> None:
        self.dead = True
        self.transport.abort()

    def _command(self, line: bytes) -> None:
        verb = line[:4].upper()
        if self.signing_in:
            self._sign_in(line)
        elif verb == b"MAIL":
            self.fault = ""
            self.say(b"250 ok")
        elif verb == b"RCPT":
            self._rcpt(line)
        elif verb == b"DATA":
            self._data()
        elif verb in (b"EHLO", b"HELO"):
            self._hello(verb)
        elif verb == b"AUTH":
            self._auth(line)
        elif line.upper() == b"STARTTLS" and self.tls is not None:
            self._start_tls()
        elif verb == b"QUIT":
            self.say(b"221 bye")
            self.transport.close()
            self.dead = True
        else:
            self.say(b"250 ok")

    def _rcpt(self, line: bytes) -> None:
        match = re.search(rb"<([^>]*)>", line)
        self.rcpt = match[1] if match else b""
        wanted = self.rcpt.split(b"@")[0].split(b"-")[0].decode("utf-8", "replace")
        self.fault = wanted if wanted in FAULTS else ""
        if not self.fault and self.options.faults and self.chance.random() < self.options.faults:
            self.fault = self.chance.choice(self.options.kinds)
        if self.fault[:4] in ("mail", "rcpt"):
            self._confess(self.fault)
        if self.fault == "mail421":
            self.say(b"421 try later")
            self._hang_up()
        elif self.fault in ("rcpt451", "rcpt550"):
            self.say(self.fault[4:].encode() + b" fault")
        else:
            self.say(b"250 ok")

    def _data(self) -> None:
        if self.fault in ("rcpt451", "rcpt550") and not self.options.lenient:
            self.say(b"554 no valid recipients")
        elif self.fault == "data451":
            self._confess("data451")
            self.say(b"451 fault")
        else:
            self.say(b"354 go on")
            self.body, self.tail = [], b"\r\n"

    def _hello(self, verb: bytes) -> None:
        if verb == b"EHLO" and self.options.no_esmtp:
            self.say(b"502 what")
            return
        lines = [b"sink"]
        if verb == b"EHLO":
            lines += [b"8BITMIME"]
            lines += [] if self.options.no_pipelining else [b"PIPELINING"]
            lines += [b"SMTPUTF8"] if self.options.smtputf8 else []
            lines += [b"STARTTLS"] if self.tls is not None and not self.secure else []
            lines += [b"AUTH " + self.options.auth.encode()] if self.options.auth else []
            lines += [b"SIZE %d" % self.options.size] if self.options.size else []
        out = [b"250-" + each for each in lines[:-1]] + [b"250 " + lines[-1]]
        self.say(b"\r\n".join(out))

    def _auth(self, line: bytes) -> None:
        words = line.split()
        if words[1].upper() == b"PLAIN":
            good = base64.b64decode(words[2]) == b"\0user\0secret"
            self.say(b"235 welcome" if good else b"535 wrong")
        else:
            self.signing_in = "user"
            self.say(b"334 VXNlcm5hbWU6")

    def _sign_in(self, line: bytes) -> None:
        said = base64.b64decode(line)
        if self.signing_in == "user":
            self.signing_in = "password" if said == b"user" else "wrong"
            self.say(b"334 UGFzc3dvcmQ6")
        else:
            self.say(b"235 welcome" if self.signing_in == "password" and said == b"secret" else b"535 wrong")
            self.signing_in = ""

    def _start_tls(self) -> None:
        self.say(b"220 go ahead" + (b"\r\n250 injected" if self.options.inject else b""))
        inner = type(self)()
        inner.upgraded = True  # type: ignore[attr-defined]

        async def upgrade() -> None:
            transport = await asyncio.get_running_loop().start_tls(
                self.transport,
                inner,
                self.tls,
                server_side=True,  # type: ignore[arg-type]
            )
            if transport is not None:
                inner.connection_made(transport)
                inner.data_received(b"")

        self.task = asyncio.ensure_future(upgrade())


async def serve(options: argparse.Namespace) -> None:
    Sink.options = options
    Sink.record = open(options.record, "ab") if options.record else None  # noqa: SIM115, ASYNC230 - lives as long as we do
    Sink.confessions = open(f"{options.record}.faults", "ab") if options.record else None  # noqa: SIM115, ASYNC230
    Sink.chance = random.Random(options.seed)
    Sink.tls = None
    if options.certificate:
        Sink.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        Sink.tls.load_cert_chain(options.certificate)
    implicit = Sink.tls if options.implicit_tls else None
    server = await asyncio.get_running_loop().create_server(
        Sink, "127.0.0.1", options.port, ssl=implicit, backlog=256
    )
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--record", default="")
    parser.add_argument("--keep", action="store_true", help="record the whole mail too")
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=list(FAULTS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--max-connections", type=int, default=0)
    parser.add_argument("--close-after", type=int, default=0)
    parser.add_argument("--no-pipelining", action="store_true")
    parser.add_argument("--no-esmtp", action="store_true")
    parser.add_argument("--lenient", action="store_true", help="354 even when no recipient is left")
    parser.add_argument("--smtputf8", action="store_true")
    parser.add_argument(
        "--inject", action="store_true", help="send a reply ahead of TLS, as an attacker would"
    )
    parser.add_argument("--auth", default="")
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--certificate", default="")
    parser.add_argument("--implicit-tls", action="store_true")
    try:
        asyncio.run(serve(parser.parse_args()))
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
