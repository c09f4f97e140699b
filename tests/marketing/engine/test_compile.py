"""A compiled mail parses back to what Liquid alone would have made, whatever stands in the fields."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from marketing.engine.compile import CompiledMail, Envelope, Sender, Source, compile_mail, render_link
from marketing.engine.errors import BadAddress, RenderError, TemplateError
from marketing.engine.liquid import RENDER_SECONDS, Deadline, clean

MJML = """<mjml><mj-head><mj-title>{{ shop.name }}</mj-title><mj-preview>for {{ name }}</mj-preview>
<mj-style>.big{color:{{ colour }};font-size:20px}</mj-style></mj-head><mj-body><mj-section><mj-column>
<mj-text css-class="big">Hi <b>{{ name | default: "friend" }}</b>, .dot &amp; more<br>.line 世界</mj-text>
<mj-table><tr><td>a</td></tr>{% for item in items %}<tr><td>{{ item.title }}</td></tr>{% endfor %}</mj-table>
<mj-button href="https://shop.example/o/{{ number }}?a=1&amp;b=2">Order</mj-button>
<mj-button href="https://shop.example/">Home</mj-button>
<mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a> <a href="https://{{ host }}/x">bad</a></mj-text>
</mj-column></mj-section></mj-body></mjml>"""

FIELDS = "<p>.{{ a }}{{ b }}\n.{{ c }} tail\n{{ a }}</p>\n<p title='{{ b }}'>{{ c | upcase }}</p>"
FIELDS += "{{ missing.path }}{{ d[0] }}."
SENDER = Sender(
    email="shop@example.com", name="店, Ltd", list_id="news.shop.example.com", feedback_id="c1:m1:guanxi"
)
WHEN = "Mon, 01 Jan 2026 00:00:00 +0000"


def envelope(**changes: str) -> Envelope:
    values = {
        "message_id": "<1.abc@example.com>",
        "to_email": "li@example.com",
        "date": WHEN,
        "unsubscribe_url": "https://shop.example/u/token/",
        **changes,
    }
    return Envelope(**values)


def read(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def parts(raw: bytes) -> tuple[str, str]:
    message = read(raw)
    assert not message.defects
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")


def wire_is_clean(raw: bytes) -> None:
    assert raw.endswith(b"\r\n")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    for line in raw.split(b"\r\n"):
        assert not line.startswith(b".")
        assert len(line) <= 78
    assert raw.isascii()


hostile = st.text(
    alphabet=st.one_of(
        st.sampled_from("\r\n.=\0\t \"'<>&{}%\\é世界😀\u2028\x7f\x1b"),
        st.characters(),
    ),
    max_size=300,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(a=hostile, b=hostile, c=hostile)
@example(a="\r\n.\r\n", b="=2E", c=".")
@example(a="." * 200, b="." * 75, c="x" * 5000)
@example(a="\r", b="\n", c=" ")
@example(a="x" * 75 + ".", b="x" * 74 + "=", c="世" * 100)
@example(a="\ud800", b="\0", c="{{ a }}")
def test_the_fast_path_equals_the_slow_path(a: str, b: str, c: str) -> None:
    source = Source(subject="{{ a }}", body=FIELDS, text="{{ a }}\n.{{ b }}{{ c }}\n")
    context = {"a": a, "b": b, "c": c, "d": [a, 1]}
    fast, slow = compile_mail(source), CompiledMail(source, slow=True)
    assert fast.fast
    assert not slow.fast
    quick, whole = (
        fast.bind(SENDER).render(context, envelope()),
        slow.bind(SENDER).render(context, envelope()),
    )
    wire_is_clean(quick)
    wire_is_clean(whole)
    assert parts(quick) == parts(whole)
    assert read(quick)["Subject"] == read(whole)["Subject"]
    assert parts(quick)[0].rstrip("\n") == (clean(a) + "\n." + clean(b) + clean(c) + "\n").rstrip("\n")


@settings(max_examples=300, deadline=None)
@given(subject=hostile, name=hostile, sender=hostile, shop=hostile)
@example(
    subject="Hi\r\nBcc: all@example.com\r\n\r\nbody",
    name="x\r\nCc: y@example.com",
    sender="\n",
    shop="=?utf-8?q?a?=",
)
def test_no_header_can_be_slipped_in(subject: str, name: str, sender: str, shop: str) -> None:
    mail = compile_mail(Source(subject="{{ s }}", body="<p>x</p>")).bind(
        Sender(email="shop@example.com", name=sender, list_id="a.example.com", list_name=shop)
    )
    raw = mail.render({"s": subject}, envelope(to_name=name))
    wire_is_clean(raw)
    head, _, _ = raw.partition(b"\r\n\r\n")
    names = [line.split(b":")[0].decode() for line in head.split(b"\r\n") if not line.startswith(b" ")]
    assert names == [
        "Message-ID", "Date", "To", "Subject", "From", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post",
        "MIME-Version", "Content-Type",
    ]  # fmt: skip
    message = read(raw)
    assert [address.addr_spec for address in message["To"].addresses] == ["li@example.com"]
    assert [address.addr_spec for address in message["From"].addresses] == ["shop@example.com"]


@pytest.mark.parametrize(
    "address",
    [
        "a@b\r\nBcc: c@d.example", "a b@example.com", "a@example.com,b@example.com", "<a@example.com>", "a@",
        "@b.com",
        "a@-b.com", "a@b..com", "a..b@example.com", '"a b"@example.com', "a@exa mple.com",
        "a\x00@example.com", "a",
        "x" * 65 + "@example.com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    mail = compile_mail(Source(subject="s", body="<p>x</p>")).bind(SENDER)
    with pytest.raises(BadAddress):
        mail.render({}, envelope(to_email=address))


@pytest.mark.parametrize(
    "field, value",
    [
        ("message_id", "<a@b>\r\nX: y"),
        ("message_id", "a@b"),
        ("date", "now\r\nX: y"),
        ("unsubscribe_url", "https://x/\r\nX: y"),
        ("unsubscribe_url", "javascript:alert(1)"),
        ("unsubscribe_url", "https://x/>,<mailto:y"),
    ],
)
def test_a_broken_envelope_is_refused(field: str, value: str) -> None:
    mail = compile_mail(Source(subject="s", body="<p>x</p>")).bind(SENDER)
    with pytest.raises(ValueError, match="not a"):
        mail.render({}, envelope(**{field: value}))


def test_a_domain_beyond_ascii_is_written_in_ascii() -> None:
    raw = (
        compile_mail(Source(subject="s", body="<p>x</p>"))
        .bind(SENDER)
        .render({}, envelope(to_email="a@例子.中国"))
    )
    assert b"<a@xn--fsqu00a.xn--fiqs8s>" in raw


@pytest.mark.parametrize("slow", [False, True])
def test_all_parts_of_a_mail_share_one_deadline(slow: bool) -> None:
    """Each look at the clock costs two fifths of the time: one part is within it, the mail is not."""
    looks = 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        return (looks - 1) * RENDER_SECONDS * 0.4

    field = "{{ a | upcase }}"
    mail = CompiledMail(Source(subject=field, body=f"<p>{field}</p>", text=field), slow=slow).bind(SENDER)
    with pytest.raises(RenderError, match="100 ms"):
        mail.render({"a": "x"}, envelope(), Deadline(clock))
    assert mail.render({"a": "x"}, envelope(), Deadline(lambda: 0.0))


def test_mjml_with_loops_conditions_and_links() -> None:
    mail = compile_mail(Source(subject="Order {{ number }}", body=MJML), track=True, pixel=True)
    assert not mail.fast  # it has a loop
    assert mail.links == ("https://shop.example/o/{{ number }}?a=1&b=2", "https://shop.example/")
    assert {"name", "items", "number", "unsubscribe_url", "shop.name"} <= mail.paths
    context = {
        "name": "<李>", "items": [{"title": "A & B"}, {"title": "C"}], "number": 7, "colour": "red",
        "host": "h",
        "shop": {"name": "S"}, "unsubscribe_url": "https://g/u/1",
        "guanxi_links": ["https://g/t/0", "https://g/t/1"], "guanxi_pixel": "https://g/p",
    }  # fmt: skip
    text, html = parts(mail.bind(SENDER).render(context, envelope()))
    assert html.index("A &amp; B") < html.index("C</td>") < html.index("https://g/t/0")
    assert re.search(r"<tr><td[^>]*>A &amp; B</td></tr><tr><td[^>]*>C</td></tr>", html)
    assert "&lt;李&gt;" in html
    assert 'href="https://g/t/0"' in html
    assert 'href="https://g/t/1"' in html
    assert 'href="https://h/x"' in html, "a host that a value decides is never behind our own address"
    assert '<img src="https://g/p"' in html
    assert "fonts.googleapis" not in html
    assert "color: red" in html or "color:red" in html
    assert "Hi <李>, .dot & more\n.line 世界" in text
    assert "Order (https://shop.example/o/7?a=1&b=2)" in text
    assert "Unsubscribe (https://g/u/1)" in text
    assert "for <李>" not in text, "the hidden preview line is no part of the text"


def test_headers_of_a_list_mail() -> None:
    raw = (
        compile_mail(Source(subject="你好 {{ n }}", body="<p>x</p>"))
        .bind(SENDER)
        .render({"n": "李"}, envelope(to_name="李 晓", unsubscribe_mailto="u@example.com"))
    )
    message = read(raw)
    assert message["Subject"] == "你好 李"
    assert message["To"].addresses[0].display_name == "李 晓"
    assert message["From"].addresses[0].display_name == "店, Ltd"
    assert message["Message-ID"] == "<1.abc@example.com>"
    assert message["List-Unsubscribe"] == "<https://shop.example/u/token/>, <mailto:u@example.com>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "<news.shop.example.com>"
    assert message["Feedback-ID"] == "c1:m1:guanxi"
    assert message.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize(
    "body, words",
    [
        ("<p>{{ a </p>", "expected '}}'"),
        ("<p>{% if a %}</p>", "endif"),
        ("<p>{% include 'x' %}</p>", "unexpected tag"),
        ("<p>{{ a | safe }}</p>", "no filter `safe`"),
        ("<p>{{ a | nonsense }}</p>", "no filter `nonsense`"),
        ("<td {% if a %}class='b'{% endif %}>x</td>", "attributes"),
        ("<mjml><mj-body><mj-section>", "MJML"),
        ("<mjml><mj-body><mj-include path='/etc/passwd'/></mj-body></mjml>", "MJML"),
        ("x" * 600_000, "longer than"),
    ],
)
def test_a_template_that_can_not_work_says_why(body: str, words: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(words)):
        compile_mail(Source(subject="s", body=body))


@pytest.mark.parametrize(
    "target, context, address",
    [
        ("https://shop.example/o/{{ n }}", {"n": 7}, "https://shop.example/o/7"),
        ("https://shop.example?n={{ n | url_encode }}", {"n": "a b&c"}, "https://shop.example?n=a+b%26c"),
        ("https://shop.example/", {}, "https://shop.example/"),
    ],
)
def test_a_tracked_link_leads_to_its_own_host(target: str, context: dict[str, object], address: str) -> None:
    assert render_link(target, context) == address


@pytest.mark.parametrize(
    "target, context",
    [
        ("https://shop.example{{ n }}", {"n": ".evil.example/"}),
        ("https://shop.example{{ n }}", {"n": "@evil.example/"}),
        ("https://shop.example/{{ n }}", {"n": "a b"}),
        ("https://shop.example/{{ n }}", {"n": "a\r\nSet-Cookie: x"}),
        ("javascript:{{ n }}", {"n": "alert(1)"}),
    ],
)
def test_a_value_can_not_steer_a_link_elsewhere(target: str, context: dict[str, object]) -> None:
    with pytest.raises(RenderError):
        render_link(target, context)
