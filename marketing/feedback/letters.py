"""The plain letters by which servers say that a mail came back, where they speak no RFC 3464."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import islice

ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,100}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,200}[A-Za-z0-9])?"
)
ABOUT_LINES = 14
MOST_TRIES = 20
LINE_CHARS = 2_000
MOST_LINES = 2_000
_DAEMON = re.compile(
    r"mailer-?daemon|postmaster|mail ?delivery|delivery ?(?:subsystem|system)|double-bounce|bounce"
    r"|mail system"
    r"|mail administrator|maildelivery|no-?reply.*(?:ses|aws)|mdaemon|system administrator|complaints@"
    r"|sendmail|mailbox-daemon",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"undeliver|un(?:able|successful).{0,20}deliver"
    r"|deliver(?:y|ed)?.{0,30}(?:fail|error|status|report|problem|notif|delay|unsuccess|impossible)"
    r"|fail(?:ed|ure).{0,20}(?:deliver|notice|mail)|returned mail|returned to sender"
    r"|mail.{0,10}(?:fail|error|returned|problem|status)"
    r"|non.?delivery|could not (?:be )?(?:deliver|send)|not delivered|bounce|rejected|nicht zustellbar"
    r"|unzustellbar"
    r"|bad address|message status|user unknown|warning: (?:could|message)|permanent error|error sending"
    r"|退信|投递失败",
    re.IGNORECASE,
)
_DELAY = re.compile(
    r"\bdelay(?:ed)?\b|warning: (?:could not send|message)|still being retried"
    r"|has not (?:yet )?been delivered"
    r"|no action is required on your part",
    re.IGNORECASE,
)
_ORIGINAL = re.compile(
    r"^[> \t]*(?:-{2,}.{0,40}(?:original|copy of|below this line|returned|headers? follow|message follows"
    r"|your message|unsent|undelivered).{0,80}"
    r"|-{2,} ?forwarded message.{0,30}"
    r"|(?:below|included|the following|this) (?:is|are|was|this line).{0,40}(?:copy|headers?|original).{0,80}"
    r"|original message (?:follows|headers?|header).{0,10}|message headers? follow.{0,10}"
    r"|received: from .{0,200}|return-path: .{0,200}"
    r"|\[?(?:message|the original).{0,20}(?:follows|attached|below).{0,10})$",
    re.IGNORECASE | re.MULTILINE,
)
_HEADS = re.compile(r"^(?:Received|Return-Path|From|To|Subject|Date|Message-I[dD]): ?.*$", re.MULTILINE)
# A line that is the address of somebody: alone, in angle brackets, before a colon or a complaint.
_LINE = re.compile(
    r"^[ \t>*]*(?:\d+\.? )?(?:to:?|recipients?(?: address(?:es)?)?:?|rcpt to:?|email address:?|user:?"
    r"|e-?mail:?|for:?|addressee:?|dest:?)?[ \t]*[<\"'(\[]*"
    rf"({ADDRESS.pattern})[>\"')\]]*[ \t]*(?:[:;,]|\.\.\.|\(|-|$|on ).*$",
    re.IGNORECASE | re.MULTILINE,
)
_PHRASES = (
    re.compile(rf"RCPT TO:[ \t]*<?({ADDRESS.pattern})>?", re.IGNORECASE),
    re.compile(rf"<({ADDRESS.pattern})>[ \t]*(?:\.\.\.|:)", re.IGNORECASE),
    re.compile(
        r"(?:message|mail|delivery|deliver|delivered|recipient|user|address|mailbox|account|addressed|sent)"
        r"[^\n@]{0,40}?[ \t\n]+"
        rf"(?:to|for|of|user)?[ \t\n:]*[<\"'(\[]?({ADDRESS.pattern})",
        re.IGNORECASE,
    ),
)


@dataclass(frozen=True, slots=True)
class Headers:
    """What of a mail's head says whether a server wrote it."""

    sender: str
    subject: str
    return_path: str
    failed: str
    content_type: str


def is_daemon(sender: str) -> bool:
    return bool(_DAEMON.search(sender))


def is_bounce(headers: Headers, told: str) -> bool:
    """Whether a server wrote this about a mail of ours: by who sent it, and by what it calls itself."""
    if headers.failed or headers.content_type == "multipart/report":
        return True
    daemon = is_daemon(headers.sender) or headers.return_path.replace(" ", "") == "<>"
    named = bool(_SUBJECT.search(headers.subject))
    return (daemon and bool(told)) or (named and bool(ADDRESS.search(told)))


def unsubscriber(subject: str, told: str, sender: str) -> str:
    """Who asks to be taken off by the mail that a mail program writes for them (RFC 2369), or ""."""
    asks = subject.strip().lower() == "unsubscribe" and len(told) < 600
    found = ADDRESS.search(sender) if asks and "unsubscribe" in told.lower() else None
    return found[0].lower() if found else ""


def is_delay(subject: str, told: str) -> bool:
    """The server still tries."""
    return bool(_DELAY.search(subject)) or ("will be retried" in told and "no action is required" in told)


class _Plain(HTMLParser):
    """Text with a line for each block; an address in angle brackets, which HTML takes for a tag, stays."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in ("style", "script", "head", "title"):
            self.silent += 1
        elif "@" in tag:
            self.pieces.append(f"<{tag}>")
        elif tag in BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script", "head", "title"):
            self.silent = max(0, self.silent - 1)
        elif tag in BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.pieces.append(data)


BLOCKS = {"br", "p", "div", "tr", "td", "li", "ul", "h1", "h2", "h3", "table", "pre"}


def plain(text: str) -> str:
    """HTML as lines of text."""
    reader = _Plain()
    reader.feed(text)
    return "".join(reader.pieces).replace("\xa0", " ")


def tidy(text: str) -> str:
    """Lines of at most LINE_CHARS with single blanks: so no expression below has a long run to walk twice."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    short = [re.sub(r"[ \t]+", " ", line[:LINE_CHARS]).rstrip() for line in lines[:MOST_LINES]]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(short))


def before_original(text: str) -> str:
    """The letter without what it quotes of our mail. All of it where the quotation begins at once."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    first = ADDRESS.search(text)
    for found in _ORIGINAL.finditer(text) if first else ():
        if first and found.start() >= first.end():
            return text[: found.start()]
    return text


def original_in(text: str) -> str:
    """The headers of our mail at the end of a letter, "" where there are none."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for found in islice(_ORIGINAL.finditer(text), MOST_TRIES):
        tail = text[found.start() :]
        heads = _HEADS.search(tail)
        if heads and len(_HEADS.findall(tail[heads.start() : heads.start() + 8_000])) >= 3:
            return tail[heads.start() :]
    return ""


def recipients(told: str, own: Sequence[str]) -> list[str]:
    """Whom the letter is about: lines that begin with an address, else addresses in words that say so.
    `own` are the letter's own sender and reader, believed where nobody else is named."""
    found = [m[1].lower() for m in _LINE.finditer(told)]
    people = _others(found, own) or _others(found, ())
    if people:
        return people
    for phrase in _PHRASES:
        people = _others([m[1].lower() for m in phrase.finditer(told)], own)
        if people:
            return people[:1]
    return _others([m[0].lower() for m in ADDRESS.finditer(told)], own)[:1]


def _others(found: Sequence[str], own: Sequence[str]) -> list[str]:
    people = [one.rstrip(".") for one in found if not is_daemon(one) and not one.startswith("support@")]
    return list(dict.fromkeys(one for one in people if one not in own))


def about(told: str, recipient: str) -> str:
    """The lines of the letter from the one that names the recipient to the next recipient, as one line."""
    lines = told.splitlines()
    for number, line in enumerate(lines):
        if recipient not in line.lower():
            continue
        kept = [line]
        for later in lines[number + 1 : number + ABOUT_LINES]:
            other = _LINE.match(later)
            if (other and other[1].lower() != recipient) or later.startswith("While talking to"):
                break
            kept.append(later)
        return " ".join(" ".join(kept).split())[:1_500]
    return ""


def stage(told: str, recipient: str) -> str:
    """Where the refusal came, as words for grading: "end of data " where the letter says, or a session's
    transcript in it shows, that the recipient had been taken before, "rcpt " where it was refused itself."""
    lines = told.splitlines()
    said = next((number for number, line in enumerate(lines) if recipient in line.lower()), None)
    near = " ".join(" ".join(lines[said : said + 8]).split()) if said is not None else ""
    if _STAGE.search(near):
        return "end of data "
    if _RCPT.search(near) or _ADDRESSES_REFUSED in told.lower():
        return "rcpt "
    for number, line in enumerate(lines):
        text = line.strip()
        if text.startswith(">>> DATA"):
            answers = [one.strip()[3:].strip() for one in lines[number + 1 : number + 6] if "<<<" in one]
            refused = bool(answers) and answers[0][:1] == "5"
            early = any(
                re.search(r"^503|no valid recipients|need rcpt|rcpt first", one, re.I) for one in answers
            )
            if refused:
                return "rcpt " if early else "end of data "
    return "rcpt " if re.search(r"^[> ]*>>> RCPT", told, re.IGNORECASE | re.MULTILINE) else ""


def unquoted(text: str) -> str:
    """A letter that somebody forwards, without the marks before its lines."""
    lines = text.splitlines()
    marked = sum(1 for line in lines if line.startswith(">"))
    if marked * 2 < len(lines):
        return text
    return "\n".join(re.sub(r"^> ?", "", line) for line in lines)


_RCPT = re.compile(r"in reply to rcpt|rcpt to|rcpt:", re.IGNORECASE)
# McAfee's gateway lists so what was refused at RCPT.
_ADDRESSES_REFUSED = "the following addresses had delivery problems"
_STAGE = re.compile(r"in reply to (?:end of )?data|after end of data|smtp command data", re.IGNORECASE)
