"""By whom a campaign's messages leave: the shop's connection for its channel, else its SMTP server."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

import requests
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.integrations.catalog import MESSENGERS
from crm.integrations.connecting import connection_of, hook_url
from crm.integrations.messengers.base import Message, Messenger, Receipt
from crm.integrations.models import Connection
from marketing.engine import liquid
from marketing.engine.errors import TemplateError
from marketing.engine.http import Letter
from marketing.models import Campaign
from marketing.sending.handover import Mail
from marketing.sending.rendering import Renderer

# Longer ones are cut into more than ten parts, which no network promises to join.
TEXT_CHARS = 670
VALUE_CHARS = 500
# What the provider writes into the head itself, and our signature, which is not true of the mail that it
# builds; the rest travels as it is.
OWN_HEADERS = frozenset(
    {"from", "to", "subject", "date", "mime-version", "content-type", "content-transfer-encoding"}
    | {"dkim-signature"}
)


class NoCarrier(ValueError):
    """Nothing is connected that sends by this channel."""


def app_id_of(connection: Connection | None) -> str:
    """The WeChat account whose followers are meant: an openid is good for one account only."""
    return connection.secrets().get("app_id", "") if connection is not None else ""


class Carrier:
    """An adapter with its keys, read once for a run."""

    def __init__(self, connection: Connection) -> None:
        self.adapter: Messenger = MESSENGERS[connection.platform]
        self._secrets = connection.secrets()
        self.callback = hook_url(connection)

    def send(self, message: Message, client: requests.Session) -> Receipt:
        return self.adapter.send(message, self._secrets, client=client)


def carrier_of(channel: str) -> Carrier:
    """Raises NoCarrier."""
    connection = connection_of(channel)
    if connection is None:
        raise NoCarrier(_("Nothing is connected that sends these. See Settings → Connections."))
    return Carrier(connection)


class MailByCarrier:
    """The rendered mail, taken apart again for a provider's API."""

    def __init__(self, merchant: Merchant, campaign: Campaign, carrier: Carrier) -> None:
        self._renderer, self._carrier = Renderer(merchant, campaign), carrier
        self.links = self._renderer.links

    def render(self, mail: Mail) -> Letter:
        outgoing = self._renderer.render(mail)
        message = message_of(outgoing.data, to=outgoing.rcpt_to, reference=mail.row.message_id.strip("<>"))
        return Letter(mail.row.delivery_id, message)


def message_of(data: bytes, *, to: str, reference: str) -> Message:
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    headers = {name: str(value) for name, value in parsed.items() if name.lower() not in OWN_HEADERS}
    return Message(
        to=to,
        reference=reference,
        subject=str(parsed["Subject"] or ""),
        text=_part(parsed, "plain"),
        html=_part(parsed, "html"),
        sender=str(parsed["From"] or ""),
        headers=headers,
    )


def _part(parsed: EmailMessage, kind: str) -> str:
    part = parsed.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


class Words:
    """A text message or a carrier's template with its values, before anybody's name is in it. Raises
    TemplateError."""

    def __init__(self, campaign: Campaign, *, templated: bool) -> None:
        self._text: liquid.BoundedTemplate | None = None
        if templated:
            if not campaign.carrier_template.strip():
                raise TemplateError(_("Name the carrier's template."))
        elif not campaign.text.strip():
            raise TemplateError(_("Write the message."))
        else:
            self._text = liquid.parse(campaign.text.strip(), html=False)
        self._template = campaign.carrier_template.strip()
        self._values = {
            str(name): liquid.parse(str(words), html=False)
            for name, words in campaign.carrier_values.items()
            if templated
        }
        self._url = campaign.carrier_url.strip()

    def filled(
        self, context: Mapping[str, Any], *, to: str, reference: str = "", callback: str = ""
    ) -> Message:
        """Raises RenderError, ValueError for this recipient's. All values share one render's time."""
        deadline = liquid.Deadline()
        text = liquid.render(self._text, context, deadline).strip() if self._text else ""
        if self._text and not text:
            raise ValueError(_("Nothing is left of the message."))
        if len(text) > TEXT_CHARS:
            raise ValueError(_("The message is longer than %(n)s letters.") % {"n": TEXT_CHARS})
        values = {
            name: liquid.render(words, context, deadline).strip() for name, words in self._values.items()
        }
        if any(len(value) > VALUE_CHARS for value in values.values()):
            raise ValueError(_("A value is longer than %(n)s letters.") % {"n": VALUE_CHARS})
        return Message(
            to=to,
            reference=reference,
            text=text,
            template=self._template if not self._text else "",
            values=values,
            url=self._url if not self._text else "",
            callback=callback,
        )


class TextByCarrier:
    """SMS and WeChat messages. They carry no links of ours, so nothing is counted in them."""

    links: tuple[tuple[int, str], ...] = ()

    def __init__(self, campaign: Campaign, carrier: Carrier) -> None:
        self._carrier = carrier
        self._words = Words(campaign, templated=carrier.adapter.templated)

    def render(self, mail: Mail) -> Letter:
        row = mail.row
        message = self._words.filled(
            mail.context, to=row.address, reference=short(row.message_id), callback=self._carrier.callback
        )
        return Letter(row.delivery_id, message)


def short(message_id: str) -> str:
    """The part of our Message-ID that carriers of short names can give back: 32 letters that name one row."""
    return message_id.strip("<>").partition("@")[0].rpartition(".")[2][:32]
