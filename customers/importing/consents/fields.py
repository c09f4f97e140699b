"""What a file of consents may tell, and the headers that it uses for that."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm.imports.fields import Field, Kind
from customers.importing.fields import BY_KEY

FIELDS = (
    BY_KEY["number"],
    BY_KEY["email"],
    BY_KEY["phone"],
    BY_KEY["name"],
    Field(
        "channel",
        _("Channel"),
        Kind.TEXT,
        max_chars=40,
        synonyms=("medium", "consent channel", "渠道", "订阅渠道"),
        help=_("E-mail, SMS or WeChat; without the column it is the one chosen beside."),
    ),
    Field("purpose", _("Purpose"), Kind.TEXT, max_chars=40, synonyms=("consent purpose", "目的", "用途")),
    Field(
        "granted",
        _("Answer"),
        Kind.FLAG,
        required=True,
        synonyms=(
            *("answer", "consent", "opted in", "opt in", "subscribed", "consent given", "status"),
            *("是否同意", "同意", "订阅状态", "授权"),
        ),
        help=_("Yes or no, granted or withdrawn, subscribed or unsubscribed."),
    ),
    Field(
        "answered_at",
        _("Answered at"),
        Kind.INSTANT,
        synonyms=(
            *("date", "consent date", "recorded at", "opt in date", "timestamp", "consent timestamp"),
            *("授权时间", "同意时间", "订阅时间", "时间"),
        ),
        help=_("An answer without a date counts from the import on, and never against one that is here."),
    ),
    Field(
        "source",
        _("Where they answered"),
        Kind.TEXT,
        max_chars=200,
        synonyms=("consent source", "source", "signup source", "form", "来源", "授权来源"),
    ),
    Field(
        "wording",
        _("Wording"),
        Kind.TEXT,
        max_chars=40,
        synonyms=("wording version", "consent text version", "text version", "文案版本", "条款版本"),
        help=_("The version or short name of the text that they read."),
    ),
    Field(
        "proof",
        _("Proof"),
        Kind.TEXT,
        max_chars=2_000,
        synonyms=("evidence", "consent proof", "message id", "证明", "凭证"),
    ),
    Field("ip", _("IP address"), Kind.TEXT, max_chars=60, synonyms=("ip address", "opt in ip", "IP地址")),
)
