"""A DNS server on loopback with the records a test gives it; anything else does not exist."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from types import TracebackType

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

LOOPBACK = "127.0.0.1"


class DnsServer:
    """with DnsServer({("shop.example", "TXT"): ['"v=spf1 -all"']}) as server: … server.place

    `failing` names are answered with SERVFAIL, `silent` ones not at all. `asked` are the questions so far.
    """

    def __init__(self, records: Mapping[tuple[str, str], list[str]]) -> None:
        self.records = dict(records)
        self.failing: set[str] = set()
        self.silent: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def place(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def __enter__(self) -> DnsServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.sendto(b"", (LOOPBACK, self.port))  # an empty packet ends the loop
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            packet, peer = self._socket.recvfrom(4_096)
            if not packet:
                return
            answer = self._answer(dns.message.from_wire(packet))
            if answer is not None:
                self._socket.sendto(answer.to_wire(max_size=65_000), peer)

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        values = self.records.get((name, kind), [])
        if name in self.failing:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif values:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
        elif not any(known == name for known, _kind in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer
