"""Mailboxes with mails in them that no mailbox of ours would have taken."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator

import pytest

from crm.integrations import imap
from crm.lib.crypto import encrypt
from crm.lib.errors import Upstream
from crm.local.ports import LOOPBACK
from tests.support.hostile_mail import nested

LETTER = b"From: li@example.com\r\nSubject: Hello\r\n\r\nTea?\r\n"


class Server(socketserver.ThreadingTCPServer):
    """Speaks as much IMAP (RFC 3501) as a look needs, and parses no mail."""

    daemon_threads = True

    def __init__(self, mails: list[bytes]) -> None:
        super().__init__((LOOPBACK, 0), Session)
        self.mails, self.seen = mails, set[int]()
        self.broken = False  # says no to every mail that is asked for


class Session(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag, *words = line.split()
            said, fine = self.answer([word.upper() for word in words])
            self.wfile.write(said + tag + (b" OK done\r\n" if fine else b" NO not now\r\n"))

    def answer(self, words: list[bytes]) -> tuple[bytes, bool]:
        if words[0] == b"CAPABILITY":
            return b"* CAPABILITY IMAP4rev1\r\n", True
        if words[0] == b"LOGOUT":
            return b"* BYE\r\n", True
        if words[:2] == [b"UID", b"SEARCH"]:
            left = [n for n in range(1, len(self.server.mails) + 1) if n not in self.server.seen]
            return b"* SEARCH " + b" ".join(b"%d" % n for n in left) + b"\r\n", True
        if words[:2] == [b"UID", b"FETCH"]:
            number = int(words[2])
            raw = self.server.mails[number - 1]
            said = b"* %d FETCH (UID %d BODY[] {%d}\r\n%b)\r\n" % (number, number, len(raw), raw)
            return (b"", False) if self.server.broken else (said, True)
        if words[:2] == [b"UID", b"STORE"]:
            self.server.seen.add(int(words[2]))
        return b"", True


@pytest.fixture
def box() -> Iterator[Server]:
    with Server([nested(3_000), LETTER]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def account(box: Server) -> imap.Account:
    return imap.Account(LOOPBACK, box.server_address[1], "help@shop.example", encrypt("x"), tls=False)


def test_every_mail_is_handed_over_as_it_lies_there(box: Server) -> None:
    assert list(imap.unseen(account(box))) == box.mails
    assert box.seen == {1, 2}
    assert list(imap.unseen(account(box))) == []


def test_what_the_reader_fails_on_stays_unseen(box: Server) -> None:
    for raw in imap.unseen(account(box)):
        if raw == LETTER:
            break
    assert box.seen == {1}


def test_a_server_that_gives_no_mail_is_told_of(box: Server) -> None:
    box.broken = True
    with pytest.raises(Upstream, match="FETCH"):
        list(imap.unseen(account(box)))
    assert box.seen == set()
