"""SMS by Aliyun's API of 2017-05-25: approved templates under a 【signature】, to China and abroad."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets as random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

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
)
from crm.integrations.messengers.items import InboundText, OptOut
from crm.integrations.messengers.reports import Channel, MessageReport, ReportKind
from crm.integrations.messengers.texting import means_stop
from crm.integrations.stores.base import Answer, CredentialField, Received, decoded, delivery_id, objects
from crm.integrations.stores.normalised import Ignored
from crm.lib import signatures
from crm.lib.errors import Rejected, Unauthorised, Upstream

API = "https://dysmsapi.aliyuncs.com"
VERSION = "2017-05-25"
CHINA = timezone(timedelta(hours=8))  # Aliyun's times bear no zone
REPORT, UP = "SmsReport", "SmsUp"
TOKEN = "hook_token"
# https://help.aliyun.com/document_detail/101346.html: answers by whom they concern.
LATER = {"isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL", "Throttling", "Throttling.User"}
PERSONAL = {
    *("isv.MOBILE_NUMBER_ILLEGAL", "isv.MOBILE_COUNT_OVER_LIMIT", "isv.BLACK_KEY_CONTROL_LIMIT"),
    *("isv.PARAM_LENGTH_LIMIT", "isv.PARAM_NOT_SUPPORT_URL", "isv.TEMPLATE_MISSING_PARAMETERS"),
    *("isv.TEMPLATE_PARAMS_ILLEGAL", "isv.SMS_CONTENT_ILLEGAL", "isv.INVALID_JSON_PARAM"),
    *("isv.INVALID_PARAMETERS", "isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE", "VALVE:M_MC", "VALVE:H_MC"),
}
MAYBE = {"isp.SYSTEM_ERROR", "ServiceUnavailable", "InternalError"}
# Reports of the networks: a number that nobody has, and people who forbade messages.
GONE = {"MK:0000", "MK:0001", "UNKNOWN", "NOROUTE"}
AWAY = {"EXPIRED", "UNDELIV", "MK:0004", "MK:0005", "MK:0013", "LIMIT"}


class Aliyun:
    key = "aliyun"
    label = gettext_lazy("Aliyun SMS")
    channel = Channel.SMS
    sends = True
    templated = True
    kept_headers = ("content-type",)
    fields = (
        CredentialField("access_key_id", "AccessKey ID", secret=False),
        CredentialField("access_key_secret", "AccessKey Secret"),
        CredentialField(
            "sign_name",
            gettext_lazy("Signature"),
            gettext_lazy("As it was approved, without 【】."),
            secret=False,
            kind="words",
        ),
        CredentialField(
            "api_url",
            gettext_lazy("Address of the API"),
            gettext_lazy("Only when your account lives in another region. Otherwise leave it empty."),
            secret=False,
            required=False,
            kind="url",
        ),
        CredentialField(TOKEN, gettext_lazy("Secret of the address"), generated=True),
    )
    steps = (
        gettext_lazy("In Aliyun's SMS console, open Settings → Message receipts → HTTP batch push."),
        gettext_lazy("Paste this address for SmsReport (delivery reports) and for SmsUp (answers)."),
    )

    def parts(self, secrets: Secrets) -> Mapping[str, Text]:
        """Aliyun signs nothing: the address itself is the secret."""
        return {secrets.get(TOKEN, ""): ""}

    def verify(self, call: Call, secrets: Secrets) -> Received:
        if not signatures.same(secrets.get(TOKEN, ""), call.part):
            raise Unauthorised(_("The address is not the one that was given to Aliyun."))
        if call.method != "POST":
            return Received("ping", "ping", ping=True)
        first = next(iter(objects(decoded(call.body))), {})
        topic = UP if "content" in first else REPORT
        return Received(delivery_id(call.headers, "", topic, call.body), topic)

    def normalise(self, call: Call, secrets: Secrets, *, topic: str, received_at: datetime) -> list[Told]:
        found = objects(decoded(call.body))
        if not found:
            raise Rejected(
                _("The body holds no object of “%(topic)s”.") % {"topic": topic}, code="bad_payload"
            )
        return [_up(one) if topic == UP else _report(one, received_at) for one in found]

    def acknowledge(self, received: Received, *, repeated: bool) -> Answer:
        return Answer(200, {"code": 0, "msg": "成功"})

    def send(self, message: Message, secrets: Secrets, *, client: requests.Session | None = None) -> Receipt:
        asked = {
            "Action": "SendSms",
            "PhoneNumbers": national(message.to),
            "SignName": secrets.get("sign_name", ""),
            "TemplateCode": message.template,
            "TemplateParam": json.dumps(dict(message.values), ensure_ascii=False),
            "OutId": message.reference[:64],
        }
        params = signed(asked, secrets, at=datetime.now(UTC), nonce=random.token_hex(16))
        try:
            url = checked_url(secrets.get("api_url") or API)
            answer = http.send(
                "POST",
                url + "/",
                data=canonical(params).encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                client=client,
            )
        except Upstream as error:
            return fate_of_upstream(error)
        return _receipt(answer)


# ------------------------------------------------------------------------------- the signed call


def escaped(text: str) -> str:
    """RFC 3986, with ~ left alone, as Aliyun's signature asks for."""
    return quote(text, safe="~")


def canonical(params: Mapping[str, str]) -> str:
    return "&".join(f"{escaped(name)}={escaped(value)}" for name, value in sorted(params.items()))


def signed(asked: Mapping[str, str], secrets: Secrets, *, at: datetime, nonce: str) -> dict[str, str]:
    """The parameters with who asks and the signature: HMAC-SHA1 over method, path and sorted parameters
    (https://help.aliyun.com/document_detail/315526.html). Good for 15 minutes and one nonce."""
    params = {
        **asked,
        "AccessKeyId": secrets.get("access_key_id", ""),
        "Format": "JSON",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": nonce,
        "SignatureVersion": "1.0",
        "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Version": VERSION,
    }
    return params | {"Signature": signature("POST", params, secrets.get("access_key_secret", ""))}


def signature(method: str, params: Mapping[str, str], secret: str) -> str:
    said = f"{method}&%2F&{escaped(canonical(params))}"
    mac = hmac.new(f"{secret}&".encode(), said.encode(), hashlib.sha1).digest()
    return base64.b64encode(mac).decode()


def national(phone: str) -> str:
    """Chinese numbers without their country, others as digits: how Aliyun writes them."""
    return phone.removeprefix("+86") if phone.startswith("+86") else phone.lstrip("+")


def e164(phone: str) -> str:
    digits = "".join(letter for letter in phone if letter.isdecimal() and letter.isascii())
    if len(digits) == 11 and digits.startswith("1"):
        return f"+86{digits}"
    return f"+{digits.removeprefix('00')}" if digits else ""


def _receipt(answer: http.Answered) -> Receipt:
    """Aliyun says no with 200 as well as with 4xx; what counts is its code."""
    try:
        said: Any = json.loads(answer.body)
    except ValueError:
        said = None
    if not isinstance(said, dict) or not said.get("Code"):
        fate = fate_of_status(answer.status)
        fate = Fate.UNKNOWN if fate is Fate.ACCEPTED else fate
        return Receipt(fate, code=str(answer.status), text=_("The answer can't be read."))
    code, text = str(said["Code"]), str(said.get("Message") or "")[:KEPT_CHARS]
    if code == "OK":
        return Receipt(Fate.ACCEPTED, str(said.get("BizId") or "")[:200])
    if code in LATER:
        return Receipt(Fate.DEFERRED, code=code, text=text, wait_seconds=60)
    if code in PERSONAL:
        return Receipt(Fate.REFUSED, code=code, text=text)
    return Receipt(Fate.UNKNOWN if code in MAYBE else Fate.TROUBLE, code=code, text=text)


# ------------------------------------------------------------------------------- what Aliyun tells


def _instant(text: Any, received_at: datetime) -> datetime:
    try:
        return datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA).astimezone(UTC)
    except ValueError:
        return received_at


def _report(one: Mapping[str, Any], received_at: datetime) -> Told:
    good, code = one.get("success") is True, str(one.get("err_code") or "")
    named = str(one.get("biz_id") or "")
    recipient = e164(str(one.get("phone_number") or ""))
    if not recipient:
        return Ignored(_("A report that names nobody."))
    permanent = {**dict.fromkeys(GONE, True), **dict.fromkeys(AWAY, False)}.get(code)
    return MessageReport(
        channel=Channel.SMS,
        kind=ReportKind.DELIVERED if good else ReportKind.BOUNCED,
        occurred_at=_instant(one.get("report_time"), received_at),
        recipient=recipient,
        message_id=str(one.get("out_id") or ""),
        provider_id=named,
        permanent=None if good else permanent,
        code=code,
        text=str(one.get("err_msg") or "")[:500],
        report_id=f"{named}:{recipient}",
    )


def _up(one: Mapping[str, Any]) -> Told:
    text, sender = str(one.get("content") or ""), e164(str(one.get("phone_number") or ""))
    named = str(one.get("sequence_id") or "")
    if means_stop(text):
        return OptOut(Channel.SMS, sender, text[:500], named)
    return InboundText(Channel.SMS, sender, text, named)
