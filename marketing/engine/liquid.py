"""Liquid for content that nobody vouches for: reads only its context, bounded in time, loops and output.

python-liquid has limits on loops, output and locals, but none on time, on what one filter may produce, or on
`strftime` widths (`%999999999d` fills the memory). They are added here.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import wraps
from itertools import islice
from typing import Any, TextIO

from liquid import Environment
from liquid.ast import Node
from liquid.builtin.output import Output, OutputNode
from liquid.context import RenderContext
from liquid.exceptions import LiquidError, ResourceLimitError
from liquid.stringify import to_liquid_string
from liquid.tag import Tag
from liquid.template import BoundTemplate
from liquid.token import Token
from liquid.undefined import is_undefined

from .errors import RenderError, TemplateError
from .scanning import spans

RENDER_SECONDS = 0.1
SOURCE_CHARS = 512 * 1024
OUTPUT_BYTES = 1024 * 1024
LOOP_ITERATIONS = 10_000  # nested loops multiply
VALUE_CHARS = 64 * 1024  # of any single value that goes into or comes out of a filter
LIST_ITEMS = 1_000
INTEGER_BITS = 256
LOCALS_BYTES = 1024 * 1024

CONSTRUCT_CHARS = 10_000  # between two braces; a nested expression is read in the square of its length
OPEN_ENDS = 10  # openings that nothing closes: from each, Liquid's reader looks to the end of the source

CONSTRUCTS = (
    (re.compile(r"\{\{"), re.compile(r"\}\}")),
    (re.compile(r"\{%"), re.compile(r"%\}")),
)
_OPEN_ENDED = (
    (re.compile(r"(?=\{\{)"), "}}"),
    (re.compile(r"(?=\{%)"), "%}"),
    (re.compile(r"\{%-?\s*raw\b"), "endraw"),
    (re.compile(r"\{%-?\s*doc\b"), "enddoc"),
)
# Liquid's reader tries each way to share out the blanks behind a brace or a tag's name.
_BLANKS = re.compile(r"\{[{%]-?\s*[#\w]*\s{200}")

PLAIN = (str, int, float, bool, Decimal, dt.date, dt.datetime, type(None))

# A CR or NUL has no business in a mail's text; a lone surrogate can't be encoded at all.
_DIRTY = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_NEWLINES = re.compile(r"\r\n?")


def clean(text: str) -> str:
    """`text` with `\\n` as the only line end, no control characters, no surrogates."""
    if _DIRTY.search(text) is None:
        return text
    return _DIRTY.sub(lambda m: "\ufffd" if m[0] >= "\ud800" else "", _NEWLINES.sub("\n", text))


def plain(value: object, *, depth: int = 0) -> None:
    """Refuses anything but dicts with text keys, lists and scalars: a template never sees an object.

    Raises TypeError.
    """
    if isinstance(value, PLAIN):
        return
    if depth > 8:
        raise TypeError("a template's context may be nested 8 deep")
    if type(value) is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise TypeError("a template's context has text keys only")
            plain(item, depth=depth + 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            plain(item, depth=depth + 1)
    else:
        raise TypeError(f"a template never sees a {type(value).__name__}")


class Deadline:
    """The time that one render has from now on, of however many parts it is made."""

    __slots__ = ("_clock", "_until")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = clock() + RENDER_SECONDS

    def check(self) -> None:
        """Raises ResourceLimitError when it is over."""
        if self._clock() > self._until:
            raise ResourceLimitError(f"took more than {RENDER_SECONDS * 1000:.0f} ms", token=None)


class BoundedContext(RenderContext):
    """A render context whose deadline is looked at wherever a template can spend time."""

    def __init__(self, template: BoundTemplate, *, deadline: Deadline | None = None, **kwargs: Any) -> None:
        super().__init__(template, **kwargs)
        self.check = (deadline or Deadline()).check

    def get(self, path: list[object], **kwargs: Any) -> object:
        self.check()
        return super().get(path, **kwargs)

    def filter(self, name: str, token: Token | None = None) -> Callable[..., object]:
        self.check()
        return super().filter(name, token=token)

    def assign(self, key: str, val: Any) -> None:
        self.check()
        check_size(val)
        super().assign(key, val)


class BoundedTemplate(BoundTemplate):
    context_class = BoundedContext

    def render_within(self, deadline: Deadline, context: Mapping[str, object]) -> str:
        """Like `render`, in time that other templates share."""
        bounded = BoundedContext(self, deadline=deadline, globals=self.make_globals(context))
        buffer = self._get_buffer()
        self.render_with_context(bounded, buffer)
        return buffer.getvalue()


class CleanOutputNode(OutputNode):
    """`{{ … }}` that writes a cleaned value, so that fast and slow rendering agree on what a value is."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return buffer.write(stringify(self.expression.evaluate(context), autoescape=context.autoescape))


class CleanOutput(Output):
    node_class = CleanOutputNode


def stringify(value: object, *, autoescape: bool) -> str:
    """`value` as a template prints it. Raises ResourceLimitError for an object or an oversized value."""
    if type(value) is not str:
        if not isinstance(value, range) and not is_undefined(value):
            try:
                plain(value)
            except TypeError as error:
                raise ResourceLimitError(str(error), token=None) from error
        check_size(value)
    return clean(to_liquid_string(value, autoescape))


def check_size(value: object) -> None:
    """Raises ResourceLimitError where one value is bigger than any mail needs."""
    if isinstance(value, str):
        if len(value) > VALUE_CHARS:
            raise ResourceLimitError(f"a value is longer than {VALUE_CHARS} characters", token=None)
    elif isinstance(value, range):
        if value.stop - value.start > LIST_ITEMS:
            raise ResourceLimitError(f"a range is longer than {LIST_ITEMS}", token=None)
    elif isinstance(value, (list, tuple)):
        if len(value) > LIST_ITEMS:
            raise ResourceLimitError(f"a list has more than {LIST_ITEMS} items", token=None)
        if sum(len(item) for item in value if isinstance(item, str)) > VALUE_CHARS:
            raise ResourceLimitError(f"a list holds more than {VALUE_CHARS} characters", token=None)
    elif isinstance(value, int) and value.bit_length() > INTEGER_BITS:
        raise ResourceLimitError("a number is too big", token=None)


def _check_product(name: str, left: object, args: tuple[object, ...]) -> None:
    """Raises before `replace` or `join` multiplies two fair values into an unfair one."""
    size = 0
    if name == "replace" and args:
        text, find = str(left), str(args[0])
        size = len(text) + (text.count(find) if find else len(text) + 1) * len(str((*args, "")[1]))
    elif name == "join" and isinstance(left, (list, tuple)):
        size = len(left) * len(str((*args, " ")[0]))
    if size > VALUE_CHARS:
        raise ResourceLimitError(f"`{name}` would make more than {VALUE_CHARS} characters", token=None)


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def wrapper(left: object, *args: Any, **kwargs: Any) -> Any:
        for value in (left, *args):
            check_size(value)
        _check_product(name, left, args)
        result = function(left, *args, **kwargs)
        check_size(result)
        return result

    return wrapper


_DATE_FORMAT = re.compile(r"(?:[^%]|%[-^#]?[aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%])*")


def date(value: object, fmt: object = "%Y-%m-%d") -> str:
    """`value` in strftime's letters, without widths. Text must be ISO 8601; anything else comes back as it
    is.
    """
    if is_undefined(value) or value is None:
        return ""
    moment: dt.date | None = None
    if value in ("now", "today"):
        moment = dt.datetime.now(dt.UTC)
    elif isinstance(value, dt.date):
        moment = value
    elif isinstance(value, int) and abs(value) < 2**40:
        moment = dt.datetime.fromtimestamp(value, dt.UTC)
    elif isinstance(value, str) and len(value) <= 40:
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            return value
    if moment is None:
        return str(value)
    layout = str(fmt)
    if len(layout) > 200 or not _DATE_FORMAT.fullmatch(layout):
        raise ResourceLimitError(f"date can't be written as {layout[:40]!r}", token=None)
    return moment.strftime(layout)


def _timed(tag: type[Tag]) -> type[Tag]:
    """The same tag, whose node looks at the clock: a loop over literal conditions reads no variable at
    all.
    """
    node: type[Node] = tag.node_class  # type: ignore[attr-defined]

    def render_to_output(self: Node, context: BoundedContext, buffer: TextIO) -> int:
        context.check()
        return node.render_to_output(self, context, buffer)

    timed = type(node.__name__, (node,), {"render_to_output": render_to_output, "__slots__": ()})
    return type(tag.__name__, (tag,), {"node_class": timed})


_LEFT_OUT_TAGS = ("include", "render", "doc", "tablerow")
_LEFT_OUT_FILTERS = ("safe", "escapejs")  # `safe` would switch the escaping off
_TIMED_TAGS = (
    "if",
    "unless",
    "case",
    "for",
    "capture",
    "cycle",
    "increment",
    "decrement",
    "echo",
    "ifchanged",
)


class BoundedEnvironment(Environment):
    template_class = BoundedTemplate
    block_nesting_limit = 20
    loop_iteration_limit = LOOP_ITERATIONS
    local_namespace_limit = LOCALS_BYTES
    output_stream_limit = OUTPUT_BYTES

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=False)
        for name in _LEFT_OUT_TAGS:
            self.tags.pop(name, None)
        for name in _TIMED_TAGS:
            self.add_tag(_timed(type(self.tags[name])))
        self.add_tag(CleanOutput)
        self.filters["date"] = date
        for name in _LEFT_OUT_FILTERS:
            self.filters.pop(name, None)
        self.filters = {name: _bounded(name, function) for name, function in self.filters.items()}


HTML = BoundedEnvironment(autoescape=True)
TEXT = BoundedEnvironment(autoescape=False)


def parse(source: str, *, html: bool) -> BoundedTemplate:
    """The parsed template. Raises TemplateError with the line."""
    if len(source) > SOURCE_CHARS:
        raise TemplateError(f"The template is longer than {SOURCE_CHARS // 1024} KB.")
    _readable(source)
    try:
        template = (HTML if html else TEXT).from_string(source)
    except LiquidError as error:
        raise TemplateError(explain(error)) from error
    except RecursionError as error:
        raise TemplateError("The template is nested too deep.") from error
    assert isinstance(template, BoundedTemplate)
    return template


def _readable(source: str) -> None:
    """Raises TemplateError for what Liquid's reader would take minutes or hours over, and no mail needs: its
    patterns look ahead without bound. One pass for each kind."""
    for opening, closer in _OPEN_ENDED:
        behind = opening.finditer(source, source.rfind(closer) + 1)
        if far := next(islice(behind, OPEN_ENDS, None), None):
            raise TemplateError(f"{_line(source, far.start())}: expected '{closer}', found the end.")
    if blanks := _BLANKS.search(source):
        raise TemplateError(f"{_line(source, blanks.start())}: too many blanks between the braces.")
    for span in spans(source, CONSTRUCTS):
        if span.end - span.start > CONSTRUCT_CHARS:
            line = _line(source, span.start)
            raise TemplateError(f"{line}: more than {CONSTRUCT_CHARS} characters between the braces.")


def _line(source: str, at: int) -> str:
    return f"Line {source.count(chr(10), 0, at) + 1}"


def render(template: BoundedTemplate, context: Mapping[str, object], deadline: Deadline | None = None) -> str:
    """The text. Raises RenderError: a limit was passed, or a filter can't take this value. Without a deadline
    it has a render's time for itself."""
    try:
        return clean(template.render_within(deadline or Deadline(), context))
    except LiquidError as error:
        raise RenderError(explain(error)) from error
    except (ArithmeticError, RecursionError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise RenderError(f"{type(error).__name__}: {error}") from error


def explain(error: LiquidError) -> str:
    """One line: what, and on which line of the template where Liquid knows it."""
    message = str(error.args[0]) if error.args else type(error).__name__
    token = error.token
    if token is not None and token.start_index >= 0:
        return f"{_line(token.source, token.start_index)}: {message}"
    return message
