"""Campaigns that are no mail: how an SMS or WeChat message looks, what it costs, what must be right first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Merchant
from crm.integrations import http
from crm.integrations.connecting import connection_of
from crm.integrations.messengers.base import Fate, Message
from crm.integrations.messengers.texting import Size, size_of
from crm.integrations.models import Connection
from crm.lib.errors import Rejected
from crm.lib.ui.formats import number_text
from customers.models import Customer
from customers.models.consent import Channel
from customers.normalising import normalise_phone
from marketing.campaigns.points import AUDIENCE, CONTENT, SENDER, Point
from marketing.campaigns.testing import Send, Troubles, example_context, receipt_words
from marketing.engine.errors import RenderError, TemplateError
from marketing.models import Campaign
from marketing.pacing.forecasting import pace_points
from marketing.sending.carriers import Carrier, Words, carrier_of

MANY_PARTS = 3
# One of these must stand in a text: the law of most countries wants to hear how to stop it.
WAYS_OUT = ("stop", "unsubscribe", "opt out", "退订", "退訂", "回t", "回复t", "拒收")


@dataclass(frozen=True)
class Look:
    """A message as one person gets it; `size` is None where the carrier's own template decides."""

    message: Message
    size: Size | None


def look(*, merchant: Merchant, campaign: Campaign, customer: Customer | None) -> Look:
    """As that customer, or an invented person, would get it. Raises Rejected with what is wrong."""
    connection = connection_of(campaign.channel)
    templated = is_templated(campaign, connection)
    try:
        words = Words(campaign, templated=templated)
        message = words.filled(example_context(merchant, customer), to="")
    except (TemplateError, RenderError, ValueError) as error:
        raise Rejected(str(error), code="template") from error
    return Look(message, None if templated else size_of(message.text))


def is_templated(campaign: Campaign, connection: Connection | None) -> bool:
    """Whether it is written as the values of a carrier's template. Without a carrier: as it was begun."""
    if connection is not None:
        return Carrier(connection).adapter.templated
    return campaign.channel == Channel.WECHAT or bool(campaign.carrier_template)


def target(merchant: Merchant, campaign: Campaign, to: str) -> str:
    """The number as carriers want it, or a follower's OpenID. Raises Rejected."""
    if campaign.channel != Channel.SMS:
        return to
    if not (number := normalise_phone(to, merchant.country)):
        text = _("Enter a phone number with its country, such as +86 138 0013 8000.")
        raise Rejected(text, code="bad_address", fields={"to": [text]})
    return number


def sender(*, merchant: Merchant, campaign: Campaign, customer: Customer | None) -> Send:
    """What hands it over to some numbers or followers, by the shop's carrier. Raises Rejected when it can't
    be made or nothing is connected."""
    try:
        carrier = carrier_of(campaign.channel)
        words = Words(campaign, templated=carrier.adapter.templated)
        context = example_context(merchant, customer)
        words.filled(context, to="")
    except (TemplateError, RenderError, ValueError) as error:
        raise Rejected(str(error), code="template") from error

    def send(to: Sequence[str]) -> Troubles:
        troubles = []
        with http.session() as client:
            for each in to:
                receipt = carrier.send(words.filled(context, to=each), client)
                if receipt.fate is not Fate.ACCEPTED:
                    troubles.append((each, receipt_words(receipt)))
        return troubles

    return send


def page(*, merchant: Merchant, campaign: Campaign, customer: Customer | None, whom: str) -> SafeString:
    """The message in a telephone's bubble, for the preview's frame."""
    seen = look(merchant=merchant, campaign=campaign, customer=customer)
    message, connection = seen.message, connection_of(campaign.channel)
    sign = connection.secrets().get("sign_name", "") if connection is not None else ""
    words: str | SafeString = message.text
    if message.template:
        rows = [(name, value) for name, value in message.values.items()]
        head = format_html("<b>{}{}</b>", f"【{sign}】 " if sign else "", message.template)
        words = head + format_html_join("", "<div><small>{}</small> {}</div>", rows)
    return format_html(_PAGE, whom, words, size_words(seen.size) if seen.size else "")


_PAGE = (
    "<!doctype html><title>·</title><style>:root{{color-scheme:light dark}}body{{font:15px/1.5 system-ui;"
    "margin:16px;background:Canvas;color:CanvasText}}p{{margin:0 0 12px;opacity:.75;font-size:13px}}"
    ".b{{max-width:300px;padding:10px 14px;border-radius:16px 16px 16px 4px;white-space:pre-wrap;"
    "overflow-wrap:anywhere;background:color-mix(in srgb,CanvasText 9%,Canvas)}}small{{opacity:.75}}</style>"
    '<body><p>{}</p><div class="b">{}</div><p style="margin-top:10px">{}</p></body>'
)


def size_words(size: Size) -> str:
    words = ngettext(
        "%(parts)s SMS: %(places)s of %(room)s letters (%(encoding)s)",
        "%(parts)s SMS each: %(places)s of %(room)s letters (%(encoding)s)",
        size.parts,
    )
    return words % {
        "parts": size.parts,
        "places": size.places,
        "room": size.room,
        "encoding": size.encoding,
    }


# ---------------------------------------------------------------------------------- the check list


def checklist(*, campaign: Campaign, merchant: Merchant, people: int | None) -> list[Point]:
    """Every point, the bad ones with what to do. `people` is how many would get it now, if that is known."""
    connection = connection_of(campaign.channel)
    points = [_audience(campaign, people), _carrier(campaign, connection)]
    try:
        seen = look(merchant=merchant, campaign=campaign, customer=None)
    except Rejected as error:
        return [*points, Point("bad", _("Content"), error.message)]
    if seen.size is None:
        points.append(Point("good", _("Content"), seen.message.template))
        return [*points, *_empty_values(seen.message)]
    pace = pace_points(campaign=campaign, merchant=merchant, people=people)
    return [*points, _size(seen.size, people), _way_out(seen.message.text), *pace]


def _audience(campaign: Campaign, people: int | None) -> Point:
    if campaign.audience == Campaign.Audience.SEGMENT and campaign.segment_id is None:
        return Point("bad", _("Audience"), _("Choose who gets it."), AUDIENCE)
    if people == 0:
        return Point("bad", _("Audience"), _("Nobody in this audience can get it right now."), AUDIENCE)
    who: str | Promise = campaign.segment.name if campaign.segment else _("Everyone who allowed it")
    return Point("good", _("Audience"), who, AUDIENCE)


def _carrier(campaign: Campaign, connection: Connection | None) -> Point:
    if connection is None:
        text = _("Nothing is connected that sends these. See Settings → Connections.")
        return Point("bad", _("Carrier"), text, SENDER)
    return Point("good", _("Carrier"), connection.name, SENDER)


def _size(size: Size, people: int | None) -> Point:
    text = size_words(size)
    if people:
        text += " · " + _("%(n)s SMS to pay for") % {"n": number_text(size.parts * people)}
    return Point("warn" if size.parts > MANY_PARTS else "good", _("Length"), text)


def _way_out(text: str) -> Point:
    said = text.casefold()
    if any(word in said for word in WAYS_OUT):
        return Point("good", _("Unsubscribe"), _("The message says how to stop it."))
    hint = _("Say how to stop it, such as “Reply STOP to opt out” or “回T退订”. The law asks for it.")
    return Point("bad", _("Unsubscribe"), hint)


def _empty_values(message: Message) -> list[Point]:
    empty = [name for name, value in message.values.items() if not value]
    if not empty:
        return []
    text = _("Nothing stands in: %(names)s") % {"names": ", ".join(empty[:5])}
    return [Point("warn", _("Values"), text, CONTENT)]


# ---------------------------------------------------------------------------------- values as lines


def values_text(values: dict[str, Any]) -> str:
    return "\n".join(f"{name} = {words}" for name, words in values.items())


def values_of(lines: str) -> dict[str, str]:
    """`place = words`, one a line. Raises ValueError for a line without a place, or a place named twice."""
    values: dict[str, str] = {}
    for line in lines.splitlines():
        if not line.strip():
            continue
        name, equals, words = line.partition("=")
        name = name.strip()
        if not equals or not name or len(name) > 40:
            raise ValueError(
                _("Write “place = words” in each line; this one has none: %(line)s") % {"line": line}
            )
        if name in values:
            raise ValueError(_("“%(name)s” stands there twice.") % {"name": name})
        values[name] = words.strip()
    return values
