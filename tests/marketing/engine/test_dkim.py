"""Signatures as dkimpy, the reference, checks them."""

from __future__ import annotations

import dkim as reference
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketing.engine import dkim

MAIL = (
    b"From: =?utf-8?b?6LWm?= <news@shop.example>\r\nTo: li@example.com\r\nSubject: Tea\r\n and more\r\n"
    b"Date: Mon, 16 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1.2@shop.example>\r\n"
    b"List-Unsubscribe: <https://shop.example/u/x/>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b"Hello  \t Li,\r\n\r\ntea.  \r\n\r\n\r\n"
)
KEYS = {kind: dkim.new_key(kind) for kind in (dkim.RSA, dkim.ED25519)}


def signer(kind: str) -> dkim.Signer:
    return dkim.Signer("shop.example", "gx1", dkim.read_key(KEYS[kind][0]))


def verifies(mail: bytes, kind: str) -> bool:
    record = dkim.record(kind, KEYS[kind][1]).encode()

    def dnsfunc(name: bytes, timeout: int = 5) -> bytes:
        assert name == b"gx1._domainkey.shop.example."
        return record

    return bool(reference.verify(mail, dnsfunc=dnsfunc))


@pytest.mark.parametrize("kind", [dkim.RSA, dkim.ED25519])
def test_the_reference_believes_the_signature(kind: str) -> None:
    signed = signer(kind).header(MAIL) + MAIL
    assert verifies(signed, kind)
    head = signed.partition(b"\r\n\r\n")[0]
    assert b"list-unsubscribe:list-unsubscribe-post" in head, "RFC 8058 asks for both"
    assert all(len(line) < 998 for line in signed.split(b"\r\n"))


@pytest.mark.parametrize("kind", [dkim.RSA, dkim.ED25519])
@pytest.mark.parametrize(
    ("case", "old", "new"),
    [
        ("the words", b"Hello", b"Pay me"),
        ("the sender", b"news@shop", b"boss@shop"),
        ("the way out", b"/u/x/", b"/u/y/"),
    ],
)
def test_a_changed_mail_is_not_believed(kind: str, case: str, old: bytes, new: bytes) -> None:
    signed = signer(kind).header(MAIL) + MAIL
    assert not verifies(signed.replace(old, new), kind), case


def test_blanks_that_servers_change_do_no_harm() -> None:
    signed = signer(dkim.RSA).header(MAIL) + MAIL
    assert verifies(signed.replace(b"Subject: Tea\r\n and", b"Subject:  Tea and"), dkim.RSA)
    assert verifies(signed.replace(b"Hello  \t Li,", b"Hello Li, "), dkim.RSA)


LINES = st.lists(st.text(alphabet=" \tab.=é-", max_size=30), max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lines=LINES, subject=st.text(alphabet="ab \t", max_size=20))
def test_any_body_is_signed_as_the_reference_reads_it(lines: list[str], subject: str) -> None:
    body = "".join(f"{line}\r\n" for line in lines).encode()  # SMTP ends every line so
    mail = b"From: news@shop.example\r\nSubject: x" + subject.encode() + b"\r\n\r\n" + body
    assert verifies(signer(dkim.ED25519).header(mail) + mail, dkim.ED25519)


def test_only_our_kinds_of_keys_are_read() -> None:
    with pytest.raises(ValueError, match="PEM"):
        dkim.read_key("nonsense")
