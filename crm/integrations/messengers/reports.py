"""What a carrier says afterwards about a message: the same words for every provider, mailbox and channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Channel(StrEnum):
    """The way a message goes; the values of customers.models.consent.Channel."""

    EMAIL = "email"
    SMS = "sms"
    WECHAT = "wechat"


class ReportKind(StrEnum):
    DELIVERED = "delivered"
    DEFERRED = "deferred"  # the carrier keeps trying
    BOUNCED = "bounced"  # came back; see `permanent`
    REJECTED = "rejected"  # the carrier itself would not take it (its own suppression list, a bad address)
    COMPLAINED = "complained"  # the recipient called it spam
    UNSUBSCRIBED = "unsubscribed"
    OPENED = "opened"
    CLICKED = "clicked"


@dataclass(frozen=True, slots=True)
class MessageReport:
    """One fact about one message. Times are UTC.

    `message_id` is our own Message-ID without its angle brackets, `provider_id` the carrier's name for the
    message; either may be empty, and so may `recipient` when the carrier leaves it out. `permanent` is True
    for a hard bounce, False for a soft one, None where the carrier does not say. `code` is the enhanced
    status (RFC 3463, such as 5.1.1) or the carrier's own code. `report_id` names the report itself, so that
    one told twice counts once.
    """

    channel: Channel
    kind: ReportKind
    occurred_at: datetime
    recipient: str = ""
    message_id: str = ""
    provider_id: str = ""
    permanent: bool | None = None
    code: str = ""
    text: str = ""
    url: str = ""
    user_agent: str = ""
    report_id: str = ""
