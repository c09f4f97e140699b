"""What people answer by a carrier, before an upper floor turns it into a ticket."""

from __future__ import annotations

from dataclasses import dataclass

from crm.integrations.messengers.reports import Channel


@dataclass(frozen=True, slots=True)
class InboundMail:
    """A mail that a provider received for the shop, as RFC 5322 bytes."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class OptOut:
    """Somebody answered STOP, 退订 or the like, or left a WeChat account. `sender` is a phone (E.164) or an
    openid."""

    channel: Channel
    sender: str
    text: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text message or a WeChat message of a customer that is not an opt-out."""

    channel: Channel
    sender: str
    text: str
    message_id: str = ""
