"""Anymail's webhook views where its own reach for the network, for boto3 or for svix: the same readers, over
the house's HTTP client and `standardwebhooks`.

They are never routed: an adapter makes one for a call, with the connection's own keys.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from anymail.exceptions import AnymailConfigurationError, AnymailNotSupportedWarning
from anymail.exceptions import AnymailWebhookValidationFailure as Forged
from anymail.inbound import AnymailInboundMessage
from anymail.webhooks import amazon_ses, brevo, mailtrap, resend, sendgrid
from anymail.webhooks.base import AnymailBaseWebhookView
from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from crm.integrations import http
from crm.lib.errors import Upstream

# anymail has no types, so each of its views is Any to mypy: that is what is ignored at the classes below.

# A whole incoming mail with its pictures.
LARGEST_MAIL = 25 * 2**20


def view_class(module: str, name: str) -> type[AnymailBaseWebhookView]:
    """Ours when we have one of that name, else anymail's."""
    found: type[AnymailBaseWebhookView]
    found = globals().get(name) or import_string(f"anymail.webhooks.{module}.{name}")
    return found


def fetch(url: str, headers: dict[str, str] | None = None) -> http.Answered:
    """What a provider keeps for us to get. Raises Upstream."""
    answer = http.send("GET", url, headers=headers, largest=LARGEST_MAIL)
    if answer.status != 200:
        raise Upstream(
            f"{urlsplit(url).hostname} answered {answer.status}.",
            retryable=answer.status >= 500 or answer.status == 429,
        )
    return answer


def attachment(url: str, headers: dict[str, str] | None, kind: str, name: str | None, cid: str | None) -> Any:
    answer = fetch(url, headers)
    return AnymailInboundMessage.construct_attachment(
        content_type=answer.headers.get("content-type") or kind,
        content=answer.body,
        filename=name,
        content_id=cid,
    )


# --------------------------------------------------------------------------------------- Amazon


class SnsWithoutBoto:
    """A subscription is confirmed by the address that Amazon sends along, by the adapter."""

    confirm_url = ""

    def __init__(self, **kwargs: Any) -> None:
        self.auto_confirm_enabled = True
        super(amazon_ses.AmazonSESBaseWebhookView, self).__init__(**kwargs)

    def auto_confirm_sns_subscription(self, sns_message: dict[str, Any]) -> None:
        """Only a call that knew our password gets here."""
        self.confirm_url = sns_address(str(sns_message.get("SubscribeURL", "")))


class SesTracking(SnsWithoutBoto, amazon_ses.AmazonSESTrackingWebhookView):  # type: ignore[misc]
    pass


class SesInbound(SnsWithoutBoto, amazon_ses.AmazonSESInboundWebhookView):  # type: ignore[misc]
    def fetch_s3_chunks(self, bucket_name: str, object_key: str) -> Iterator[bytes]:
        raise AnymailConfigurationError(
            f"The mail lies in the S3 bucket {bucket_name!r}. Let the receipt rule publish to SNS instead."
        )


def sns_address(url: str) -> str:
    """Amazon's own address. Raises AnymailConfigurationError for any other: it would be fetched."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    ours = host.startswith("sns.") and host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    amazon = ours and parts.scheme == "https"
    if not amazon and not (settings.OUTGOING_ALLOW_LOOPBACK and host == "127.0.0.1"):
        raise AnymailConfigurationError(f"{url[:200]!r} is no address of Amazon SNS.")
    return url


# --------------------------------------------------------------------------------------- Resend


class SignedByStandardWebhooks:
    """Svix's signature is that of Standard Webhooks under other header names. Five minutes either way."""

    secret_name = "signing_secret"
    _hook: Webhook | None = None

    def __init__(self, **kwargs: Any) -> None:
        if secret := kwargs.pop(self.secret_name, None):
            try:
                self._hook = Webhook(secret)
            except (ValueError, EmptyWebhookSecretError) as error:
                raise AnymailConfigurationError(f"The signing secret can't be used: {error}") from error
        super().__init__(**{**kwargs, self.secret_name: None})

    def validate_request(self, request: HttpRequest) -> None:
        if self._hook is None:
            return
        names = ("id", "timestamp", "signature")
        headers = {f"webhook-{name}": request.headers.get(f"svix-{name}", "") for name in names}
        try:
            self._hook.verify(request.body, headers)
        except (WebhookVerificationError, ValueError) as error:
            raise Forged(f"The signature doesn't fit: {error}") from error


class ResendTracking(SignedByStandardWebhooks, resend.ResendTrackingWebhookView):  # type: ignore[misc]
    pass


class ResendInbound(SignedByStandardWebhooks, resend.ResendInboundWebhookView):  # type: ignore[misc]
    secret_name = "inbound_secret"

    def _fetch_inbound_email(self, email_id: str) -> Any:
        answer = fetch(
            f"{self.api_url}emails/receiving/{quote(email_id, safe='')}",
            {"Authorization": f"Bearer {self.api_key}"},
        )
        said = json.loads(answer.body)
        if raw := (said.get("raw") or {}).get("download_url"):
            return AnymailInboundMessage.parse_raw_mime_bytes(fetch(raw).body)
        return self._built(said)

    def _built(self, said: dict[str, Any]) -> Any:
        given = said.get("headers") or {}
        pairs: Iterable[tuple[str, Any]] = (
            given.items() if isinstance(given, dict) else [(one["name"], one["value"]) for one in given]
        )
        message = AnymailInboundMessage.construct(
            from_email=said.get("from"),
            to=", ".join(said.get("to") or []) or None,
            cc=", ".join(said.get("cc") or []) or None,
            subject=said.get("subject"),
            headers=[
                (name, value)
                for name, values in pairs
                for value in (values if isinstance(values, list) else [values])
            ],
            text=said.get("text"),
            html=said.get("html"),
            attachments=[self._attachment(one) for one in said.get("attachments") or []],
        )
        if said.get("message_id") and "Message-ID" not in message:
            message["Message-ID"] = said["message_id"]
        return message

    def _attachment(self, one: dict[str, Any]) -> Any:
        kind = one.get("content_type") or "application/octet-stream"
        return attachment(one["download_url"], None, kind, one.get("filename"), one.get("content_id"))


# --------------------------------------------------------------------------------------- others


class BrevoInbound(brevo.BrevoInboundWebhookView):  # type: ignore[misc]
    def _fetch_attachment(self, one: dict[str, Any]) -> Any:
        url = f"{self.api_url}inbound/attachments/{quote(one['DownloadToken'], safe='')}"
        key = {"api-key": self.api_key}
        return attachment(url, key, one["ContentType"], one.get("Name"), one.get("ContentID"))


class MailtrapInbound(mailtrap.MailtrapInboundWebhookView):  # type: ignore[misc]
    def fetch_inbound_message(self, inbox_id: int, message_id: str) -> Any:
        url = f"{self.api_url}inbound/inboxes/{int(inbox_id)}/messages/{quote(str(message_id), safe='')}"
        return json.loads(fetch(url, {"Authorization": f"Bearer {self.api_token}"}).body)

    def fetch_raw_message_chunks(self, raw_message_url: str) -> Iterator[bytes]:
        yield fetch(raw_message_url).body


class SendGridTracking(sendgrid.SendGridTrackingWebhookView):  # type: ignore[misc]
    def __init__(self, **kwargs: Any) -> None:
        with warnings.catch_warnings():  # anymail says that it has no account there to test with
            warnings.simplefilter("ignore", AnymailNotSupportedWarning)
            super().__init__(**kwargs)


class SendGridInbound(sendgrid.SendGridInboundWebhookView):  # type: ignore[misc]
    def __init__(self, **kwargs: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AnymailNotSupportedWarning)
            super().__init__(**kwargs)
