"""Carriers of text messages on this machine: they check who asks as the real ones do, keep what they took and
answer in their words. Each is a `reply` of tests.integrations.servers.LocalServer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from tests.integrations.servers import Asked, Reply


def said_json(status: int, said: Any, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(said).encode(), {"Content-Type": "application/json", **(headers or {})})


def form_of(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(asked.body.decode(), keep_blank_values=True).items()}


@dataclass
class FakeTwilio:
    """`no` says for a form what it refuses it with: (status, code, message), else None."""

    account: str = "AC1"
    token: str = "twilio-token"
    no: Callable[[dict[str, str]], tuple[int, int, str] | None] = lambda form: None
    taken: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Reply:
        login = base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {login}":
            return said_json(401, {"code": 20003, "message": "Authenticate", "status": 401})
        if asked.path != f"/2010-04-01/Accounts/{self.account}/Messages.json" or asked.method != "POST":
            return said_json(404, {"code": 20404, "message": "Not found", "status": 404})
        form = form_of(asked)
        if refusal := self.no(form):
            status, code, message = refusal
            return said_json(status, {"code": code, "message": message, "status": status})
        self.taken.append(form)
        return said_json(201, {"sid": f"SM{len(self.taken):04}", "status": "queued", "num_segments": "2"})


@dataclass
class FakeAliyun:
    """`no` gives the code of a refusal for the parameters, or ""."""

    key_id: str = "id"
    secret: str = "ali-secret"
    no: Callable[[dict[str, str]], str] = lambda params: ""
    taken: list[dict[str, str]] = field(default_factory=list)
    nonces: set[str] = field(default_factory=set)

    def __call__(self, asked: Asked) -> Reply:
        params = form_of(asked)
        given = params.pop("Signature", "")
        pairs = "&".join(
            f"{quote(name, safe='-_.~')}={quote(params[name], safe='-_.~')}" for name in sorted(params)
        )
        text = "POST&" + quote("/", safe="") + "&" + quote(pairs, safe="-_.~")
        mac = hmac.new((self.secret + "&").encode(), text.encode(), hashlib.sha1).digest()
        if params.get("AccessKeyId") != self.key_id:
            return self.refusal(404, "InvalidAccessKeyId.NotFound")
        if given != base64.b64encode(mac).decode():
            return self.refusal(400, "SignatureDoesNotMatch")
        if params["SignatureNonce"] in self.nonces:
            return self.refusal(400, "SignatureNonceUsed")
        self.nonces.add(params["SignatureNonce"])
        if code := self.no(params):
            return self.refusal(200, code)
        self.taken.append(params)
        return said_json(
            200, {"Code": "OK", "Message": "OK", "BizId": f"biz{len(self.taken)}", "RequestId": "r"}
        )

    def refusal(self, status: int, code: str) -> Reply:
        return said_json(status, {"Code": code, "Message": f"because of {code}", "RequestId": "r"})


@dataclass
class FakeWeChat:
    """Gives tokens that `expire` on demand; `no` gives the errcode for a message, or 0."""

    app_id: str = "wx1"
    secret: str = "wechat-secret"
    no: Callable[[dict[str, Any]], int] = lambda said: 0
    taken: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def expire(self) -> None:
        self.tokens.append("nobody knows this one")

    def __call__(self, asked: Asked) -> Reply:
        parts, said = urlsplit(asked.path), json.loads(asked.body)
        if parts.path == "/cgi-bin/stable_token":
            if (said["appid"], said["secret"]) != (self.app_id, self.secret):
                return said_json(200, {"errcode": 40125, "errmsg": "invalid appsecret"})
            if said["force_refresh"] or not self.tokens:
                self.tokens.append(f"token-{next(self.numbers)}")
            return said_json(200, {"access_token": self.tokens[-1], "expires_in": 7200})
        token = parse_qs(parts.query).get("access_token", [""])[0]
        if not self.tokens or token != self.tokens[-1]:
            return said_json(200, {"errcode": 40001, "errmsg": "invalid credential"})
        if code := self.no(said):
            return said_json(200, {"errcode": code, "errmsg": f"error {code}"})
        self.taken.append(said)
        return said_json(200, {"errcode": 0, "errmsg": "ok", "msgid": 200228332 + len(self.taken)})
