"""The mail providers of django-anymail that report by webhook: what each is called, and what it must be
given. The names of the fields are anymail's own."""

from __future__ import annotations

import secrets as random
from dataclasses import dataclass, replace

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.integrations.stores.base import CredentialField

LOGIN = "hook_login"


def made_login() -> str:
    """Name and password for the address that is pasted at the provider."""
    return "guanxi:" + random.token_urlsafe(32)


def _api_url(*, required: bool = False) -> CredentialField:
    return CredentialField(
        "api_url",
        _("Address of the API"),
        _("Your own server or region, such as https://api.eu.example.com/.")
        if required
        else _("Only when your account lives in another region, such as the EU. Otherwise leave it empty."),
        secret=False,
        required=required,
        kind="url",
    )


def _key(
    name: str, label: str | Promise, help: str | Promise = "", *, required: bool = True
) -> CredentialField:
    return CredentialField(name, label, help, required=required)


API_KEY = _key("api_key", _("API key"))
API_TOKEN = _key("api_token", _("API token"))
SIGNING = _key(
    "signing_secret",
    _("Signing secret of the webhook"),
    _("The provider shows it where you enter our address. Come back here to add it."),
    required=False,
)
INBOUND = _key(
    "inbound_secret",
    _("Signing secret of incoming mail"),
    _("Only when mail comes in this way."),
    required=False,
)


@dataclass(frozen=True)
class Provider:
    """`key` is also the name of anymail's module. `tracking` and `inbound` name its view classes or ours, ""
    where there is none; `…_takes` are the fields that each takes. `login` is False for those that sign and
    can't send a password, `metadata` for those that carry no words of ours back with their reports."""

    key: str
    label: str
    fields: tuple[CredentialField, ...]
    tracking: str
    inbound: str = ""
    tracking_takes: tuple[str, ...] = ()
    inbound_takes: tuple[str, ...] = ()
    sending_takes: tuple[str, ...] = ("api_key", "api_url")
    login: bool = True
    sends: bool = True
    metadata: bool = True


PROVIDERS = (
    Provider(
        "amazon_ses",
        "Amazon SES",
        (),
        "SesTracking",
        "SesInbound",
        sending_takes=(),
        sends=False,
    ),
    Provider(
        "brevo",
        "Brevo",
        (API_KEY, _api_url()),
        "BrevoTrackingWebhookView",
        "BrevoInbound",
        inbound_takes=("api_key", "api_url"),
    ),
    Provider(
        "mailersend",
        "MailerSend",
        (API_TOKEN, SIGNING, INBOUND, _api_url()),
        "MailerSendTrackingWebhookView",
        "MailerSendInboundWebhookView",
        tracking_takes=("signing_secret",),
        inbound_takes=("inbound_secret",),
        sending_takes=("api_token", "api_url"),
        metadata=False,
    ),
    Provider(
        "mailgun",
        "Mailgun",
        (
            API_KEY,
            CredentialField("sender_domain", _("Sending domain"), secret=False, required=False),
            _key("webhook_signing_key", _("HTTP webhook signing key"), required=False),
            _api_url(),
        ),
        "MailgunTrackingWebhookView",
        "MailgunInboundWebhookView",
        tracking_takes=("webhook_signing_key",),
        inbound_takes=("webhook_signing_key",),
        sending_takes=("api_key", "sender_domain", "api_url"),
    ),
    Provider(
        "mailjet",
        "Mailjet",
        (API_KEY, _key("secret_key", _("Secret key")), _api_url()),
        "MailjetTrackingWebhookView",
        "MailjetInboundWebhookView",
        sending_takes=("api_key", "secret_key", "api_url"),
    ),
    Provider(
        "mailtrap",
        "Mailtrap",
        (API_TOKEN, replace(SIGNING, name="tracking_secret"), INBOUND, _api_url()),
        "MailtrapTrackingWebhookView",
        "MailtrapInbound",
        tracking_takes=("tracking_secret",),
        inbound_takes=("inbound_secret", "api_token", "api_url"),
        sending_takes=("api_token", "api_url"),
    ),
    Provider(
        "mandrill",
        "Mandrill (Mailchimp Transactional)",
        (
            API_KEY,
            _key(
                "webhook_key",
                _("Key of the webhook"),
                _("Mandrill shows it after you have entered our address. Come back here to add it."),
                required=False,
            ),
            _api_url(),
        ),
        "MandrillCombinedWebhookView",
        "MandrillCombinedWebhookView",
        tracking_takes=("webhook_key",),
        inbound_takes=("webhook_key",),
    ),
    Provider(
        "postal",
        "Postal",
        (
            API_KEY,
            _api_url(required=True),
            _key(
                "webhook_key",
                _("Public key of the server"),
                _("The DKIM key of your Postal server, without its first and last line."),
            ),
        ),
        "PostalTrackingWebhookView",
        "PostalInboundWebhookView",
        tracking_takes=("webhook_key",),
        inbound_takes=("webhook_key",),
        login=False,
        metadata=False,
    ),
    Provider(
        "postmark",
        "Postmark",
        (
            _key("server_token", _("Server API token")),
            CredentialField("message_stream", _("Message stream"), secret=False, required=False),
            _api_url(),
        ),
        "PostmarkTrackingWebhookView",
        "PostmarkInboundWebhookView",
        sending_takes=("server_token", "message_stream", "api_url"),
    ),
    Provider(
        "resend",
        "Resend",
        (API_KEY, SIGNING, INBOUND, _api_url()),
        "ResendTracking",
        "ResendInbound",
        tracking_takes=("signing_secret",),
        inbound_takes=("inbound_secret", "api_key", "api_url"),
    ),
    Provider(
        "sendgrid",
        "SendGrid",
        (
            API_KEY,
            _key(
                "tracking_webhook_verification_key",
                _("Verification key of the event webhook"),
                _("Under Settings → Mail settings → Signed event webhook."),
                required=False,
            ),
            _api_url(),
        ),
        "SendGridTracking",
        "SendGridInbound",
        tracking_takes=("tracking_webhook_verification_key",),
    ),
    Provider(
        "sparkpost",
        "SparkPost",
        (API_KEY, _api_url()),
        "SparkPostTrackingWebhookView",
        "SparkPostInboundWebhookView",
    ),
    Provider(
        "unisender_go",
        "Unisender Go",
        (API_KEY, _api_url(required=True)),
        "UnisenderGoTrackingWebhookView",
        tracking_takes=("api_key",),
    ),
)
