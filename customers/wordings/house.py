"""The texts that a shop asks with until it writes its own, and in which languages there are any."""

from __future__ import annotations

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from crm.accounts.models import Merchant
from customers.models.wording import Channel, Purpose

# Languages that a shop may write its own text in, beside those of the house.
MORE_LANGUAGES = (
    *(("de", "Deutsch"), ("es", "Español"), ("fr", "Français"), ("it", "Italiano"), ("ja", "日本語")),
    *(("ko", "한국어"), ("nl", "Nederlands"), ("pl", "Polski"), ("pt", "Português"), ("ru", "Русский")),
)
TEXTS = {
    (Purpose.MARKETING, Channel.EMAIL): gettext_noop(
        "I would like to receive offers and news from %(shop)s by e-mail. I can withdraw this at any time, in"
        " my preferences or by the link in every mail."
    ),
    (Purpose.MARKETING, Channel.SMS): gettext_noop(
        "I would like to receive offers and news from %(shop)s by text message. I can withdraw this at any"
        " time in my preferences."
    ),
    (Purpose.MARKETING, Channel.WECHAT): gettext_noop(
        "I would like to receive offers and news from %(shop)s by WeChat. I can withdraw this at any time in"
        " my preferences."
    ),
    (Purpose.REVIEWS, Channel.EMAIL): gettext_noop(
        "%(shop)s may ask me by e-mail to review what I bought. I can withdraw this at any time in my"
        " preferences."
    ),
    (Purpose.REVIEWS, Channel.SMS): gettext_noop(
        "%(shop)s may ask me by text message to review what I bought. I can withdraw this at any time in my"
        " preferences."
    ),
    (Purpose.REVIEWS, Channel.WECHAT): gettext_noop(
        "%(shop)s may ask me by WeChat to review what I bought. I can withdraw this at any time in my"
        " preferences."
    ),
    (Purpose.PROFILING, Channel.EMAIL): gettext_noop(
        "%(shop)s may use what I bought and how I use its mails to choose what it shows and sends me. I can"
        " withdraw this at any time in my preferences."
    ),
}


def asked_about() -> list[tuple[Purpose, Channel]]:
    """Every purpose with the ways it is asked for, in the order of pages."""
    return list(TEXTS)


def languages() -> list[tuple[str, str]]:
    return [*((code, str(name)) for code, name in settings.LANGUAGES), *MORE_LANGUAGES]


def house_text(merchant: Merchant, channel: str, purpose: str, language: str) -> str:
    """The house's text with the shop's name in it; "" in a language that the house doesn't speak."""
    text = TEXTS.get((Purpose(purpose), Channel(channel)))
    if text is None or language not in dict(settings.LANGUAGES):
        return ""
    with translation.override(language):
        return _(text) % {"shop": merchant.name}
