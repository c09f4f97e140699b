"""What a carrier of messages is: verify what it tells, normalise it, send, and say what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

import requests
from django.conf import settings
from django.utils.translation import gettext as _

from crm.events.types import Text
from crm.integrations import http
from crm.integrations.messengers.items import InboundMail, InboundText, OptOut
from crm.integrations.messengers.reports import Channel, MessageReport
from crm.integrations.stores.base import Answer, CredentialField, Received
from crm.integrations.stores.normalised import Ignored
from crm.lib.errors import Rejected, Upstream

Secrets = Mapping[str, str]
Told = MessageReport | OptOut | InboundText | InboundMail | Ignored
KEPT_CHARS = 300


@dataclass(frozen=True)
class Call:
    """A request at our door. `url` is the public address with its query, as the carrier was given it;
    `part` names the second door of carriers that need two. `headers` don't care about case."""

    method: str
    url: str
    body: bytes
    headers: Mapping[str, str]
    part: str = ""

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    def form(self) -> dict[str, str]:
        """The fields of an urlencoded body. Raises Rejected for bytes that are not UTF-8."""
        try:
            pairs = parse_qsl(self.body.decode("utf-8"), keep_blank_values=True, errors="strict")
        except ValueError as error:
            raise Rejected(_("The body is not a form: %(why)s") % {"why": error}, code="not_form") from error
        return dict(pairs)


class Fate(StrEnum):
    """What became of one message at the moment of handing it over."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # this recipient or these words: the same again would be refused again
    DEFERRED = "deferred"  # nobody took it; later may help
    TROUBLE = "trouble"  # the connection itself: a wrong key, no money. Nobody's message would go
    UNKNOWN = "unknown"  # the request left, the answer did not come


@dataclass(frozen=True)
class Message:
    """What is to be said to one person. `reference` is our own name for it (an e-mail's Message-ID without
    brackets); SMS and WeChat messages take `text` or a `template` of the carrier with its `values`."""

    to: str
    reference: str = ""
    text: str = ""
    subject: str = ""
    html: str = ""
    sender: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    callback: str = ""


@dataclass(frozen=True)
class Receipt:
    """`code` and `text` are the carrier's own words; `wait_seconds` is how long it asks us to wait."""

    fate: Fate
    provider_id: str = ""
    code: str = ""
    text: str = ""
    wait_seconds: int = 0
    parts: int = 1


class Messenger(Protocol):
    """One carrier. Adapters keep no state and know no database."""

    @property
    def key(self) -> str: ...

    @property
    def label(self) -> Text: ...

    @property
    def channel(self) -> Channel: ...

    @property
    def fields(self) -> Sequence[CredentialField]: ...

    @property
    def steps(self) -> Sequence[Text]:
        """Where in the carrier's own settings our address is entered, and for what."""
        ...

    def parts(self, secrets: Secrets) -> Mapping[str, Text]:
        """The doors: what stands behind the address → what arrives there, "" when it is plain."""
        ...

    @property
    def kept_headers(self) -> Sequence[str]:
        """Headers without which a kept body can't be read."""
        ...

    @property
    def sends(self) -> bool:
        """False for one that only tells, because its mail leaves by SMTP."""
        ...

    @property
    def templated(self) -> bool:
        """True for one that takes its own approved templates only, with values."""
        ...

    def verify(self, call: Call, secrets: Secrets) -> Received:
        """Raises Unauthorised unless the call carries the carrier's signature."""
        ...

    def normalise(self, call: Call, secrets: Secrets, *, topic: str, received_at: datetime) -> list[Told]:
        """Raises Rejected for a body that contradicts its topic, Upstream when more had to be fetched."""
        ...

    def acknowledge(self, received: Received, *, repeated: bool) -> Answer: ...

    def send(self, message: Message, secrets: Secrets, *, client: requests.Session | None = None) -> Receipt:
        """Hands over one message, outside any transaction. Raises nothing that the carrier causes."""
        ...


# The request may have been worked although its answer says otherwise: a gateway gave up waiting.
GATEWAY_GAVE_UP = {502, 504, 520, 522, 524}


def fate_of_status(status: int) -> Fate:
    """What an HTTP status says about a message that was handed over."""
    if 200 <= status < 300:
        return Fate.ACCEPTED
    if status in GATEWAY_GAVE_UP:
        return Fate.UNKNOWN
    if status in {408, 425, 429} or status >= 500:
        return Fate.DEFERRED
    return Fate.TROUBLE if status in {401, 402, 403, 404, 405, 407} else Fate.REFUSED


def fate_of_upstream(error: Upstream) -> Receipt:
    """No answer came: deferred when nothing can have left, unknown when the message may be out."""
    if error.code_name == "private_address" or (not error.retryable and error.code_name != "too_large"):
        return Receipt(Fate.TROUBLE, code=error.code_name, text=str(error.message)[:KEPT_CHARS])
    fate = Fate.DEFERRED if error.code_name == http.UNREACHED else Fate.UNKNOWN
    return Receipt(fate, code=error.code_name, text=str(error.message)[:KEPT_CHARS])


def retry_after(headers: Mapping[str, str]) -> int:
    """Seconds, at most an hour; 0 when the carrier doesn't say, or says it as a date."""
    given = headers.get("retry-after", "").strip()
    return min(int(given), 3600) if given.isascii() and given.isdigit() and len(given) < 10 else 0


def checked_url(url: str) -> str:
    """The address without a slash at its end: https, because keys travel with every request. Plain http only
    where loopback is allowed, for tests. Raises Upstream."""
    parts = urlsplit(url)
    loopback = settings.OUTGOING_ALLOW_LOOPBACK and parts.hostname == "127.0.0.1"
    if not parts.hostname or (parts.scheme != "https" and not loopback):
        raise Upstream(_("The address must start with https://."), retryable=False)
    return url.rstrip("/")
