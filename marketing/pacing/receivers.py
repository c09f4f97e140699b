"""Providers of mailboxes that judge a sender as one, and the domains that their people write from.

Only what a provider itself says to be its own; a company's domain that is hosted there is a domain of its
own here, which a limit can name.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Why a message waits: the way's limit, one domain's, or "throttled:<key of RECEIVERS>".
THROTTLED = "throttled"
DOMAIN_CODE = f"{THROTTLED}:domain"


@dataclass(frozen=True)
class Receiver:
    """`families` are names that stand before many endings: yahoo.com, yahoo.co.uk, yahoo.com.br …"""

    label: str | Promise
    domains: frozenset[str]
    families: frozenset[str] = frozenset()


def _of(label: str | Promise, domains: str, families: str = "") -> Receiver:
    return Receiver(label, frozenset(domains.split()), frozenset(families.split()))


RECEIVERS: dict[str, Receiver] = {
    "gmail": _of("Gmail", "gmail.com googlemail.com"),
    "microsoft": _of("Outlook, Hotmail, Live, MSN", "msn.com passport.com", "outlook hotmail live"),
    "yahoo": _of("Yahoo, AOL", "ymail.com rocketmail.com aol.com aol.de aol.co.uk", "yahoo"),
    "icloud": _of("iCloud", "icloud.com me.com mac.com"),
    "qq": _of("QQ, Foxmail", "qq.com vip.qq.com foxmail.com"),
    "netease": _of("NetEase (163, 126, yeah)", "163.com 126.com yeah.net vip.163.com vip.126.com 188.com"),
    "sina": _of("Sina, Sohu", "sina.com sina.cn vip.sina.com sohu.com vip.sohu.com"),
    "aliyun": _of("Aliyun", "aliyun.com"),
    "china_carriers": _of(_("139, 189, wo (phone companies)"), "139.com 189.cn wo.cn"),
    "gmx": _of("GMX, WEB.DE, mail.com", "web.de mail.com caramail.com", "gmx"),
    "telekom": _of("T-Online", "t-online.de magenta.de"),
    "france": _of("Orange, Wanadoo", "orange.fr wanadoo.fr"),
    "mailru": _of("Mail.ru", "mail.ru inbox.ru list.ru bk.ru internet.ru"),
    "yandex": _of("Yandex", "ya.ru narod.ru", "yandex"),
    "naver": _of("Naver, Daum", "naver.com daum.net hanmail.net kakao.com"),
    "proton": _of("Proton", "proton.me protonmail.com pm.me"),
    "comcast": _of("Comcast", "comcast.net xfinity.com"),
}
_BY_DOMAIN = {domain: key for key, one in RECEIVERS.items() for domain in one.domains}
_BY_FAMILY = {family: key for key, one in RECEIVERS.items() for family in one.families}


def receiver_of(domain: str) -> str:
    """The key of whose mailboxes these are, "" when it is nobody's of the list."""
    if found := _BY_DOMAIN.get(domain):
        return found
    family, _dot, ending = domain.partition(".")
    labels = ending.split(".")
    is_ending = len(labels) == 1 or (len(labels) == 2 and labels[0] in ("co", "com"))
    return _BY_FAMILY.get(family, "") if is_ending else ""


def waiting_text(rest: str) -> str | Promise:
    """The words of the reason "throttled:<rest>"."""
    if rest == "domain":
        return _("Waits its turn: the limit for its domain")
    label = RECEIVERS[rest].label if rest in RECEIVERS else rest
    return _("Waits its turn: the limit for %(receiver)s") % {"receiver": label}
