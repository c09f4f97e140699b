"""From the server's first word to a line that takes mail: EHLO, TLS, sign-in (RFC 5321, 3207, 4954)."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from .wire import LineLost, Reply, Wire


@dataclass(frozen=True, slots=True)
class Server:
    """Where to hand the mail in. `security`: none, starttls or tls."""

    host: str
    port: int
    security: str = "none"
    username: str = ""
    password: str = ""
    verify: bool = True
    helo: str = "localhost"


class Refused(Exception):
    """The server will not serve us at all (wrong password, no TLS, a sender it does not take): trying again
    does not help."""


class Greeting:
    """`extensions` are what the server offered last (name → rest of its line); `is_over` once it takes mail.

    `expect` has the next reply brought to a handler; `say` sends a line and expects its reply. Handlers raise
    LineLost or Refused.
    """

    def __init__(
        self,
        wire: Wire,
        server: Server,
        *,
        tls: ssl.SSLContext | None,
        expect: Callable[[Callable[[Reply], None]], None],
        say: Callable[[str, Callable[[Reply], None]], None],
    ) -> None:
        self._wire, self._server, self._tls = wire, server, tls
        self._expect, self._say = expect, say
        self.extensions: dict[str, str] = {}
        self.is_over = False
        self._secure = False

    def begin(self) -> None:
        """The line stands."""
        if self._server.security == "tls":
            self._begin_tls()
        self._expect(self._on_greeting)

    def go_on_secured(self) -> None:
        """The handshake of TLS is over."""
        self._secure = True
        if self._server.security == "starttls":
            self._say_ehlo()

    def _on_greeting(self, reply: Reply) -> None:
        if reply.code != 220:
            raise LineLost(reply.text)
        self._say_ehlo()

    def _say_ehlo(self) -> None:
        self._say(f"EHLO {self._server.helo}", self._on_ehlo)

    def _on_ehlo(self, reply: Reply) -> None:
        if reply.code != 250:
            self._say(f"HELO {self._server.helo}", self._on_helo)
            return
        self.extensions = {}
        for line in reply.lines[1:]:
            name, _space, rest = line.partition(" ")
            self.extensions[name.upper()] = rest
        if self._server.security == "starttls" and not self._secure:
            if "STARTTLS" not in self.extensions:
                raise Refused("the server does not offer STARTTLS")
            self._say("STARTTLS", self._on_starttls)
        elif self._server.username:
            self._authenticate()
        else:
            self.is_over = True

    def _on_helo(self, reply: Reply) -> None:
        if reply.code != 250:
            raise LineLost(reply.text)
        if self._server.username or self._server.security == "starttls":
            raise Refused("the server speaks no ESMTP, so neither TLS nor sign-in")
        self.is_over = True

    def _on_starttls(self, reply: Reply) -> None:
        if reply.code != 220:
            raise LineLost(reply.text)
        if self._wire.buffered:
            raise Refused("the server sent data before TLS began")
        self._begin_tls()

    def _begin_tls(self) -> None:
        assert self._tls is not None
        self._wire.start_tls(self._tls, self._server.host)

    def _authenticate(self) -> None:
        offered = self.extensions.get("AUTH", "").upper().split()
        user, password = self._server.username.encode(), self._server.password.encode()
        if "PLAIN" in offered:
            token = base64.b64encode(b"\0" + user + b"\0" + password).decode("ascii")
            self._say(f"AUTH PLAIN {token}", self._on_authenticated)
        elif "LOGIN" in offered:

            def on_user(reply: Reply) -> None:
                _need(reply, 334)
                self._say(base64.b64encode(password).decode("ascii"), self._on_authenticated)

            def on_start(reply: Reply) -> None:
                _need(reply, 334)
                self._say(base64.b64encode(user).decode("ascii"), on_user)

            self._say("AUTH LOGIN", on_start)
        else:
            raise Refused("the server offers no sign-in that we know (PLAIN, LOGIN)")

    def _on_authenticated(self, reply: Reply) -> None:
        _need(reply, 235)
        self.is_over = True


def _need(reply: Reply, code: int) -> None:
    if reply.code != code:
        if 500 <= reply.code < 600:
            raise Refused(f"sign-in refused: {reply.text}")
        raise LineLost(reply.text)
