"""A mail that came back, read: whom it is about, for good or for now, and which of our mails it was.

Delivery status notifications (RFC 3464), abuse reports (RFC 5965), and the plain letters of servers that
know neither. Everything here is a stranger's: nothing raises, sizes are bounded, expressions are linear.
Pure: no database, no clock, no network.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses

import structlog

from crm.integrations.messengers.reports import ReportKind
from marketing.feedback import letters
from marketing.feedback.grading import Grade, enhanced, grade, is_full, known

log = structlog.get_logger()

# A bounce is read this far: what follows is the mail that came back.
MAIL_BYTES = 300_000
PART_CHARS = 60_000
HEADER_CHARS = 2_000
MOST_FINDINGS = 100
UNREADABLE = (ValueError, LookupError, AttributeError, TypeError, RecursionError)
EMPTY_LINES = re.compile(rb"(?:\r?\n){3,}")
DELAYED = {"delayed", "delay"}
ARRIVED = {"delivered", "relayed", "expanded"}
AUTO = re.compile(r"auto[- ]?(?:matic)?[- ]?(?:reply|response|replied)|out of (?:the )?office|vacation", re.I)
# Reports of these kinds (RFC 5965 and its registry) are a reader's "this is spam".
COMPLAINTS = {"abuse", "fraud", "other", "virus", ""}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a mail says about one recipient. `message_id` is that of our mail, without angle brackets;
    `report` names the kind of an abuse report. The grade of what is no bounce says nothing."""

    kind: ReportKind
    recipient: str
    grade: Grade = Grade.SOFT
    code: str = ""
    text: str = ""
    message_id: str = ""
    report: str = ""


def findings(raw: bytes) -> list[Finding]:
    """Everything that the mail says, [] for one that is no bounce, complaint or report: a person's answer, a
    machine's "I am away", or no mail at all (lines that end in a bare CR are none: RFC 5322, 2.3)."""
    raw = EMPTY_LINES.sub(b"\n\n", raw[:MAIL_BYTES])  # each would be a part of its own in a delivery status
    if b"\n" not in raw:
        return []
    try:
        message = email.message_from_bytes(raw, policy=email.policy.compat32)
        return list(_found(message, raw))[:MOST_FINDINGS]
    except UNREADABLE as error:
        # The standard library raises on some broken mails, and on parts a thousand deep in one another; what
        # it can't read is no report to anybody.
        log.info("unreadable bounce", error=repr(error))
        return []


def _found(message: Message, raw: bytes) -> Iterator[Finding]:
    original = original_of(message)
    message_id = header(original, "Message-ID").strip("<> ")[:250] if original is not None else ""
    report = _part(message, "message/feedback-report")
    if report is not None:
        yield from _complaints(report, original, message_id)
        return
    told = text_of(message)
    found = list(_notified(_recipient_blocks(message, raw), told, message_id))
    own = addresses_in(header(message, "From"), header(message, "To"), header(message, "Return-Path"))
    # A server that also failed to tell the bounce's own reader says nothing about our mail by that.
    if original is not None:
        own += addresses_in(header(original, "From"), header(original, "Return-Path"))
    found = [one for one in found if one.recipient not in own] or found
    if len(found) == 1 and found[0].grade is Grade.HARD and is_full(told):
        found = [replace(found[0], grade=Grade.SOFT)]
    if found or told.lstrip().startswith("{"):
        yield from found or _from_json(told)
        return
    if left := letters.unsubscriber(header(message, "Subject"), told, header(message, "From")):
        yield Finding(ReportKind.UNSUBSCRIBED, left, report="opt-out")
        return
    if is_auto_reply(message) or not letters.is_bounce(message_headers(message), told):
        return
    yield from _from_letter(message, told, original, own, message_id)


# --- RFC 3464 ----------

Fields = dict[str, str]


def _recipient_blocks(message: Message, raw: bytes) -> list[Fields]:
    """The groups of fields that name a recipient: of the delivery status, or of a report whose parts can't be
    told apart any more because some server broke its borders."""
    found: list[Fields] = []
    for part in _parts(message):
        if part.get_content_type() in ("message/delivery-status", "message/global-delivery-status"):
            payload = part.get_payload()
            if isinstance(payload, list):
                text = "\n\n".join(
                    "\n".join(f"{name}: {value}" for name, value in _items(group)) for group in payload
                )
            else:
                text = text_payload(part)
            found += _blocks(text)
    return found or _blocks(raw[:PART_CHARS].decode("utf-8", "replace"))


def _items(group: object) -> list[tuple[str, object]]:
    return list(group.items()) if isinstance(group, Message) else []


def _blocks(text: str) -> list[Fields]:
    """Groups of `Name: value` lines with a Final-Recipient or Original-Recipient; a second one begins a new
    group even without an empty line between."""
    found: list[Fields] = []
    now: Fields = {}
    last = ""
    for quoted in [*text.replace("\r\n", "\n").split("\n"), ""]:
        line = quoted.lstrip("> ") if quoted.startswith(">") else quoted  # somebody forwards a bounce
        if line[:1] in (" ", "\t") and last and line.strip():
            now[last] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not line.strip() or name in now:
            if RECIPIENT & now.keys():
                found.append(now)
            now, last = {}, ""
        if colon and FIELD.fullmatch(name):
            now[name], last = _decoded(value.strip()[:HEADER_CHARS]), name
    return found


RECIPIENT = {"final-recipient", "original-recipient"}
FIELD = re.compile(r"[a-z][a-z0-9-]{1,60}")


def _notified(blocks: Sequence[Fields], told: str, message_id: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for fields in blocks:
        final, first = (_address_of(fields.get(f"{name}-recipient", "")) for name in ("final", "original"))
        recipient = first if first and "." not in final.rpartition("@")[2] else final or first
        if not recipient or recipient in seen:
            continue
        seen.add(recipient)
        action = fields.get("action", "failed").split("(")[0].strip().lower()
        if action in ARRIVED:
            yield Finding(ReportKind.DELIVERED, recipient, message_id=message_id)
        else:
            yield _refused(fields, recipient, told, message_id, is_delay=action in DELAYED)


def _refused(fields: Fields, recipient: str, told: str, message_id: str, *, is_delay: bool) -> Finding:
    said = fields.get("diagnostic-code", "")
    diagnosis = (said.partition(";")[2] or said).strip()
    words = diagnosis if len(diagnosis) >= ENOUGH_WORDS else f"{diagnosis} {letters.about(told, recipient)}"
    text = " ".join(words.split())
    status, own = enhanced(fields.get("status", "")), enhanced(text)
    # What the other server said is worth more than what ours made of it, where it speaks of the sender.
    code = own if own and (status[1:] in ("", ".0.0") or own[2:].startswith("7.")) else status
    if is_delay:
        return Finding(ReportKind.DEFERRED, recipient, Grade.SOFT, code, text[:500], message_id)
    given = POWERMTA.get(fields.get("x-powermta-bouncecategory", ""))
    given = given or known(code=code, text=letters.stage(told, recipient) + text)
    if given is None:
        given = grade(code=code, text=letters.about(told, recipient))
    return Finding(ReportKind.BOUNCED, recipient, given, code, text[:500], message_id)


# PowerMTA's own reading of a bounce.
POWERMTA = {"bad-mailbox": Grade.HARD, "bad-domain": Grade.HARD, "spam-related": Grade.BLOCKED}
# A diagnosis shorter than this is a code alone.
ENOUGH_WORDS = 12


# --- RFC 5965 ----------


def _complaints(report: Message, original: Message | None, message_id: str) -> Iterator[Finding]:
    payload = report.get_payload()
    inner = payload[0] if isinstance(payload, list) and payload else None
    told = inner if isinstance(inner, Message) else email.message_from_string(text_payload(report))
    kind = header(told, "Feedback-Type").lower()
    named = [
        str(value)
        for name in ("Original-Rcpt-To", "Removal-Recipient", "Final-Recipient")
        for value in told.get_all(name, [])
    ]
    people = addresses_in(*named)
    if not people and original is not None:
        people = addresses_in(
            header(original, "X-Apparently-To"), header(original, "To"), header(original, "Delivered-To")
        )[:1]
    said = ReportKind.COMPLAINED
    if kind == "opt-out":
        said = ReportKind.UNSUBSCRIBED
    elif kind not in COMPLAINTS:
        said = ReportKind.DEFERRED  # about signatures, or "not spam": nobody complains
    for one in people or [""]:
        yield Finding(said, one, Grade.SOFT, message_id=message_id, report=kind or "abuse")


# --- letters ----------


def _from_letter(
    message: Message, told: str, original: Message | None, own: Sequence[str], message_id: str
) -> Iterator[Finding]:
    failed = addresses_in(header(message, "X-Failed-Recipients"))
    named = letters.recipients(told, own)
    # Exim names in its header whom it wrote to, in its letter whom that led to.
    people = failed if failed and (not named or failed[0] in told.lower()) else named
    if not people and original is not None:
        people = addresses_in(header(original, "To"))[:1]
    for one in people:
        text = letters.about(told, one) or " ".join(told.split())[:500]
        kind = (
            ReportKind.DEFERRED if letters.is_delay(header(message, "Subject"), told) else ReportKind.BOUNCED
        )
        given = Grade.SOFT
        if kind is ReportKind.BOUNCED:
            # One letter about one person may say why before it names them.
            rest = grade(text=told) if len(people) == 1 else Grade.SOFT
            given = known(code=enhanced(text), text=letters.stage(told, one) + text) or rest
        yield Finding(kind, one, given, enhanced(text), text[:500], message_id)


def _from_json(told: str) -> Iterator[Finding]:
    """Amazon SES' notifications, which SNS sends by mail too."""
    try:
        # A mail program breaks long lines, inside of strings too.
        said = json.JSONDecoder(strict=False).raw_decode(re.sub(r"\r?\n", "", told.strip()))[0]
    except (ValueError, RecursionError):
        return
    said = said if isinstance(said, dict) else {}
    bounce, complaint = said.get("bounce"), said.get("complaint")
    if isinstance(bounce, dict):
        permanent = bounce.get("bounceType") == "Permanent"
        for one in _dicts(bounce.get("bouncedRecipients")):
            text = str(one.get("diagnosticCode", ""))
            code = enhanced(str(one.get("status", "")))
            given = grade(code=code, text=text, permanent=permanent)
            yield Finding(
                ReportKind.BOUNCED, str(one.get("emailAddress", "")).lower(), given, code, text[:500]
            )
    if isinstance(complaint, dict):
        for one in _dicts(complaint.get("complainedRecipients")):
            recipient = str(one.get("emailAddress", "")).lower()
            yield Finding(ReportKind.COMPLAINED, recipient, report="abuse")


def _dicts(rows: object) -> list[dict[str, object]]:
    return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []


# --- parts and headers ----------


def header(message: Message | None, name: str) -> str:
    """The header as one line of text; "" where it is absent or broken."""
    value = message.get(name) if message is not None else None
    return "" if value is None else " ".join(_decoded(str(value)[:HEADER_CHARS]).split())


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError, UnicodeError):
        return value


def message_headers(message: Message) -> letters.Headers:
    return letters.Headers(
        sender=header(message, "From"),
        subject=header(message, "Subject"),
        return_path=header(message, "Return-Path"),
        failed=header(message, "X-Failed-Recipients"),
        content_type=message.get_content_type(),
    )


def is_auto_reply(message: Message) -> bool:
    """RFC 3834: a machine answers for somebody who is there, and only later."""
    said = header(message, "Auto-Submitted").lower()
    if said.startswith("auto-replied") and letters.is_daemon(header(message, "From")):
        return False  # Postfix and Gmail call their bounces so
    subject = header(message, "Subject")
    return bool(
        said.startswith("auto-replied")
        or message.get("X-Autoreply")
        or message.get("X-Autorespond")
        or (AUTO.search(subject) and not letters.is_daemon(header(message, "From")))
    )


def _parts(message: Message) -> Iterator[Message]:
    """Every part, without going into mails inside it: they may be bounces themselves."""
    yield message
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _parts(part)


def _part(message: Message, kind: str) -> Message | None:
    return next((part for part in _parts(message) if part.get_content_type() == kind), None)


def text_payload(part: Message) -> str:
    """The part as text, whatever charset it claims."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = part.get_content_charset() or "utf-8"
    try:
        return payload.decode(charset, "replace")[:PART_CHARS]
    except LookupError:
        return payload.decode("utf-8", "replace")[:PART_CHARS]


def text_of(message: Message) -> str:
    """What the server wrote for people, without the mail that came back."""
    texts: list[str] = []
    for part in _own_parts(message):
        kind = part.get_content_type()
        if kind == "text/plain" or (kind == "text/html" and not texts):
            text = text_payload(part)
            texts.append(letters.plain(text) if kind == "text/html" else text)
    if not texts and message.get_content_maintype() == "multipart" and isinstance(message.get_payload(), str):
        texts.append(str(message.get_payload()))  # its borders are broken
    return letters.before_original(letters.unquoted(letters.tidy("\n".join(texts)[:PART_CHARS])))


def _own_parts(message: Message) -> Iterator[Message]:
    """The mail's parts, without going into mails inside it."""
    if message.get_content_type() in ("message/rfc822", "message/global", "text/rfc822-headers"):
        return
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _own_parts(part)
    elif message.get_content_maintype() == "text":
        yield message


def original_of(message: Message) -> Message | None:
    """The headers of the mail that came back, from its part or from the end of the letter."""
    for part in message.walk():
        kind = part.get_content_type()
        if kind in ("message/rfc822", "message/global"):
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], Message):
                return inner[0]
        if kind in ("text/rfc822-headers", "message/rfc822-headers"):
            return email.message_from_string(text_payload(part) or str(part.get_payload()))
    for part in _own_parts(message):
        tail = letters.original_in(letters.tidy(text_payload(part)))
        if tail:
            return email.message_from_string(tail)
    return None


def addresses_in(*values: str) -> list[str]:
    """Addresses of header values, in order, once each."""
    found = [
        address.lower().strip("<> ")
        for _name, address in getaddresses([v[:HEADER_CHARS] for v in values if v])
    ]
    return list(dict.fromkeys(one for one in found if letters.ADDRESS.fullmatch(one)))


def _address_of(field: str) -> str:
    """`rfc822; <a@b.c>` → a@b.c."""
    text = field.partition(";")[2] or field
    found = letters.ADDRESS.search(text)
    return found[0].lower() if found else ""
