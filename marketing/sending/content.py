"""From a campaign's words to a compiled mail: preview line, footer with the way out, sender."""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache

from django.conf import settings
from django.utils import translation
from django.utils.html import escape
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from marketing.engine.compile import BoundMail, CompiledMail, Sender, Source, compile_mail
from marketing.engine.errors import TemplateError
from marketing.engine.layout import LINKS
from marketing.engine.scanning import before_last, behind_tag
from marketing.models import Campaign, Version
from marketing.models.template import Content

UNSUBSCRIBE = "unsubscribe_url"
PREFERENCES = "preferences_url"
_MJML = re.compile("<mjml")
_BODY = re.compile("<body", re.IGNORECASE)


def is_mjml(body: str) -> bool:
    return "<mjml" in body[:2000].lower()


def source_of(content: Content, merchant: Merchant) -> Source:
    """The content with preview line, and with the footer that the law asks for unless it brings its own.

    The footer carries the postal address and the links to unsubscribe and to the preferences, in the shop's
    language.
    """
    body = content.body
    if not re.search(r"\{\{-?\s*" + UNSUBSCRIBE, body):
        body = _with_footer(body, merchant)
    if content.preheader:
        body = _with_preheader(body, content.preheader)
    text = content.text
    if text.strip() and UNSUBSCRIBE not in text:
        text = f"{text.rstrip()}\n\n{_unsubscribe_words(merchant)}: {{{{ {UNSUBSCRIBE} }}}}\n"
    return Source(subject=content.subject, body=body, text=text if text.strip() else "")


def _unsubscribe_words(merchant: Merchant) -> str:
    with translation.override(merchant.locale):
        return _("Unsubscribe")


def _preferences_words(merchant: Merchant) -> str:
    with translation.override(merchant.locale):
        return _("Preferences")


def _with_footer(body: str, merchant: Merchant) -> str:
    link = (
        f'<a href="{{{{ {UNSUBSCRIBE} }}}}">{escape(_unsubscribe_words(merchant))}</a>'
        f' · <a href="{{{{ {PREFERENCES} }}}}">{escape(_preferences_words(merchant))}</a>'
    )
    # The shop's own words may hold braces: they are data here, not a template.
    place = " · ".join(_inert(part) for part in (merchant.name, merchant.postal_address) if part)
    if is_mjml(body):
        footer = (
            '<mj-section padding="12px 0"><mj-column><mj-text align="center" color="#6b7280" font-size="12px"'
            f' line-height="18px">{place}<br/>{link}</mj-text></mj-column></mj-section>'
        )
        return before_last(body, "</mj-body>", footer)
    footer = (
        '<div style="margin:24px 0 8px;text-align:center;color:#6b7280;font-size:12px;line-height:18px">'
        f"{place}<br>{link}</div>"
    )
    return before_last(body, "</body>", footer)


def _with_preheader(body: str, words: str) -> str:
    if is_mjml(body):
        if "<mj-preview" in body:
            return body
        preview = f"<mj-preview>{escape_text(words)}</mj-preview>"
        if "<mj-head>" in body:
            return body.replace("<mj-head>", f"<mj-head>{preview}", 1)
        return behind_tag(body, _MJML, f"<mj-head>{preview}</mj-head>") or body
    hidden = f'<div style="display:none;max-height:0;overflow:hidden">{escape_text(words)}</div>'
    return behind_tag(body, _BODY, hidden) or hidden + body


def escape_text(words: str) -> str:
    """HTML-escaped outside of its Liquid."""
    pieces = re.split(r"(\{\{.*?\}\}|\{%.*?%\})", words)
    return "".join(piece if index % 2 else str(escape(piece)) for index, piece in enumerate(pieces))


def _inert(words: str) -> str:
    return str(escape(words)).replace("{", "&#123;").replace("}", "&#125;")


def sender_address(campaign: Campaign, merchant: Merchant) -> str:
    """The campaign's own sender, the shop's, or the installation's."""
    return campaign.sender_email or default_sender(merchant)


def default_sender(merchant: Merchant) -> str:
    """The shop's own sender, or the installation's."""
    return merchant.sender_email or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def sender_of(campaign: Campaign, merchant: Merchant) -> Sender:
    email = sender_address(campaign, merchant)
    domain = email.rpartition("@")[2].lower()
    return Sender(
        email=email,
        name=campaign.sender_name or merchant.sender_name or merchant.name,
        reply_to=campaign.reply_to or merchant.support_email,
        list_id=f"marketing.{merchant.slug.replace('_', '-')}.{domain}",
        list_name=merchant.name,
        # Gmail's feedback loop wants up to four parts, the last one the sender's.
        feedback_id=f"campaign-{campaign.pk}:shop-{merchant.pk}:marketing:guanxi",
    )


@lru_cache(maxsize=8)
def _compiled(source: Source, tracks: bool) -> CompiledMail:
    return compile_mail(source, track=tracks, pixel=tracks)


def compiled(content: Content, merchant: Merchant, *, tracks: bool) -> CompiledMail:
    """The compiled mail; the same words are compiled once in a process. Raises TemplateError."""
    if not content.subject.strip():
        raise TemplateError(_("The subject is missing."))
    if not content.body.strip():
        raise TemplateError(_("The content is missing."))
    return _compiled(source_of(content, merchant), tracks)


def bound(campaign: Campaign, merchant: Merchant) -> tuple[CompiledMail, BoundMail]:
    """The campaign's mail with its sender. Raises TemplateError, BadAddress, ValueError."""
    mail = compiled(campaign, merchant, tracks=campaign.tracks)
    return mail, mail.bind(sender_of(campaign, merchant))


@dataclass(frozen=True)
class Written:
    """A version as it is sent: the campaign in its words, and the number of its first link."""

    campaign: Campaign
    first_link: int

    def numbers(self, mail: CompiledMail) -> range:
        """The numbers of this version's tracked links."""
        return range(self.first_link, self.first_link + len(mail.links))


def written_as(campaign: Campaign, letter: str) -> Written:
    """That version; the campaign's own words for A and for a letter that there is not. One query."""
    version = campaign.versions.filter(letter=letter).first() if letter else None
    return as_version(campaign, version) if version else Written(campaign, 0)


def versions(campaign: Campaign) -> list[tuple[str, Written]]:
    """Letter → version; A is the campaign's own words. One query."""
    others = campaign.versions.order_by("letter")
    return [("A", Written(campaign, 0)), *((one.letter, as_version(campaign, one)) for one in others)]


def as_version(campaign: Campaign, version: Version) -> Written:
    """The campaign with this version's words where it has its own."""
    written = copy(campaign)
    for name in ("subject", "preheader", "body", "text"):
        if words := getattr(version, name):
            setattr(written, name, words)
    if version.body and not version.text:
        written.text = ""  # written from its own content, not A's
    return Written(written, (Version.LETTERS.index(version.letter) + 1) * LINKS)
