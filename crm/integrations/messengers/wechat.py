"""A WeChat official account: template messages out, what its followers do in."""

from __future__ import annotations

import hashlib
import json
import secrets as random
import string
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import requests
from django.core.cache import cache
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
from crm.integrations.messengers.wechat_messages import WeChatMessage, opened, parse, plain
from crm.integrations.stores.base import Answer, CredentialField, Received
from crm.integrations.stores.normalised import Ignored
from crm.lib import signatures
from crm.lib.crypto import decrypt, encrypt
from crm.lib.errors import Unauthorised, Upstream

API = "https://api.weixin.qq.com"
LETTERS = string.ascii_letters + string.digits
# A token is good for two hours where nothing is said; ours is asked for again this long before.
TOKEN_SECONDS, TOKEN_SPARE_SECONDS = 7_200, 300
# https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html
TOKEN_OLD = {40001, 40014, 42001}
PERSONAL = {40003, 43004, 43101, 43116, 47003, 40165}
LATER = {-1: 30, 45009: 3600, 45011: 60, 45047: 3600}
# The words of TEMPLATESENDJOBFINISH: blocked by the user stays so, the rest may mend.
BLOCKED = "user block"


def letters(count: int) -> str:
    """What WeChat takes for a token and an AES key: letters and digits."""
    return "".join(random.choice(LETTERS) for _each in range(count))


class WeChat:
    key = "wechat"
    label = gettext_lazy("WeChat official account")
    channel = Channel.WECHAT
    sends = True
    templated = True
    kept_headers = ("content-type",)
    fields = (
        CredentialField("app_id", "AppID", gettext_lazy("Begins with wx."), secret=False),
        CredentialField("app_secret", "AppSecret"),
        CredentialField("token", "Token", generated=True, make=lambda: letters(32)),
        CredentialField("aes_key", "EncodingAESKey", generated=True, make=lambda: letters(43)),
        CredentialField(
            "api_url",
            gettext_lazy("Address of the API"),
            gettext_lazy("Only behind a proxy of your own. Otherwise leave it empty."),
            secret=False,
            required=False,
            kind="url",
        ),
    )
    steps = (
        gettext_lazy("In the account's console, open Settings and development → Basic configuration."),
        gettext_lazy("Add this server's address to the IP whitelist."),
        gettext_lazy("Under Server configuration, paste this address, token and AES key; choose safe mode."),
    )

    def parts(self, secrets: Secrets) -> Mapping[str, Text]:
        return {"": ""}

    def verify(self, call: Call, secrets: Secrets) -> Received:
        query, token = call.query, secrets.get("token", "")
        stamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if call.method != "POST":
            self._check(query.get("signature", ""), token, stamp, nonce)
            return Received("ping", "ping", ping=True, echo=query.get("echostr", "")[:500])
        said = plain(call.body)
        if envelope := str(said.get("Encrypt") or ""):
            self._check(query.get("msg_signature", ""), token, stamp, nonce, envelope)
        else:
            self._check(query.get("signature", ""), token, stamp, nonce)
        message = self._message(call, secrets)
        named = (
            message.fields["id"]
            or hashlib.sha256(
                f"{message.source}\n{message.fields['time']}\n{message.event}\n{dict(message.fields)}".encode()
            ).hexdigest()
        )
        return Received(f"{message.type}:{named}"[:200], (message.event or message.type)[:80])

    def normalise(self, call: Call, secrets: Secrets, *, topic: str, received_at: datetime) -> list[Told]:
        return [told_of(self._message(call, secrets))]

    def acknowledge(self, received: Received, *, repeated: bool) -> Answer:
        return Answer(text=received.echo if received.ping else "success")

    def _check(self, given: str, token: str, *parts: str) -> None:
        if not token or not signatures.same(signatures.wechat(token, *parts), given):
            raise Unauthorised(_("The signature doesn't fit the body and this connection's secret."))

    def _message(self, call: Call, secrets: Secrets) -> WeChatMessage:
        envelope = str(plain(call.body).get("Encrypt") or "")
        if not envelope:
            return parse(call.body)
        keys = {"aes_key": secrets.get("aes_key", ""), "receiver": secrets.get("app_id", "")}
        return parse(opened(envelope, **keys))

    # ----------------------------------------------------------------------------------- sending

    def send(self, message: Message, secrets: Secrets, *, client: requests.Session | None = None) -> Receipt:
        """A token that WeChat calls old is asked for once more: such a message was not taken."""
        asked: dict[str, Any] = {
            "touser": message.to,
            "template_id": message.template,
            "data": {name: {"value": value} for name, value in message.values.items()},
        }
        asked |= {"url": message.url} if message.url else {}
        asked |= {"client_msg_id": message.reference[:32]} if message.reference else {}
        receipt, token = Receipt(Fate.TROUBLE), ""
        for _try in range(2):
            try:
                token = access_token(secrets, stale=token, client=client)
            except Upstream as error:
                fate = Fate.DEFERRED if error.retryable else Fate.TROUBLE
                return Receipt(fate, code=error.code_name, text=str(error.message)[:KEPT_CHARS])
            try:
                answer = _post(secrets, "message/template/send", asked, token=token, client=client)
            except Upstream as error:
                return fate_of_upstream(error)
            receipt = _receipt(answer)
            if receipt.code not in {str(code) for code in TOKEN_OLD}:
                break
        return receipt


def _post(
    secrets: Secrets, path: str, asked: Mapping[str, Any], *, token: str, client: requests.Session | None
) -> http.Answered:
    url = checked_url(secrets.get("api_url") or API)
    return http.send(
        "POST",
        f"{url}/cgi-bin/{path}",
        params={"access_token": token} if token else None,
        data=json.dumps(asked, ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json"},
        client=client,
    )


def access_token(secrets: Secrets, *, stale: str, client: requests.Session | None = None) -> str:
    """The account's token, kept encrypted in the cache until shortly before its end; a new one when the kept
    one is the `stale` one that WeChat called old. The stable one: asking for it makes nobody else's invalid.
    Raises Upstream."""
    named = f"{secrets.get('app_id', '')}\n{secrets.get('app_secret', '')}\n{secrets.get('api_url', '')}"
    key = "wechat-token:" + hashlib.sha256(named.encode()).hexdigest()
    kept = cache.get(key)
    if kept and (known := decrypt(str(kept))) != stale:
        return known
    asked = {
        "grant_type": "client_credential",
        "appid": secrets.get("app_id", ""),
        "secret": secrets.get("app_secret", ""),
        "force_refresh": bool(stale),
    }
    answer = _post(secrets, "stable_token", asked, token="", client=client)
    said = _said(answer)
    token = str(said.get("access_token") or "")
    if not token:
        code = _number(said.get("errcode"))
        text = _("WeChat gives no access token: %(why)s") % {"why": said.get("errmsg") or answer.status}
        raise Upstream(text, retryable=code in LATER or answer.status >= 500, code=str(code))
    seconds = (_number(said.get("expires_in")) or TOKEN_SECONDS) - TOKEN_SPARE_SECONDS
    cache.set(key, encrypt(token), timeout=max(seconds, 1))
    return token


def _said(answer: http.Answered) -> dict[str, Any]:
    try:
        said = json.loads(answer.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _number(value: Any) -> int:
    """0 for what a proxy made of a number."""
    return value if isinstance(value, int) else 0


def _receipt(answer: http.Answered) -> Receipt:
    said = _said(answer)
    code = said.get("errcode")
    if answer.status != 200 or not isinstance(code, int):
        fate = fate_of_status(answer.status)
        fate = Fate.UNKNOWN if fate is Fate.ACCEPTED else fate
        return Receipt(fate, code=str(answer.status), text=_("The answer can't be read."))
    text = str(said.get("errmsg") or "")[:KEPT_CHARS]
    if code == 0:
        return Receipt(Fate.ACCEPTED, str(said.get("msgid") or ""))
    if code in LATER:
        return Receipt(Fate.DEFERRED, code=str(code), text=text, wait_seconds=LATER[code])
    return Receipt(Fate.REFUSED if code in PERSONAL else Fate.TROUBLE, code=str(code), text=text)


# --------------------------------------------------------------------------------------- telling


def told_of(message: WeChatMessage) -> Told:
    at = message.fields["create_time"].astimezone(UTC)
    if message.type == "text":
        text = str(message.fields["content"])
        if not means_stop(text):
            return InboundText(Channel.WECHAT, message.source, text, str(message.fields["id"]))
        return OptOut(Channel.WECHAT, message.source, text[:500], str(message.fields["id"]))
    if message.event == "unsubscribe":
        return OptOut(Channel.WECHAT, message.source)
    if message.event != "templatesendjobfinish":
        return Ignored(_("“%(what)s” is not used here.") % {"what": message.event or message.type})
    status, named = str(message.fields["status"]), str(message.fields["msg_id"] or "")
    blocked = BLOCKED in status
    kind = ReportKind.DELIVERED if status == "success" else ReportKind.BOUNCED
    return MessageReport(
        channel=Channel.WECHAT,
        kind=ReportKind.REJECTED if blocked else kind,
        occurred_at=at,
        recipient=message.source,
        provider_id=named,
        permanent=False if kind is ReportKind.BOUNCED and not blocked else None,
        code=status[:50],
        report_id=f"{named}:{status}"[:200],
    )
