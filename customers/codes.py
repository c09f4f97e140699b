"""What the codes of consent, of "my data" and of retention are called among people."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.lib.retention import KINDS

Text = str | Promise

# How a colleague came to hear an answer.
HEARD: tuple[tuple[str, Text], ...] = (
    ("phone", _("By phone")),
    ("counter", _("At the counter")),
    ("paper", _("On paper")),
    ("email_reply", _("By mail")),
    ("chat", _("In a chat")),
    ("event", _("At a fair or event")),
)
SOURCES: dict[str, Text] = {
    **dict(HEARD),
    "portal": _("In the portal"),
    "mail_link": _("By the preferences link of a mail"),
    "unsubscribe": _("By the unsubscribe link of a mail"),
    "complaint": _("By calling a mail spam"),
    "mail_program": _("By the mail program's unsubscribe button"),
    "reply": _("By an answer to a message"),
    "resubscribe": _("On the unsubscribe page, by mistake before"),
    "staff": _("Told to a colleague"),
    "api": _("By the API"),
    "import": _("From an imported file"),
    "merge": _("By a merge: the stricter side holds"),
    "form": _("In a form"),
    "checkout": pgettext_lazy("consent", "At the checkout"),
}
CHANNELS: dict[str, Text] = {"email": _("e-mail"), "sms": _("SMS"), "wechat": _("WeChat")}
PURPOSES: dict[str, Text] = {
    "marketing": _("marketing"),
    "reviews": _("review requests"),
    "profiling": _("profiling"),
}
# Why an address is not written to, within a sentence.
SUPPRESSIONS: dict[str, Text] = {
    "bounce": _("mail to it came back"),
    "complaint": _("its owner complained"),
    "erased": _("its owner was erased"),
    "manual": _("by hand"),
}
WAYS: dict[str, Text] = {"portal": _("in the portal"), "staff": _("by a colleague")}
DONE: dict[str, Text] = {
    "delete": _("deleted"),
    "pseudonymise": _("made nameless"),
    "erase": _("erased"),
}


def source_text(source: object) -> Text:
    """The way in words; a program's own name for it as it is."""
    return SOURCES.get(str(source), str(source))


def source_inside(source: object) -> str:
    """The same within a sentence."""
    text = str(source_text(source))
    return text[:1].lower() + text[1:] if str(source) in SOURCES else text


def channel_text(channel: object) -> Text:
    return CHANNELS.get(str(channel), str(channel))


def purpose_text(purpose: object) -> Text:
    return PURPOSES.get(str(purpose), str(purpose))


def suppression_text(reason: object) -> Text:
    return SUPPRESSIONS.get(str(reason), str(reason))


def note_inside(note: object) -> str:
    """A colleague's words after a sentence, "" where there are none."""
    return f": {note}" if note else ""


def way_text(way: object) -> Text:
    return WAYS.get(str(way), str(way))


def done_text(what: object) -> Text:
    return DONE.get(str(what), str(what))


def kind_text(kind: object) -> Text:
    """The noun of a kind of data that has its time."""
    known = KINDS.get(str(kind))
    return known.label if known else str(kind)


def switch_text(is_on: object) -> Text:
    return pgettext_lazy("a switch", "on") if is_on else pgettext_lazy("a switch", "off")
