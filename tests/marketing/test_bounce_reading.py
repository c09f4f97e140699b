"""Bounces, complaints and letters as real servers write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crm.integrations.messengers.reports import ReportKind
from marketing.feedback.grading import Grade, grade
from marketing.feedback.reading import findings
from tests.support.hostile_mail import nested

AGREED = 0.95


def test_the_reading_agrees_with_the_reference(real_data: Path) -> None:
    """On recipients and on hard or not, of whole mails (../shared/data/mail/bounces, 422 of them)."""
    folder = real_data / "mail" / "bounces"
    rows = [json.loads(line) for line in (folder / "golden.jsonl").read_text().split("\n") if line]
    wrong = []
    for row in rows:
        raw = (folder / "maildir" / row["file"]).read_bytes()
        read = [one for one in findings(raw) if one.kind is not ReportKind.DELIVERED]
        expected = {(one["recipient"].lower(), bool(one["hardbounce"])) for one in row["results"]}
        if {(one.recipient, one.grade is Grade.HARD) for one in read} != expected:
            wrong.append(row["file"])
    assert len(rows) == 422
    assert 1 - len(wrong) / len(rows) >= AGREED, wrong


def test_every_mail_of_the_corpora_is_read_without_a_fault(real_data: Path) -> None:
    files = [*(real_data / "mail").rglob("*.eml"), *(real_data / "mail").rglob("*.raw")]
    assert len(files) > 400
    for file in files:
        for one in findings(file.read_bytes()):
            assert len(one.recipient) < 400 and len(one.text) <= 500


DSN = """From: MAILER-DAEMON@mx.example.com
To: bounces@shop.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.
<li@example.com>: host mx.example.com said: {reply}

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; Li@Example.com
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {reply}

--b
Content-Type: text/rfc822-headers

From: news@shop.example
To: li@example.com
Message-ID: <7.0123456789abcdef0123456789abcdef@shop.example>
Subject: Tea

--b--
"""


@pytest.mark.parametrize(
    ("case", "action", "status", "reply", "kind", "expected"),
    [
        ("nobody there", "failed", "5.1.1", "550 5.1.1 User unknown", "bounced", "hard"),
        ("no such host", "failed", "5.4.4", "Host or domain name not found", "bounced", "hard"),
        ("full", "failed", "5.2.2", "552 5.2.2 Mailbox full", "bounced", "soft"),
        ("gave up", "failed", "4.4.1", "connect to mx: Connection timed out", "bounced", "soft"),
        ("spam", "failed", "5.7.1", "550 5.7.1 Message looks like spam", "bounced", "blocked"),
        ("listed", "failed", "5.7.1", "554 5.7.1 blocked using zen.spamhaus.org", "bounced", "blocked"),
        ("late", "delayed", "4.4.1", "connection refused", "deferred", "soft"),
        ("arrived", "delivered", "2.0.0", "250 ok", "delivered", "soft"),
    ],
)
def test_a_delivery_status(case: str, action: str, status: str, reply: str, kind: str, expected: str) -> None:
    raw = DSN.format(action=action, status=status, reply=reply).encode()
    (found,) = findings(raw)
    assert (found.kind, found.recipient) == (kind, "li@example.com"), case
    assert found.message_id == "7.0123456789abcdef0123456789abcdef@shop.example"
    assert found.grade == expected, case


ARF = """From: feedback@isp.example
To: abuse@shop.example
Subject: FW: Tea
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an email abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: {kind}
Original-Rcpt-To: <li@example.com>
Version: 1

--b
Content-Type: message/rfc822

From: news@shop.example
To: li@example.com
Message-ID: <7.0123456789abcdef0123456789abcdef@shop.example>

Tea.
--b--
"""


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("abuse", ReportKind.COMPLAINED),
        ("fraud", ReportKind.COMPLAINED),
        ("opt-out", ReportKind.UNSUBSCRIBED),
        ("not-spam", ReportKind.DEFERRED),
        ("auth-failure", ReportKind.DEFERRED),
    ],
)
def test_an_abuse_report(kind: str, expected: ReportKind) -> None:
    (found,) = findings(ARF.format(kind=kind).encode())
    assert (found.kind, found.recipient) == (expected, "li@example.com")
    assert found.message_id.startswith("7.0123")


@pytest.mark.parametrize(
    ("case", "raw"),
    [
        (
            "an answer",
            b"From: li@example.com\nSubject: Re: Tea\n\nWhen does it come? li@example.com",
        ),
        (
            "away",
            b"From: li@example.com\nSubject: Automatic reply\nAuto-Submitted: auto-replied\n\nAway.",
        ),
        ("holiday", b"From: li@example.com\nSubject: Out of office\n\nUser unknown to you: mei@example.com"),
        ("nothing", b""),
        ("bare CR", b"From: MAILER-DAEMON@x.example\rSubject: failure notice\r\r<li@example.com>:\r550"),
        ("rubbish", bytes(range(256)) * 40),
    ],
)
def test_what_is_no_bounce(case: str, raw: bytes) -> None:
    assert findings(raw) == [], case


@pytest.mark.parametrize(
    "filler", [" ", "to ", "<style>", "@", "a@", "> ", "-", ".", "5.", "\n", "<a@b.c>", "{"]
)
def test_a_hostile_letter_ends(filler: str) -> None:
    """An expression that goes over the same letters again and again would hang here for minutes."""
    for kind in ("text/plain", "text/html", "message/delivery-status", "message/feedback-report"):
        head = f"From: mailer-daemon@x.example\nSubject: failure notice\nContent-Type: {kind}\n\n"
        assert len(findings(head.encode() + filler.encode() * (200_000 // len(filler)))) <= 100


@pytest.mark.parametrize("levels", [100, 400, 3_000])
def test_parts_deep_in_one_another_end(levels: int) -> None:
    """The standard library walks them by recursion; the mailbox behind such a mail must be read on."""
    assert len(findings(nested(levels))) <= 1


@pytest.mark.parametrize(
    ("case", "said", "expected"),
    [
        ("the code alone", {"code": "5.1.1"}, Grade.HARD),
        ("three digits and words", {"code": "550", "text": "550 no mailbox here by that name"}, Grade.HARD),
        ("a provider's word", {"permanent": True}, Grade.HARD),
        ("a provider's word and a full box", {"permanent": True, "text": "mailbox full"}, Grade.SOFT),
        ("at the end of the data", {"text": "550 User unknown (in reply to end of DATA)"}, Grade.SOFT),
        ("the sender", {"text": "553 5.1.8 Domain of sender does not exist"}, Grade.BLOCKED),
        ("relaying", {"text": "554 5.7.1 <li@x.cn>: Relay access denied"}, Grade.BLOCKED),
        ("nothing said", {}, Grade.SOFT),
    ],
)
def test_grades(case: str, said: dict[str, Any], expected: Grade) -> None:
    assert grade(**said) is expected, case
