"""A mail compiled once per campaign: static quoted-printable chunks with personal fields between them.

What costs time in a personal mail is not the template but assembling MIME: 2.1 ms in the standard library, of
which 0.84 ms quoted-printable (SCALE.md). So the literal text is encoded when the campaign starts; per mail
only the
fields are looked up, escaped and encoded. A template with tags (`for`, `if`, `assign` …) is rendered whole
by Liquid
and encoded whole; which of the two happens is seen from the parsed template. Both give mails that parse
alike.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.exceptions import LiquidError
from markupsafe import escape

from . import headers, qp
from .errors import BadAddress, RenderError, TemplateError
from .layout import LINKS_NAME, PIXEL_NAME, lay_out
from .liquid import (
    BoundedContext,
    BoundedTemplate,
    CleanOutputNode,
    Deadline,
    clean,
    explain,
    parse,
    render,
    stringify,
)
from .plaintext import html_to_text

MAIL_BYTES = 2 * 1024 * 1024

Context = Mapping[str, object]
Lookup = Callable[[Context, "_Lazy"], object]


@dataclass(frozen=True, slots=True)
class Source:
    """What the marketer wrote. `body` is MJML or HTML; an empty `text` is written from it."""

    subject: str
    body: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """What all mails of one campaign say of their origin. `list_id` like `news.shop-a.example.com`."""

    email: str
    name: str = ""
    reply_to: str = ""
    list_id: str = ""
    list_name: str = ""
    feedback_id: str = ""
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """What differs from mail to mail outside the content. `date` is an RFC 5322 date, see email.utils."""

    message_id: str
    to_email: str
    date: str
    to_name: str = ""
    unsubscribe_url: str = ""
    unsubscribe_mailto: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    subject: str
    html: str
    text: str


class _Lazy:
    """A Liquid context made when the first field needs one; plain paths do without."""

    __slots__ = ("_context", "_deadline", "_made", "_template")

    def __init__(self, template: BoundedTemplate, context: Context, deadline: Deadline) -> None:
        self._template, self._context, self._deadline = template, context, deadline
        self._made: BoundedContext | None = None

    def get(self) -> BoundedContext:
        if self._made is None:
            self._made = BoundedContext(self._template, deadline=self._deadline, globals=self._context)
        return self._made


@dataclass(frozen=True, slots=True)
class _Field:
    lookup: Lookup
    autoescape: bool

    def text(self, context: Context, lazy: _Lazy) -> str:
        value = self.lookup(context, lazy)
        if type(value) is str:
            return clean(str(escape(value)) if self.autoescape else value)
        return stringify(value, autoescape=self.autoescape)


@dataclass(slots=True)
class _Part:
    """One MIME part: either chunks with holes (`pieces`, `holes` as (index, field)) or a template to render
    whole.
    """

    template: BoundedTemplate
    fields: list[_Field] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    holes: list[tuple[int, int]] = field(default_factory=list)
    fast: bool = False

    def encoded(self, context: Context, deadline: Deadline) -> list[bytes]:
        if not self.fast:
            return [qp.encode(render(self.template, context, deadline))]
        lazy = _Lazy(self.template, context, deadline)
        with _explained():
            values = [qp.encode_field(each.text(context, lazy)) for each in self.fields]
        out = self.pieces.copy()
        for index, number in self.holes:
            out[index] = values[number]
        return out


class _Words:
    """A line of text and fields, like the subject; put together by hand where no tag asks for Liquid."""

    __slots__ = ("_pieces", "template")

    def __init__(self, template: BoundedTemplate) -> None:
        self.template = template
        self._pieces: list[str | _Field] | None = []
        for node in template.nodes:
            if isinstance(node, ContentNode):
                self._pieces.append(node.text)
            elif isinstance(node, CleanOutputNode) and _is_field(node):
                self._pieces.append(_Field(lookup=_lookup(node), autoescape=False))
            else:
                self._pieces = None
                return

    def text(self, context: Context, deadline: Deadline) -> str:
        """The line for this recipient. Raises RenderError."""
        if self._pieces is None:
            return render(self.template, context, deadline)
        lazy = _Lazy(self.template, context, deadline)
        with _explained():
            return "".join(
                [each if isinstance(each, str) else each.text(context, lazy) for each in self._pieces]
            )


@contextmanager
def _explained() -> Iterator[None]:
    """Whatever a field's value does is an error of this one mail."""
    try:
        yield
    except LiquidError as error:
        raise RenderError(explain(error)) from error
    except (ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise RenderError(f"{type(error).__name__}: {error}") from error


class CompiledMail:
    """A template ready to be sent many times.

    `fast` tells whether all parts are chunks; `links` are the tracked targets by number (each may hold Liquid
    after its host); `paths` the names that the template reads; `words` the unfilled plain text; `html_bytes`
    the size of the unfilled HTML.
    """

    def __init__(
        self, source: Source, *, track: bool = False, pixel: bool = False, slow: bool = False
    ) -> None:
        laid = lay_out(source.body, to_text=html_to_text, track=track, pixel=pixel)
        self.links = laid.links
        self._subject = _Words(parse(clean(source.subject), html=False))
        self._html = _part(laid.html, html=True, slow=slow)
        self._text = _part(source.text or laid.text, html=False, slow=slow)
        self.fast = self._html.fast and self._text.fast
        self.words = source.text or laid.text
        self.html_bytes = len(laid.html.encode("utf-8", "replace"))
        self.paths = _paths(self._subject.template, self._html.template, self._text.template)

    def preview(self, context: Context) -> Preview:
        """Subject, HTML and text as this recipient would get them. Raises RenderError."""
        deadline = Deadline()
        return Preview(
            subject=headers.one_line(self._subject.text(context, deadline), headers.SUBJECT_CHARS),
            html=render(self._html.template, context, deadline),
            text=render(self._text.template, context, deadline),
        )

    def bind(self, sender: Sender) -> BoundMail:
        """The mail of one sender. Raises BadAddress or ValueError for a header that can't stand."""
        return BoundMail(self, sender)


class BoundMail:
    """A compiled mail with its fixed headers; `render` gives the bytes for the wire, without the final
    dot.
    """

    def __init__(self, mail: CompiledMail, sender: Sender) -> None:
        self._mail = mail
        sent_by = headers.address(sender.email)
        if sent_by.utf8:
            raise BadAddress("the sender's address must be ASCII")
        self.mail_from = sent_by.email
        self._fixed = _fixed_headers(sender, sent_by)
        # `=_` can't stand in quoted-printable, so the boundary can't stand in a part.
        boundary = f"=_{secrets.token_hex(12)}".encode("ascii")
        self._opening = (
            b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="'
            + boundary
            + b'"\r\n\r\n--'
            + boundary
            + b"\r\n"
            + _part_headers("plain")
        )
        self._middle = b"\r\n--" + boundary + b"\r\n" + _part_headers("html")
        self._end = b"\r\n--" + boundary + b"--\r\n"
        self._one_click = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"

    def render(self, context: Context, envelope: Envelope, deadline: Deadline | None = None) -> bytes:
        """The mail, CRLF lines, no line beginning with a dot. Raises RenderError, BadAddress, ValueError.

        Subject, text and HTML together have `deadline`, by default a render's time from now.
        """
        mail, deadline = self._mail, deadline or Deadline()
        to = headers.address(envelope.to_email)
        subject = mail._subject.text(context, deadline)
        out = [
            headers.message_id(envelope.message_id),
            b"Date: " + _date(envelope.date) + b"\r\n",
            headers.mailbox("To", envelope.to_name, to),
            headers.unstructured("Subject", subject),
            self._fixed,
        ]
        if envelope.unsubscribe_url:
            out.append(headers.list_unsubscribe(envelope.unsubscribe_url, envelope.unsubscribe_mailto))
            out.append(self._one_click)
        out.append(self._opening)
        out.extend(mail._text.encoded(context, deadline))
        out.append(self._middle)
        out.extend(mail._html.encoded(context, deadline))
        out.append(self._end)
        whole = b"".join(out)
        if len(whole) > MAIL_BYTES:
            raise RenderError(f"the mail is bigger than {MAIL_BYTES // 1024} KB")
        return whole


def compile_mail(source: Source, *, track: bool = False, pixel: bool = False) -> CompiledMail:
    """The compiled template. Raises TemplateError with the line and the reason."""
    return CompiledMail(source, track=track, pixel=pixel)


def render_link(target: str, context: Context) -> str:
    """A tracked target with this recipient's values, each percent-encoded by the template's own filters.

    The host is part of the stored template (layout.py refuses to track any other), so it can't be steered by
    a value.
    Raises RenderError when the values make something that is not one address.
    """
    address = render(parse(target, html=False), context).strip()
    fixed = re.match(r"https?://[^/?#\s]+", target, re.IGNORECASE)
    if fixed is None or not address.startswith(fixed[0]) or re.search(r"[\s\x00-\x20\\]", address):
        raise RenderError("the link does not make an address")
    if address[len(fixed[0]) :][:1] not in ("", "/", "?", "#"):
        raise RenderError("the link does not make an address")
    return address


def _part(source: str, *, html: bool, slow: bool) -> _Part:
    template = parse(clean(source), html=html)
    _known_filters(template)
    part = _Part(template=template)
    if slow or not all(isinstance(node, ContentNode) or _is_field(node) for node in template.nodes):
        return part
    part.fast = True
    numbers: dict[str, int] = {}
    literal = ""
    for node in template.nodes:
        if isinstance(node, ContentNode):
            literal += node.text
            continue
        assert isinstance(node, CleanOutputNode)
        part.pieces.append(qp.close(qp.encode(literal)))
        literal = ""
        key = str(node.expression)
        if key not in numbers:
            numbers[key] = len(part.fields)
            part.fields.append(_Field(lookup=_lookup(node), autoescape=html))
        part.holes.append((len(part.pieces), numbers[key]))
        part.pieces.append(b"")
    part.pieces.append(qp.encode(literal))
    return part


def _is_field(node: Node) -> bool:
    return isinstance(node, CleanOutputNode) and isinstance(node.expression, FilteredExpression)


def _lookup(node: CleanOutputNode) -> Lookup:
    """How to get the field's value: straight from dicts and lists where the path is plain, else by Liquid
    itself.
    """
    expression = node.expression
    assert isinstance(expression, FilteredExpression)

    def by_liquid(context: Context, lazy: _Lazy) -> object:
        return expression.evaluate(lazy.get())

    left = expression.left
    if expression.filters or not isinstance(left, Path) or not left.path:
        return by_liquid
    if not isinstance(left.path[0], str) or any(isinstance(step, Path) for step in left.path):
        return by_liquid
    first, steps = left.path[0], tuple(left.path[1:])

    def straight(context: Context, lazy: _Lazy) -> object:
        if first not in context:
            return by_liquid(context, lazy)
        value = context[first]
        for step in steps:
            if type(value) is dict:
                if step not in value:
                    return by_liquid(context, lazy)
                value = value[step]
            elif type(value) is list and type(step) is int and -len(value) <= step < len(value):
                value = value[step]
            else:
                return by_liquid(context, lazy)
        return value

    return straight


def _known_filters(template: BoundedTemplate) -> None:
    for name, spans in template.analyze().filters.items():
        if name not in template.env.filters:
            line = str(template).count("\n", 0, spans[0].index) + 1 if spans else 1
            raise TemplateError(f"Line {line}: there is no filter `{name}`.")


def _paths(*templates: BoundedTemplate) -> frozenset[str]:
    own = (LINKS_NAME, PIXEL_NAME)
    return frozenset(
        path for each in templates for path in each.global_variable_paths() if not path.startswith(own)
    )


def _part_headers(subtype: str) -> bytes:
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode("ascii")


def _fixed_headers(sender: Sender, sent_by: headers.Address) -> bytes:
    out = [headers.mailbox("From", sender.name, sent_by)]
    if sender.reply_to:
        out.append(headers.mailbox("Reply-To", "", headers.address(sender.reply_to)))
    if sender.list_id:
        if not re.fullmatch(r"[A-Za-z0-9.-]+", sender.list_id):
            raise ValueError("a List-Id looks like a domain name")
        out.append(headers.mailbox("List-Id", sender.list_name, headers.Address(sender.list_id, utf8=False)))
    if sender.feedback_id:
        out.append(headers.token("Feedback-ID", sender.feedback_id))
    for name, value in sender.extra:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,60}", name):
            raise ValueError("not a header name")
        out.append(headers.token(name, value))
    return b"".join(out)


def _date(value: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9:,+ -]{10,50}", value):
        raise ValueError("not an RFC 5322 date")
    return value.encode("ascii")
