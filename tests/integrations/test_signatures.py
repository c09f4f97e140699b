"""Published signatures, recomputed. Standard Webhooks' own is in test_webhooks_out.py."""

from __future__ import annotations

import hashlib
import json

import pytest

from crm.integrations.messengers.wechat_messages import opened, parse, plain, sealed
from crm.lib import signatures
from crm.lib.errors import Unauthorised


@pytest.fixture(scope="module")
def vectors(real_data):
    rows = json.loads((real_data / "webhooks/signature_vectors.json").read_text())
    return {row["scheme"].split(" (")[0]: row for row in rows}


def test_all_eight_are_looked_at(vectors):
    assert len(vectors) == 8
    assert sum(scheme.startswith(("twilio", "wechat", "shopify", "easypost")) for scheme in vectors) == 7


def test_twilio(vectors):
    row = vectors["twilio X-Twilio-Signature"]
    assert signatures.twilio(url=row["url"], params=row["params"], token=row["secret"]) == row["expected"]
    row = vectors["twilio bodySHA256"]
    assert signatures.twilio_body(row["body"].encode()) == row["expected"]


def test_wechat(vectors):
    row = vectors[["wechat official-account sha1(sorted(token,timestamp,nonce))"][0]]
    assert signatures.wechat(row["token"], row["timestamp"], row["nonce"]) == row["expected"]
    row = vectors["wechat mini-program rawData sha1(raw+session_key)"]
    wanted = signatures.wechat_raw_data(raw=row["raw_data"], session_key=row["session_key"])
    assert wanted == row["expected"]


def test_wechats_envelope(vectors):
    row = vectors["wechat work/AES decrypt"]
    envelope = plain(row["xml"])["Encrypt"]
    parts = (row["token"], row["timestamp"], row["nonce"], envelope)
    assert signatures.wechat(*parts) == row["msg_signature"]
    keys = {"aes_key": row["encoding_aes_key"], "receiver": row["corp_or_app_id"]}
    message = parse(opened(envelope, **keys))
    assert (message.fields["content"], message.source) == ("test", row["expected"]["FromUserName"])
    assert opened(sealed("退订".encode(), **keys), **keys) == "退订".encode()
    for wrong in (
        keys | {"receiver": "wx0"},
        keys | {"aes_key": "a" * 43},
        keys | {"aes_key": "short"},
    ):
        with pytest.raises(Unauthorised):
            opened(envelope, **wrong)
    with pytest.raises(Unauthorised):
        opened("AAAA", **keys)


def test_shopifys_oauth(vectors):
    row = vectors["shopify OAuth query hmac"]
    for given in (row["params"], row["params"] | {"hmac": "x"}):
        assert signatures.shopify_oauth(params=given, secret=row["secret"]) == row["expected"]
    other = row["params"] | {"shop": "other.myshopify.com"}
    assert signatures.shopify_oauth(params=other, secret=row["secret"]) != row["expected"]


def test_easypost(vectors, real_data):
    row = vectors["easypost X-Hmac-Signature hmac-sha256-hex"]
    event = json.loads((real_data / "webhooks" / row["body_file"]).read_text())
    body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
    assert hashlib.sha256(body).hexdigest() == row["body_sha256"]
    assert signatures.easypost(body=body, secret=row["secret"]) == row["expected"]


def test_nothing_is_never_right():
    assert not signatures.same("", "")
    assert not signatures.same("a", "Ä")
    assert signatures.same("a", "a")
