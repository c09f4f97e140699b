"""What WeChat posts, official account (mp) and WeCom (work): XML into plain fields, and out of its envelope.

The envelope is AES-256-CBC with PKCS#7 to blocks of 32: 16 random bytes, the length in network order, the
message, the receiver's app or company id
(https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/Message_Encryption/Technical_Plan.html).
"""

from __future__ import annotations

import base64
import binascii
import secrets as random
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree as ET
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml.common import DefusedXmlException
from django.utils.translation import gettext as _

from crm.lib import signatures
from crm.lib.errors import Rejected, Unauthorised

CHINA = timezone(timedelta(hours=8))
BLOCK = 32
LARGEST_XML = 1_000_000

Reader = tuple[str, Callable[[Any], Any]]


def _text(value: Any) -> Any:
    return value


def _word(value: Any) -> str:
    return value or ""


def _instant(value: Any) -> datetime:
    return datetime.fromtimestamp(int(value or 0), CHINA)


def _scene(value: Any) -> str:
    return str(value or "").removeprefix("qrscene_")


# field → (element, reading), by kind of message.
MESSAGES: dict[str, dict[str, Reader]] = {
    "text": {"content": ("Content", _word)},
    "image": {"media_id": ("MediaId", _text), "image": ("PicUrl", _text)},
    "voice": {
        "media_id": ("MediaId", _text),
        "format": ("Format", _text),
        "recognition": ("Recognition", _text),
    },
    "video": {"media_id": ("MediaId", _text), "thumb_media_id": ("ThumbMediaId", _text)},
    "shortvideo": {"media_id": ("MediaId", _text), "thumb_media_id": ("ThumbMediaId", _text)},
    "location": {
        "location_x": ("Location_X", _text),
        "location_y": ("Location_Y", _text),
        "scale": ("Scale", _text),
        "label": ("Label", _text),
    },
    "link": {
        "title": ("Title", _text),
        "description": ("Description", _text),
        "url": ("Url", _text),
        "pic_url": ("PicUrl", _text),
    },
}
_INVOICE = ("title", "phone", "tax_no", "addr", "bank_type", "bank_no", "attach", "title_type")
EVENTS: dict[str, dict[str, Reader]] = {
    "subscribe": {"key": ("EventKey", _word)},
    "subscribe_scan": {"scene_id": ("EventKey", _scene), "ticket": ("Ticket", _text)},
    "unsubscribe": {},
    "scan": {"scene_id": ("EventKey", _text), "ticket": ("Ticket", _text)},
    "location": {
        "latitude": ("Latitude", float),
        "longitude": ("Longitude", float),
        "precision": ("Precision", float),
    },
    "click": {"key": ("EventKey", _word)},
    "view": {"url": ("EventKey", _text)},
    "templatesendjobfinish": {"msg_id": ("MsgID", _text), "status": ("Status", _word)},
    "subscribe_msg_sent_event": {"subscribes_info": ("SubscribeMsgSentEvent", _text)},
    "subscribe_msg_popup_event": {"subscribes_info": ("SubscribeMsgPopupEvent", _text)},
    "subscribe_msg_change_event": {"subscribes_info": ("SubscribeMsgChangeEvent", _text)},
    "kf_create_session": {"account": ("KfAccount", _text)},
    "kf_close_session": {"account": ("KfAccount", _text)},
    "location_select": {"key": ("EventKey", _text), "location_info": ("SendLocationInfo", _text)},
    "pic_sysphoto": {"key": ("EventKey", _text), "pictures_info": ("SendPicsInfo", _text)},
    "scancode_push": {"key": ("EventKey", _text), "scan_code_info": ("ScanCodeInfo", _text)},
    "scancode_waitmsg": {"key": ("EventKey", _text), "scan_code_info": ("ScanCodeInfo", _text)},
    "qualification_verify_success": {"expired_time": ("ExpiredTime", _instant)},
    "submit_invoice_title": {name: (name, _text) for name in _INVOICE},
    "update_invoice_status": {
        "status": ("Status", _text),
        "card_id": ("CardId", _text),
        "code": ("Code", _text),
    },
    "add_schedule": {"calendar_id": ("CalId", _text), "schedule_id": ("ScheduleId", _text)},
    "delete_schedule": {"calendar_id": ("CalId", _text), "schedule_id": ("ScheduleId", _text)},
    "modify_calendar": {"calendar_id": ("CalId", _text)},
}


@dataclass(frozen=True)
class WeChatMessage:
    """`type` is the kind of message, `event` its lower-case name or None. `fields` holds id, source (who
    wrote: an openid), target, create_time (China's time), time (its seconds) and what the kind adds; a kind
    that is not known has the common ones."""

    type: str
    event: str | None
    fields: Mapping[str, Any]

    @property
    def source(self) -> str:
        return str(self.fields["source"])


def parse(xml: bytes | str) -> WeChatMessage:
    """Raises Rejected for what is no XML of WeChat."""
    said = plain(xml)
    kind = str(said.get("MsgType") or "")
    if not kind or not said.get("FromUserName"):
        raise Rejected(_("The body is no message of WeChat."), code="not_wechat")
    event = _event(said) if kind == "event" else None
    readers = EVENTS.get(event or "", {}) if kind == "event" else MESSAGES.get(kind, {})
    try:
        fields: dict[str, Any] = {
            "id": int(said.get("MsgId") or 0),
            "source": said.get("FromUserName"),
            "target": said.get("ToUserName"),
            "create_time": _instant(said.get("CreateTime")),
            "time": int(said.get("CreateTime") or 0),
        }
        if said.get("AgentID") is not None:  # WeCom says which of a company's apps is meant
            fields["agent"] = int(said["AgentID"])
        fields |= {name: read(said.get(element)) for name, (element, read) in readers.items()}
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise Rejected(_("The body can't be read: %(why)s") % {"why": error}, code="unreadable") from error
    return WeChatMessage(kind, event, fields)


def _event(said: Mapping[str, Any]) -> str:
    event = str(said.get("Event") or "").lower()
    scanned = event == "subscribe" and str(said.get("EventKey") or "").startswith("qrscene_")
    return "subscribe_scan" if scanned else event


def plain(xml: bytes | str) -> dict[str, Any]:
    """Elements as nested dicts of text; an empty one is None. No DTD, no entities. Raises Rejected."""
    if len(xml) > LARGEST_XML:
        raise Rejected(_("The body is too large."), code="too_large")
    try:
        root = ET.fromstring(xml.strip())
    except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
        raise Rejected(_("The body can't be read: %(why)s") % {"why": error}, code="unreadable") from error
    said = _value(root)
    return said if isinstance(said, dict) else {}


def _value(element: Element, depth: int = 0) -> Any:
    if len(element) and depth < 10:
        return {child.tag: _value(child, depth + 1) for child in element}
    return (element.text or "").strip() or None


# ------------------------------------------------------------------------------------ the envelope


def key_of(aes_key: str) -> bytes:
    """32 bytes of the 43 letters. Raises Unauthorised for anything else."""
    try:
        key = base64.b64decode(aes_key + "=", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unauthorised(_("The connection's AES key can't be used.")) from error
    if len(key) != BLOCK:
        raise Unauthorised(_("The connection's AES key can't be used."))
    return key


def opened(envelope: str, *, aes_key: str, receiver: str) -> bytes:
    """The message inside. Raises Unauthorised when it is not for us or not sealed with our key."""
    key = key_of(aes_key)
    try:
        sealed = base64.b64decode(envelope, validate=True)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
        padded = decryptor.update(sealed) + decryptor.finalize()
        size = struct.unpack("!I", padded[16:20])[0]
    except (binascii.Error, ValueError, struct.error) as error:
        raise Unauthorised(_("The envelope can't be opened.")) from error
    pad = padded[-1]
    message, to = padded[20 : 20 + size], padded[20 + size : len(padded) - pad]
    if not 1 <= pad <= BLOCK or not signatures.same(receiver, to.decode("utf-8", "replace")):
        raise Unauthorised(_("The envelope is for somebody else."))
    return message


def sealed(message: bytes, *, aes_key: str, receiver: str) -> str:
    """The envelope, as WeChat makes it."""
    key = key_of(aes_key)
    inner = random.token_bytes(16) + struct.pack("!I", len(message)) + message + receiver.encode()
    pad = BLOCK - len(inner) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(inner + bytes([pad]) * pad) + encryptor.finalize()).decode()
