"""Mail providers through django-anymail: its webhook readers and its backends, with a connection's own keys
and never with the installation's settings."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parseaddr
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailConfigurationError,
    AnymailError,
    AnymailRecipientsRefused,
    AnymailRequestsAPIError,
    AnymailWebhookValidationFailure,
)
from anymail.utils import get_request_basic_auth
from django.core.handlers.wsgi import WSGIRequest
from django.core.mail import EmailMultiAlternatives
from django.http.multipartparser import MultiPartParserError
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from requests_hardened.ip_filter import InvalidIPAddress

from crm.events.types import Text
from crm.integrations import http
from crm.integrations.messengers import anymail_views as views
from crm.integrations.messengers.base import (
    KEPT_CHARS,
    Call,
    Fate,
    Message,
    Receipt,
    Secrets,
    Told,
    checked_url,
    fate_of_status,
    retry_after,
)
from crm.integrations.messengers.items import InboundMail
from crm.integrations.messengers.permanence import enhanced_code, is_permanent
from crm.integrations.messengers.providers import LOGIN, Provider, made_login
from crm.integrations.messengers.reports import Channel, MessageReport, ReportKind
from crm.integrations.stores.base import Answer, CredentialField, Received, delivery_id
from crm.integrations.stores.normalised import Ignored
from crm.lib.errors import Rejected, Unauthorised, Upstream

TRACKING, INBOUND = "tracking", "inbound"
# Told by headers alone: the provider's name of the delivery.
DELIVERY_HEADERS = ("svix-id", "x-amz-sns-message-id")
# What a reader of recorded bodies raises when a provider says something that it does not know.
UNREADABLE = (
    AnymailError,
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    AssertionError,
    MultiPartParserError,
)
KINDS = {
    "delivered": ReportKind.DELIVERED,
    "deferred": ReportKind.DEFERRED,
    "bounced": ReportKind.BOUNCED,
    "rejected": ReportKind.REJECTED,
    "failed": ReportKind.REJECTED,
    "complained": ReportKind.COMPLAINED,
    "unsubscribed": ReportKind.UNSUBSCRIBED,
    "opened": ReportKind.OPENED,
    "clicked": ReportKind.CLICKED,
}
# Under this name our own Message-ID travels with a mail and comes back with its reports.
REFERENCE = "guanxi"


class AnymailMessenger:
    channel = Channel.EMAIL
    templated = False
    kept_headers = ("content-type", *DELIVERY_HEADERS)

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.key, self.label, self.sends = provider.key, provider.label, provider.sends
        login = CredentialField(LOGIN, gettext_lazy("Name and password"), generated=True, make=made_login)
        self.fields = (*provider.fields, *([login] if provider.login else []))
        self.steps = (
            gettext_lazy("In the provider's settings, open Webhooks and add one for delivery events."),
            gettext_lazy(
                "Paste this address. Choose: delivered, bounced, deferred, complained, unsubscribed."
            ),
        )

    # ------------------------------------------------------------------------ what the provider tells

    def verify(self, call: Call, secrets: Secrets) -> Received:
        if call.method != "POST":  # some look whether anybody is there before they are saved
            return Received("ping", "ping", ping=True)
        part = call.part or TRACKING
        view, request = self._view(part, call, secrets), request_of(call)
        try:
            view.run_validators(request)
        except AnymailWebhookValidationFailure as error:
            raise Unauthorised(str(error)) from error
        except AnymailConfigurationError as error:
            raise Unauthorised(_("The connection lacks a key: %(why)s") % {"why": error}) from error
        except UNREADABLE as error:
            raise Rejected(
                _("The body can't be read: %(why)s") % {"why": error}, code="unreadable"
            ) from error
        named = next((name for name in DELIVERY_HEADERS if call.headers.get(name)), "")
        return Received(delivery_id(call.headers, named, part, call.body), part)

    def events(self, call: Call, secrets: Secrets, part: str) -> list[Any]:
        """Anymail's own events of one body. Raises Rejected, Upstream."""
        view = self._view(part, call, secrets)
        try:
            found: list[Any] = view.parse_events(request_of(call))
        except (*UNREADABLE, AnymailConfigurationError) as error:
            text = _("The body can't be read: %(why)s") % {"why": str(error) or repr(error)}
            raise Rejected(text, code="unreadable") from error
        if confirm := getattr(view, "confirm_url", ""):
            views.fetch(confirm)
        return [event for event in found if event is not None]

    def normalise(self, call: Call, secrets: Secrets, *, topic: str, received_at: datetime) -> list[Told]:
        told = [told_of(event, received_at) for event in self.events(call, secrets, topic)]
        return told or [Ignored(_("No news of a message."))]

    def parts(self, secrets: Secrets) -> Mapping[str, Text]:
        return {"": "", **({INBOUND: _("Incoming mail")} if self.provider.inbound else {})}

    def acknowledge(self, received: Received, *, repeated: bool) -> Answer:
        return Answer(200, {"received": True, "repeated": repeated})

    def _view(self, part: str, call: Call, secrets: Secrets) -> Any:
        provider = self.provider
        name = provider.inbound if part == INBOUND else provider.tracking
        if part not in {TRACKING, INBOUND} or not name:
            raise Rejected(_("%(who)s has no such door.") % {"who": self.label}, code="no_such_part")
        takes = provider.inbound_takes if part == INBOUND else provider.tracking_takes
        kwargs: dict[str, Any] = {one: secrets[one] for one in takes if secrets.get(one)}
        kwargs["webhook_secret"] = secrets.get(LOGIN, "").split()
        if "webhook_key" in takes and provider.key == "mandrill":
            kwargs["webhook_url"] = address_with_login(call)
        signed = bool(set(takes) & set(kwargs) - {"api_url", "api_token"})
        if not kwargs["webhook_secret"] and not signed:
            raise Unauthorised(_("The connection has no secret to check this with."))
        try:
            return views.view_class(provider.key, name)(**kwargs)
        except (AnymailConfigurationError, ValueError) as error:
            raise Unauthorised(_("The connection lacks a key: %(why)s") % {"why": error}) from error

    # ------------------------------------------------------------------------ sending

    def send(self, message: Message, secrets: Secrets, *, client: requests.Session | None = None) -> Receipt:
        email = email_of(message, metadata=self.provider.metadata)
        try:
            backend = self._backend(secrets)
            backend.session = client or http.session()
            try:
                backend.send_messages([email])
            finally:
                if client is None:
                    backend.session.close()
        except (Upstream, AnymailConfigurationError) as error:
            return Receipt(Fate.TROUBLE, code="settings", text=str(error)[:KEPT_CHARS])
        except AnymailRecipientsRefused as error:
            return Receipt(Fate.REFUSED, code="refused", text=_words(error))
        except AnymailRequestsAPIError as error:
            return receipt_of_error(error)
        except AnymailAPIError as error:  # accepted, and the answer makes no sense
            return Receipt(Fate.UNKNOWN, code="answer", text=str(error)[:KEPT_CHARS])
        except (AnymailError, ValueError) as error:  # an address or a header that the provider can't say
            return Receipt(Fate.REFUSED, code="unsupported", text=str(error)[:KEPT_CHARS])
        return Receipt(Fate.ACCEPTED, _provider_id(email))

    def _backend(self, secrets: Secrets) -> Any:
        if not self.sends:
            text = _("%(who)s only reports here; send through its SMTP server.") % {"who": self.label}
            raise Upstream(text, retryable=False)
        kwargs = {one: secrets[one] for one in self.provider.sending_takes if secrets.get(one)}
        if url := kwargs.get("api_url"):
            kwargs["api_url"] = checked_url(url) + "/"
        return backend_class(self.key)(**kwargs)


@cache
def backend_class(key: str) -> Any:
    return import_string(f"anymail.backends.{key}.EmailBackend")


def email_of(message: Message, *, metadata: bool) -> EmailMultiAlternatives:
    email = EmailMultiAlternatives(
        message.subject, message.text, message.sender or None, [message.to], headers=dict(message.headers)
    )
    if message.html:
        email.attach_alternative(message.html, "text/html")
    if metadata and message.reference:
        email.metadata = {REFERENCE: message.reference}  # type: ignore[attr-defined]
    return email


def _provider_id(email: Any) -> str:
    given = email.anymail_status.message_id
    return str(given or "").strip("<>")[:200]


def _words(error: AnymailError) -> str:
    status = getattr(getattr(error, "email_message", None), "anymail_status", None)
    said = ", ".join(sorted(status.status)) if status is not None and status.status else str(error)
    return said[:KEPT_CHARS]


def receipt_of_error(error: AnymailRequestsAPIError) -> Receipt:
    """Refused words from the provider, or a line that broke before or after the mail had left."""
    response = getattr(error, "response", None)
    if response is None:
        inside = any(isinstance(one, InvalidIPAddress) for one in (error, error.__cause__))
        if inside:
            return Receipt(Fate.TROUBLE, code="private_address", text=str(error)[:KEPT_CHARS])
        early = http.unreached(error) or http.unreached(error.__cause__ or error)
        fate = Fate.DEFERRED if early else Fate.UNKNOWN
        return Receipt(fate, code=http.UNREACHED if early else "", text=str(error)[:KEPT_CHARS])
    status = int(response.status_code)
    fate = Fate.UNKNOWN if 200 <= status < 300 else fate_of_status(status)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Receipt(fate, code=str(status), text=response.text[:KEPT_CHARS], wait_seconds=retry_after(headers))


# ---------------------------------------------------------------------------- events into reports


def told_of(event: Any, received_at: datetime) -> Told:
    if event.event_type == "inbound":
        if event.message is None:
            return Ignored(_("A mail without content."))
        return InboundMail(event.message.as_bytes())
    kind = KINDS.get(event.event_type)
    if kind is None:
        return Ignored(_("“%(what)s” is not used here.") % {"what": event.event_type})
    provider_id = str(event.message_id or "").strip("<>")
    at = event.timestamp or received_at
    words = " ".join(str(part) for part in (event.mta_response, event.description) if part)
    named = f"{kind}\n{provider_id}\n{event.recipient}\n{at.isoformat()}\n{event.click_url or ''}"
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    return MessageReport(
        channel=Channel.EMAIL,
        kind=kind,
        occurred_at=at.astimezone(UTC),
        recipient=parseaddr(event.recipient or "")[1],
        message_id=str(metadata.get(REFERENCE, "")),
        provider_id=provider_id[:200],
        permanent=is_permanent(event) if kind is ReportKind.BOUNCED else None,
        code=enhanced_code(words) or str(event.reject_reason or ""),
        text=words[:500],
        url=event.click_url or "",
        user_agent=str(event.user_agent or "")[:500],
        report_id=f"{event.event_id or ''}:{hashlib.sha256(named.encode()).hexdigest()[:32]}".lstrip(":"),
    )


# ---------------------------------------------------------------------------- calls as Django's requests


def request_of(call: Call) -> WSGIRequest:
    """What anymail reads: the same bytes and headers behind Django's request."""
    parts = urlsplit(call.url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": call.method,
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "localhost",
        "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "wsgi.url_scheme": parts.scheme or "https",
        "CONTENT_LENGTH": str(len(call.body)),
        "wsgi.input": io.BytesIO(call.body),
    }
    for name, value in call.headers.items():
        key = name.upper().replace("-", "_")
        environ["CONTENT_TYPE" if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    environ.pop("HTTP_CONTENT_LENGTH", None)
    return WSGIRequest(environ)


def address_with_login(call: Call) -> str:
    """The address as it was entered, with name and password: Mandrill signs it."""
    parts = urlsplit(call.url)
    login = get_request_basic_auth(request_of(call))
    host = f"{login}@{parts.netloc}" if login else parts.netloc
    return urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
