"""Asking the DNS: an answer, the certainty that there is none, or trouble that may pass."""

from __future__ import annotations

import time
from dataclasses import dataclass

import dns.exception
import dns.resolver
from django.conf import settings

# One question's time, and that of all its tries.
TRY_SECONDS, WHOLE_SECONDS = 2.0, 5.0
# All of a domain's questions together: somebody looks at a page meanwhile, and ten SPF names with ten mail
# servers each can be made to answer slowly.
PATIENCE_SECONDS = 20.0


class DnsTrouble(Exception):
    """Nobody answered in time, or the server failed: ask again later."""


@dataclass
class Asker:
    """Asks, and remembers what it asked; for `patience` seconds of waiting in all, then it asks nobody any
    more. `servers` are "ip" or "ip:port", those of the machine where there are none."""

    servers: tuple[str, ...] = ()
    patience: float = PATIENCE_SECONDS

    def __post_init__(self) -> None:
        self._known: dict[tuple[str, str], list[str]] = {}
        if not self.servers:
            self._resolver = dns.resolver.Resolver()
        else:
            self._resolver = dns.resolver.Resolver(configure=False)
            places = [
                server.rpartition(":") if server.count(":") == 1 else ("", "", server)
                for server in self.servers
            ]
            self._resolver.nameservers = [host or rest for host, _colon, rest in places]
            self._resolver.nameserver_ports = {host: int(port) for host, _colon, port in places if host}
        self._resolver.timeout, self._resolver.lifetime = TRY_SECONDS, WHOLE_SECONDS

    def texts(self, name: str) -> list[str]:
        """TXT records, their pieces put together."""
        return self._ask(name, "TXT")

    def addresses(self, name: str) -> list[str]:
        """A and AAAA records."""
        return self._ask(name, "A") + self._ask(name, "AAAA")

    def exchangers(self, name: str) -> list[str]:
        """The names of MX records."""
        return self._ask(name, "MX")

    def _ask(self, name: str, kind: str) -> list[str]:
        """[] where the name or the kind does not exist. Raises DnsTrouble."""
        name = name.rstrip(".").lower()
        if (name, kind) not in self._known:
            if self.patience <= 0:
                raise DnsTrouble(f"{kind} {name}: too slow")
            began = time.monotonic()
            try:
                self._known[name, kind] = self._answer(name, kind)
            finally:
                self.patience -= time.monotonic() - began
        return self._known[name, kind]

    def _answer(self, name: str, kind: str) -> list[str]:
        try:
            answer = self._resolver.resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (ValueError, dns.exception.SyntaxError, dns.exception.TooBig):  # a name that is none
            return []
        except dns.exception.DNSException as error:
            raise DnsTrouble(f"{kind} {name}: {type(error).__name__}") from error
        if kind == "TXT":
            return [b"".join(row.strings).decode("utf-8", "replace") for row in answer]
        if kind == "MX":
            return [str(row.exchange).rstrip(".") for row in answer]
        return [str(row) for row in answer]


def asker() -> Asker:
    """One that asks the servers of the settings (DNS_SERVERS)."""
    return Asker(tuple(settings.DNS_SERVERS))
