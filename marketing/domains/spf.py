"""Sender Policy Framework (RFC 7208): what a record is worth, and whether it lets a server send."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from marketing.domains.dns import Asker

# RFC 7208, 4.6.4: terms that ask the DNS, in a whole evaluation.
MOST_LOOKUPS = 10
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class SpfBroken(Exception):
    """The record can't be evaluated: every receiver treats it as an error. The text is a code: "many"
    records, "lookups" beyond ten, "syntax"."""


@dataclass
class Policy:
    """A domain's record. `allows` counts the questions that a receiver would ask."""

    asker: Asker
    lookups: int = 0

    def record(self, domain: str) -> str:
        """The record, "" for none. Raises SpfBroken("many")."""
        found = [one for one in self.asker.texts(domain) if one.lower().split(" ")[0] == "v=spf1"]
        if len(found) > 1:
            raise SpfBroken("many")
        return found[0] if found else ""

    def allows(self, domain: str, addresses: Iterable[Address]) -> bool:
        """Whether mail from any of the addresses passes. Raises SpfBroken and DnsTrouble."""
        return any(self.result(domain, one) == "+" for one in addresses)

    def result(self, domain: str, address: Address) -> str:
        """The sign of the first mechanism that fits: + - ~ or ?."""
        self.lookups = 0
        return self._result(domain, address)

    def _result(self, domain: str, address: Address) -> str:
        redirect = ""
        for sign, name, value in terms(self.record(domain)):
            if name == "redirect":
                redirect = value
            elif self._fits(name, value, domain, address):
                return sign
        if redirect:
            self._count()
            return self._result(redirect, address)
        return "?"

    def _fits(self, name: str, value: str, domain: str, address: Address) -> bool:
        if name == "all":
            return True
        if name in ("ip4", "ip6"):
            return _within(address, value)
        if name in ("include", "a", "mx", "exists", "ptr"):
            self._count()
        host, _slash, prefix = value.partition("/")
        host = host or domain
        if name == "include":
            return bool(value) and self._result(value, address) == "+"
        if name == "a":
            return any(_within(address, _net(one, prefix)) for one in self.asker.addresses(host))
        if name == "mx":
            hosts = self.asker.exchangers(host)[:10]
            return any(
                _within(address, _net(one, prefix)) for mx in hosts for one in self.asker.addresses(mx)
            )
        return name == "exists" and "%" not in value and bool(self.asker.addresses(value))

    def _count(self) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise SpfBroken("lookups")


def terms(record: str) -> Iterator[tuple[str, str, str]]:
    """(sign, name, value) of each mechanism, the redirect with an empty sign. Raises SpfBroken("syntax")."""
    for word in record.split()[1:]:
        name, equals, value = word.partition("=")
        if equals and ":" not in name and "/" not in name:
            if name.lower() == "redirect":
                yield "", "redirect", value
            continue
        sign, rest = (word[0], word[1:]) if word[0] in "+-~?" else ("+", word)
        name, colon, value = rest.partition(":")
        if not colon and "/" in name:
            name, slash, size = name.partition("/")
            value = slash + size
        name = name.lower()
        if name not in ("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"):
            raise SpfBroken("syntax")
        yield sign, name, value


def catch_all(record: str) -> str:
    """The sign before `all`, "" without one."""
    return next((sign for sign, name, _value in terms(record) if name == "all"), "")


def closed(record: str) -> str:
    """The record that lets everybody send (+all, or all without a sign), ending with ~all."""
    return " ".join("~all" if word.lower() in ("+all", "all") else word for word in record.split())


def with_server(record: str, host: str) -> str:
    """The record with the server let in, to be pasted in its place."""
    if not record:
        return f"v=spf1 a:{host} ~all"
    words = record.split()
    at = next((n for n, word in enumerate(words) if word.lower().lstrip("+-~?") == "all"), len(words))
    at = next((n for n, word in enumerate(words) if word.lower().startswith("redirect=")), at)
    return " ".join([*words[:at], f"a:{host}", *words[at:]])


def _net(address: str, prefix: str) -> str:
    return f"{address}/{prefix}" if prefix.isdigit() and ":" not in address else address


def _within(address: Address, network: str) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        raise SpfBroken("syntax") from None
