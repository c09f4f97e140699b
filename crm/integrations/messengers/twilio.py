"""SMS by Twilio's API of 2010-04-01, which others speak too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import requests
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.events.types import Text
from crm.integrations import http
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
    fate_of_upstream,
    retry_after,
)
from crm.integrations.messengers.items import InboundText, OptOut
from crm.integrations.messengers.reports import Channel, MessageReport, ReportKind
from crm.integrations.messengers.texting import means_stop
from crm.integrations.stores.base import Answer, CredentialField, Received
from crm.integrations.stores.normalised import Ignored
from crm.lib import signatures
from crm.lib.errors import Rejected, Unauthorised, Upstream

API = "https://api.twilio.com"
STATUS, INBOUND = "status", "inbound"
KINDS = {
    "delivered": ReportKind.DELIVERED,
    "undelivered": ReportKind.BOUNCED,
    "failed": ReportKind.REJECTED,
    "read": ReportKind.OPENED,
}
# https://www.twilio.com/docs/api/errors: the number itself is the reason, and stays it.
GONE = {"30005", "30006", "21211", "21614", "21217"}
AWAY = {"30003", "30008", "30017", "30018"}
OPTED_OUT = "21610"
# Refusals that no other recipient would escape: key, account, money, our own number.
OURS = {"20003", "20005", "20404", "21212", "21603", "21606", "21611", "21659", "21660", "21703", "30002"}


class Twilio:
    key = "twilio"
    label = "Twilio"
    channel = Channel.SMS
    sends = True
    templated = False
    kept_headers = ("content-type",)
    fields = (
        CredentialField(
            "account_sid", gettext_lazy("Account SID"), gettext_lazy("Begins with AC."), secret=False
        ),
        CredentialField(
            "auth_token", gettext_lazy("Auth token"), gettext_lazy("Also signs what Twilio tells us.")
        ),
        CredentialField(
            "sender",
            gettext_lazy("Sender"),
            gettext_lazy("Your number, such as +15017122661, or a messaging service (begins with MG)."),
            secret=False,
        ),
        CredentialField(
            "api_url",
            gettext_lazy("Address of the API"),
            gettext_lazy("Only for another region or another provider that speaks the same API."),
            secret=False,
            required=False,
            kind="url",
        ),
    )
    steps = (
        gettext_lazy("In Twilio's console, open your number or messaging service → Messaging."),
        gettext_lazy("Paste this address under “A message comes in”, so that answers and STOP arrive."),
        gettext_lazy("Delivery reports need nothing: each message says where they go."),
    )

    def parts(self, secrets: Secrets) -> Mapping[str, Text]:
        return {"": ""}

    def verify(self, call: Call, secrets: Secrets) -> Received:
        token = secrets.get("auth_token", "")
        params = {} if (digest := call.query.get("bodySHA256")) else call.form()
        if digest and not signatures.same(signatures.twilio_body(call.body), digest):
            raise Unauthorised(_("The body is not the one that was signed."))
        wanted = signatures.twilio(url=call.url, params=params, token=token) if token else ""
        if not signatures.same(wanted, call.headers.get("X-Twilio-Signature", "")):
            raise Unauthorised(_("The signature doesn't fit the body and this connection's secret."))
        if call.method != "POST":
            return Received("ping", "ping", ping=True)
        named, state = params.get("MessageSid", "") or params.get("SmsSid", ""), status_of(params)
        if not named:
            raise Rejected(_("The call names no message."), code="no_message")
        topic = STATUS if state and state != "received" else INBOUND
        return Received(f"{named}:{state}"[:200], topic)

    def normalise(self, call: Call, secrets: Secrets, *, topic: str, received_at: datetime) -> list[Told]:
        said = call.form()
        return [_answer(said) if topic == INBOUND else _status(said, received_at)]

    def acknowledge(self, received: Received, *, repeated: bool) -> Answer:
        """No answer by message."""
        return Answer(text="<Response></Response>", content_type="text/xml")

    def send(self, message: Message, secrets: Secrets, *, client: requests.Session | None = None) -> Receipt:
        sender = secrets.get("sender", "")
        form = {"To": message.to, "Body": message.text}
        form["MessagingServiceSid" if sender.startswith("MG") else "From"] = sender
        if message.callback:
            form["StatusCallback"] = message.callback
        account = secrets.get("account_sid", "")
        try:
            url = checked_url(secrets.get("api_url") or API)
            answer = http.send(
                "POST",
                f"{url}/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json",
                data=urlencode(form).encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                auth=(account, secrets.get("auth_token", "")),
                client=client,
            )
        except Upstream as error:
            return fate_of_upstream(error)
        return _receipt(answer)


def status_of(params: Mapping[str, str]) -> str:
    return (params.get("MessageStatus") or params.get("SmsStatus") or "").lower()


def _status(said: Mapping[str, str], received_at: datetime) -> Told:
    state, code = status_of(said), said.get("ErrorCode", "")
    named = said.get("MessageSid", "") or said.get("SmsSid", "")
    if code == OPTED_OUT:  # Twilio heard them say so before we did
        return OptOut(Channel.SMS, said.get("To", ""), "STOP", named)
    kind = KINDS.get(state)
    if kind is None:
        return Ignored(_("“%(what)s” is not used here.") % {"what": state})
    permanent = {**dict.fromkeys(GONE, True), **dict.fromkeys(AWAY, False)}.get(code)
    return MessageReport(
        channel=Channel.SMS,
        kind=kind,
        occurred_at=received_at,
        recipient=said.get("To", ""),
        provider_id=named,
        permanent=permanent if kind in {ReportKind.BOUNCED, ReportKind.REJECTED} else None,
        code=code,
        text=said.get("ErrorMessage", "")[:500],
        report_id=f"{named}:{state}",
    )


def _answer(said: Mapping[str, str]) -> Told:
    named, text = said.get("MessageSid", "") or said.get("SmsSid", ""), said.get("Body", "")
    if said.get("OptOutType", "").upper() == "STOP" or means_stop(text):
        return OptOut(Channel.SMS, said.get("From", ""), text[:500], named)
    return InboundText(Channel.SMS, said.get("From", ""), text, named)


def _receipt(answer: http.Answered) -> Receipt:
    try:
        said: Any = json.loads(answer.body)
        said = said if isinstance(said, dict) else {}
    except ValueError:
        said = {}
    fate, code = fate_of_status(answer.status), str(said.get("code") or answer.status)
    text = str(said.get("message") or "")[:KEPT_CHARS]
    if fate is Fate.ACCEPTED:
        if not said.get("sid"):
            return Receipt(Fate.UNKNOWN, code="answer", text=_("The answer can't be read."))
        segments = str(said.get("num_segments") or "1")
        return Receipt(fate, str(said["sid"])[:200], parts=int(segments) if segments.isdecimal() else 1)
    if fate is Fate.REFUSED and code in OURS:
        fate = Fate.TROUBLE
    return Receipt(fate, code=code, text=text, wait_seconds=retry_after(answer.headers))
