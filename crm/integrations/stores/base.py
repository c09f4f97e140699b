"""What a store adapter is: verify, fetch, normalise, acknowledge."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets as random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from django.utils.translation import gettext as _

from crm.events.types import Text
from crm.integrations.stores.normalised import Item
from crm.lib.errors import Rejected, Unauthorised

Headers = Mapping[str, str]
Secrets = Mapping[str, str]


@dataclass(frozen=True)
class Received:
    """A delivery whose signature is right. A `ping` only asks whether we are there, and may want to hear its
    own `echo`."""

    source_id: str
    topic: str
    ping: bool = False
    echo: str = ""


@dataclass(frozen=True)
class Fetched:
    """One page of orders, as the store's hooks would have told them, and how to go on."""

    orders: list[Mapping[str, Any]]
    next_page: str | None


@dataclass(frozen=True)
class CredentialField:
    """An input of the connect page. `generated` ones we `make` ourselves, to be pasted into
    the store. `kind` is text, url or words; only words may hold more than printable ASCII."""

    name: str
    label: Text
    help: Text = ""
    secret: bool = True
    required: bool = True
    generated: bool = False
    kind: str = "text"
    make: Callable[[], str] = lambda: random.token_urlsafe(32)


@dataclass(frozen=True)
class Answer:
    """What the store wants to read after a delivery: JSON, or `text` of the given type."""

    status: int = 200
    body: dict[str, Any] = field(default_factory=dict)
    text: str | None = None
    content_type: str = "text/plain"


class StoreAdapter(Protocol):
    """One shop system. Adapters keep no state and know no database."""

    @property
    def key(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def fields(self) -> Sequence[CredentialField]: ...

    @property
    def steps(self) -> Sequence[Text]:
        """Where in the store's own settings the hook is made, and for what."""
        ...

    @property
    def order_topic(self) -> str:
        """Under which topic a fetched order is worked."""
        ...

    def verify(self, *, body: bytes, headers: Headers, secrets: Secrets) -> Received:
        """Raises Unauthorised unless the raw bytes carry the store's signature."""
        ...

    def fetch(self, *, secrets: Secrets, since: datetime | None, page: str | None) -> Fetched:
        """Orders changed since then, oldest first. Raises Upstream."""
        ...

    def normalise(self, *, topic: str, payload: Any) -> list[Item]:
        """Raises Rejected for a payload that contradicts its topic."""
        ...

    def acknowledge(self, received: Received, *, repeated: bool) -> Answer: ...


def check_signature(*, body: bytes, secret: str, given: str) -> None:
    """Raises Unauthorised unless `given` is the base64 of HMAC-SHA256 over the raw bytes."""
    wanted = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    if not secret or not hmac.compare_digest(wanted, given.strip().encode("utf-8", "replace")):
        raise Unauthorised(_("The signature doesn't fit the body and this connection's secret."))


def delivery_id(headers: Headers, name: str, topic: str, body: bytes) -> str:
    """The store's id of this delivery; without one, a digest of what it says."""
    given = headers.get(name, "").strip()
    if given and len(given) <= 150 and given.isprintable():
        return given
    return "sha256:" + hashlib.sha256(topic.encode("utf-8", "replace") + b"\n" + body).hexdigest()


def decoded(body: bytes) -> Any:
    """The JSON value. Raises Rejected."""
    try:
        return json.loads(body.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Rejected(_("The body is not JSON: %(why)s") % {"why": error}, code="not_json") from error


def objects(payload: Any, *wrappers: str) -> list[Mapping[str, Any]]:
    """The objects in a bare object, a list, or one wrapped under one of these names."""
    if isinstance(payload, dict):
        named = [payload[name] for name in wrappers if name in payload]
        if not named:
            return [payload]
        return [one for inner in named for one in objects(inner)]
    if isinstance(payload, list):
        return [one for one in payload if isinstance(one, dict)]
    return []
