"""One non-blocking socket that speaks lines: replies in, octets out, TLS when asked."""

from __future__ import annotations

import errno
import re
import selectors
import socket
import ssl
from collections import deque
from dataclasses import dataclass

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE
CHUNK = 65_536
REPLY_OCTETS = 65_536  # a server that says more than this in one reply is not an SMTP server
_REPLY_LINE = re.compile(rb"([2-5][0-9][0-9])([ -]?)(.*)", re.DOTALL)


class LineLost(Exception):
    """The connection is gone, or what came over it is not SMTP."""


@dataclass(frozen=True, slots=True)
class Reply:
    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Code and words on one line, at most 500 characters: what is kept as receipt or reason."""
        return f"{self.code} {' '.join(self.lines)}"[:500]


class Wire:
    """`sent` counts the octets handed to the kernel, `queued` those handed to this object."""

    def __init__(self, family: int, address: tuple[object, ...]) -> None:
        self.sock: socket.socket = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connected = False
        self.handshaking = False
        self.queued = 0
        self.sent = 0
        self._out: deque[memoryview] = deque()
        self._in = b""
        self._lines: list[bytes] = []
        self._tls_wants = 0
        try:
            status = self.sock.connect_ex(address)
        except OSError as error:
            self.sock.close()
            raise LineLost(str(error)) from error
        if status not in (0, errno.EINPROGRESS):
            self.sock.close()
            raise LineLost(errno.errorcode.get(status, str(status)))

    def fileno(self) -> int:
        return self.sock.fileno()

    @property
    def events(self) -> int:
        """What to wait for."""
        if not self.connected:
            return WRITE
        if self._tls_wants:
            return self._tls_wants | (READ if not self.handshaking else 0)
        return READ | WRITE if self._out else READ

    @property
    def buffered(self) -> bool:
        """Whether the other side sent anything not yet asked for (before STARTTLS that is an injection)."""
        return bool(self._in or self._lines)

    def finish_connect(self) -> None:
        status = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if status:
            raise LineLost(errno.errorcode.get(status, str(status)))
        self.connected = True

    def start_tls(self, context: ssl.SSLContext, hostname: str) -> None:
        try:
            self.sock = context.wrap_socket(
                self.sock, server_hostname=hostname, do_handshake_on_connect=False
            )
        except (OSError, ValueError) as error:
            raise LineLost(f"TLS: {error}") from error
        self.handshaking = True
        self._tls_wants = WRITE

    def handshake(self) -> bool:
        """One step; True when done."""
        assert isinstance(self.sock, ssl.SSLSocket)
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            self._tls_wants = READ
            return False
        except ssl.SSLWantWriteError:
            self._tls_wants = WRITE
            return False
        except (OSError, ValueError) as error:
            raise LineLost(f"TLS: {error}") from error
        self.handshaking = False
        self._tls_wants = 0
        return True

    def write(self, data: bytes) -> None:
        """Queues `data` and hands as much as possible to the kernel."""
        self.queued += len(data)
        self._out.append(memoryview(data))
        if len(self._out) == 1:
            self.flush()

    def flush(self) -> None:
        self._tls_wants = 0
        while self._out:
            piece = self._out[0]
            try:
                taken = self.sock.send(piece)
            except ssl.SSLWantReadError:
                self._tls_wants = READ
                return
            except (BlockingIOError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                raise LineLost(str(error)) from error
            self.sent += taken
            if taken == len(piece):
                self._out.popleft()
            else:
                self._out[0] = piece[taken:]
                if not isinstance(self.sock, ssl.SSLSocket):
                    return

    def replies(self) -> list[Reply]:
        """Whole replies that have come. Raises LineLost at the end of the stream, after giving what came
        before.
        """
        while True:
            try:
                data = self.sock.recv(CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError):
                break
            except ssl.SSLWantWriteError:
                self._tls_wants = WRITE
                break
            except OSError as error:
                return self._last(str(error))
            if not data:
                return self._last("the server closed the connection")
            self._in += data
            if len(self._in) > REPLY_OCTETS:
                raise LineLost("the server's reply is too long")
            if len(data) < CHUNK and not isinstance(self.sock, ssl.SSLSocket):
                break
        return self._parse()

    def _last(self, reason: str) -> list[Reply]:
        """Replies that arrived together with the end are worth hearing: a 421, or a 250 that spares an
        unknown.
        """
        replies = self._parse()
        if not replies:
            raise LineLost(reason)
        return replies

    def _parse(self) -> list[Reply]:
        *whole, self._in = self._in.split(b"\n")
        replies: list[Reply] = []
        for line in whole:
            match = _REPLY_LINE.fullmatch(line.rstrip(b"\r"))
            if match is None:
                raise LineLost(f"not a reply: {line[:80]!r}")
            self._lines.append(match[3])
            if len(self._lines) > 200:
                raise LineLost("the server's reply is too long")
            if match[2] != b"-":
                lines = tuple(each.decode("utf-8", "replace").strip() for each in self._lines)
                replies.append(Reply(int(match[1]), lines))
                self._lines = []
        return replies

    def close(self) -> None:
        self.sock.close()
