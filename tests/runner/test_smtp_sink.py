"""The SMTP server that other tests trust: it keeps what it took and fails as told."""

import contextlib
import smtplib

import pytest

from tests.support.smtp import SmtpSink

MAIL = "Subject: hello\r\nFrom: a@x.test\r\nTo: b@y.test\r\n\r\nBody.\r\n"


@contextlib.contextmanager
def line_to(sink: SmtpSink, timeout: float = 5):
    """A connection that does not mind being cut."""
    line = smtplib.SMTP(sink.host, sink.port, timeout=timeout)
    try:
        yield line
    finally:
        line.close()


def send(sink: SmtpSink, *recipients: str, timeout: float = 5) -> dict:
    with line_to(sink, timeout) as line:
        return line.sendmail("a@x.test", list(recipients or ["b@y.test"]), MAIL)


@pytest.fixture
def sink():
    with SmtpSink() as sink:
        yield sink


def test_keeps_what_it_accepts(sink):
    send(sink, "b@y.test", "c@y.test")

    (mail,) = sink.wait_for(1, to="C@y.test")
    assert mail.recipients == ["b@y.test", "c@y.test"]
    assert mail.message["Subject"] == "hello"
    assert mail.text == "Body.\n"


@pytest.mark.parametrize(
    "command, code, error",
    [
        ("CONNECT", 421, smtplib.SMTPConnectError),
        ("MAIL", 451, smtplib.SMTPSenderRefused),
        ("RCPT", 550, smtplib.SMTPRecipientsRefused),
        ("DATA", 451, smtplib.SMTPDataError),
        ("DOT", 550, smtplib.SMTPDataError),
    ],
)
def test_fails_where_told_and_as_often_as_told(sink, command, code, error):
    sink.fail(command, code, times=1)

    with pytest.raises(error) as raised:
        send(sink)

    assert str(code) in str(raised.value)
    assert sink.mails == []
    send(sink)
    assert len(sink.mails) == 1


def test_refuses_one_recipient_of_two(sink):
    sink.fail("RCPT", 550, to="bad@*")

    refused = send(sink, "good@y.test", "bad@y.test")

    assert list(refused) == ["bad@y.test"]
    assert sink.mails[0].recipients == ["good@y.test"]


def test_breaks_the_line_before_the_dot_and_takes_nothing(sink):
    sink.reset_in_data()

    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(sink)

    assert sink.mails == []


@pytest.mark.parametrize("fault", ["hang_after_dot", "break_after_dot"])
def test_takes_the_mail_but_gives_no_answer(sink, fault):
    getattr(sink, fault)()

    with pytest.raises((smtplib.SMTPServerDisconnected, TimeoutError, ConnectionError)):
        send(sink, timeout=1)

    assert len(sink.mails) == 1


def test_answers_commands_that_come_in_one_packet(sink):
    with line_to(sink) as line:
        line.ehlo()
        assert line.has_extn("pipelining")
        line.send("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n")
        assert [line.getreply()[0] for _ in range(3)] == [250, 250, 354]
        line.send(f"{MAIL}.\r\n")
        assert line.getreply()[0] == 250
    assert len(sink.mails) == 1
