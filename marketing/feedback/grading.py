"""Whether a refusal is for good (hard), for now (soft), or about us and not about the address (blocked).

Codes are RFC 3463 (enhanced) and RFC 5321 (three digits), the words those that mail servers really use. Only
a hard one says that the address is no one's; blocked ones say that the server dislikes the sender, the
content or its own day. Pure: no database, no clock.
"""

from __future__ import annotations

import re
from enum import StrEnum

# More of a diagnosis than this says nothing new.
LOOKED_AT = 4_000


class Grade(StrEnum):
    HARD = "hard"
    SOFT = "soft"
    BLOCKED = "blocked"


_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<![\d.#:-])([45]\d\d)(?=[ -:#<]|$)")

# About the sender, its server or the content: read first, because such answers like to quote user unknown.
_BLOCKED = re.compile(
    r"relay(?:ing)? (?:access )?(?:denied|not (?:permitted|allowed)|prohibited)|no relaying"
    r"|insecure mail relay"
    r"|not allowed to relay|sender (?:address )?(?:rejected|denied|verify failed|unknown|domain)"
    r"|unroutable sender"
    r"|domain of sender|from: domain is invalid|purported responsible|spf|dkim|dmarc|authenticat"
    r"|not verified|spam|junk|blacklist|blocklist|black list|block list|spamhaus|rbl|reputation|policy"
    r"|ptr record|reverse dns|reverse (?:hostname|lookup)"
    r"|(?:too many|exceeded).{0,30}(?:connections|messages)"
    r"|rate limit|temporarily deferred due to|user complaints|virus|message (?:size|too (?:big|large))"
    r"|size exceeds|content (?:rejected|denied)|message filtered|banned|tls|starttls"
    r"|my name was rejected|unsolicited|suspicious|access denied\.? (?:ip|address)|greylist|graylist",
    re.IGNORECASE,
)
# The mailbox is there and takes nothing now.
_SOFT = re.compile(
    r"mailbox (?:is )?full|quota|over ?quota|insufficient (?:disk|system) (?:space|storage)"
    r"|exceed(?:ed|s) storage"
    r"|account (?:is |has been )?(?:temporarily )?(?:disabled|suspended|inactive|locked|blocked|on hold)"
    r"|(?:disabled|suspended|inactive) (?:account|user|mailbox)|is disabled|is inactive"
    r"|compte du destinataire"
    r"|timed? ?out|timeout|connection (?:refused|reset|lost|closed|dropped)|network is unreachable"
    r"|could not be delivered for|still (?:being )?(?:retried|queued)|will (?:keep|continue)|retry time"
    r"|over (?:its|his|their) (?:limit|storage)|malformed or unexpected name server reply"
    r"|too many recipients|容量|空间不足|箱已满",
    re.IGNORECASE,
)
_UNKNOWN_USER = re.compile(
    r"user ?(?:is )?unknown|unknown user"
    r"|unknown (?:or illegal )?(?:alias|address|account|local.?part|recipient|mailbox)"
    r"|no such (?:user|recipient|mailbox|person|account|address|local|domain user)|no mailbox here"
    r"|not our (?:user|customer)"
    r"|mailbox (?:not found|does ?n[o']t exist|unavailable)|user mailbox not found"
    r"|does ?n[o']t have an? \S+ account"
    r"|(?:user|account|recipient|address|mailbox|addressee|e-?mail).{0,40}(?:does not|doesn'?t|did not) exist"
    r"|(?:recipient|user|address|mailbox|account|addressee) (?:was |is |could ?n[o']t be )?(?:not |n't )?"
    r"(?:found|known|valid)\b"
    r"|(?:recipient|address|mailbox).{0,20}not (?:be )?found|address not found|recip(?:ient)?notfound"
    r"|adr\.recip"
    r"|invalid (?:final delivery userid|recipient|mailbox|address|user)"
    r"|recipient(?: address)? rejected"
    r"(?=\s?(?:[.(\[]|$|: ?(?:user|access denied|undeliverable|unknown|invalid|no such)))"
    r"|recipient no longer|no longer (?:on server|available|valid|in use|employed|works)"
    r"|inactive email address"
    r"|bad destination mailbox|unknown to (?:this|our)|not listed in"
    r"|not in (?:the )?(?:directory|address book)"
    r"|destinataire invalide|(?:adresse|utilisateur|destinataire|compte).{0,40}n'existe pas|ディレクトリ"
    r"|見つかりません|宛先不明"
    r"|用户不存在|收件人不存在|邮箱不存在|mailbox is not available"
    r"|account has been (?:closed|deleted|removed)"
    r"|user (?:has )?moved|has moved to|^\s*542 .*rejected",
    re.IGNORECASE | re.MULTILINE,
)
_UNKNOWN_HOST = re.compile(
    r"host(?: or domain)?(?: name)? (?:is )?(?:unknown|not found)|unknown (?:host|domain)"
    r"|no such (?:host|domain)"
    r"|domain (?:does not|doesn'?t) exist|(?:invalid|illegal) (?:host|domain)|dns lookup failure"
    r"|could ?n[o']t find any host|could ?n[o']t find a mail exchanger|bad destination system"
    r"|unrouteable address"
    r"|no mx found|does not accept mail|domain not found|(?:account or )?domain may not exist|nullmx"
    r"|null mx"
    r"|illegal host/domain name|does not exist$",
    re.IGNORECASE | re.MULTILINE,
)
# The recipient was taken, and the message refused after it was read: a person's own filter answers so.
_AT_DATA = re.compile(
    r"end of data|in reply to (?:end of )?data|after (?:sending )?data|smtp command data", re.IGNORECASE
)
# Said of hosts whose names stand in no DNS, together with guesses at why.
_SURELY = re.compile(r"account or domain may not exist|delivery error: dd ", re.IGNORECASE)
# Words that a remote server says of an address it does not have, and as readily for a person's own filter, so
# they count for good only with a code that says so, or where the address itself was refused (RCPT).
_LOOSE = re.compile(
    r"user ?(?:is )?unknown|unknown user|no such (?:user|recipient|mailbox)|mailbox does ?n[o']t exist"
    r"|does ?n[o']t have an? \S+ account"
    r"|(?:account|user|mailbox|e-?mail).{0,40}(?:does not|doesn'?t) exist",
    re.IGNORECASE,
)
_AT_RCPT = re.compile(
    r"rcpt|does not like recipient|recipient address rejected|rejected by a remote mail|mail\.local"
    r"|no such user here",
    re.IGNORECASE,
)
_TOLD_FULL = re.compile(
    r"not enough disk space|account is disabled|mailbox (?:is )?full|over (?:its )?quota", re.IGNORECASE
)


def enhanced(text: str) -> str:
    """The first enhanced status code of the text (RFC 3463), or ""."""
    found = _ENHANCED.search(text[:LOOKED_AT])
    return ".".join(found.groups()) if found else ""


def reply_code(text: str) -> str:
    """The first SMTP reply code of the text (RFC 5321), or ""."""
    found = _REPLY.search(text[:LOOKED_AT])
    return found[1] if found else ""


# Codes that say by themselves that nobody is there: bad mailbox, bad system, moved, null MX (RFC 7505).
_HARD_CODES = ("1.1", "1.2", "1.6", "1.10")
# Codes about the mailbox's room and state, and about routing and time.
_SOFT_CODES = ("2.1", "2.2", "4.1", "4.2", "4.7")


def grade(*, code: str = "", text: str = "", permanent: bool | None = None) -> Grade:
    """What a refusal says about the address. `code` is the enhanced or three-digit code where the carrier
    gave one apart; `permanent` what the carrier itself thinks, followed where codes and words say nothing."""
    said = known(code=code, text=text)
    if said is not None:
        return said
    return Grade.HARD if permanent else Grade.SOFT


def known(*, code: str = "", text: str = "") -> Grade | None:
    """The grade by code and words, None where both say nothing."""
    text = text[:LOOKED_AT]
    status = code if _ENHANCED.fullmatch(code) else enhanced(text)
    kind, _dot, detail = status.partition(".")
    if detail in ("1.7", "1.8"):
        return Grade.BLOCKED
    said = _by_words(text, kind, detail)
    if said is not None:
        return said
    if detail.startswith("7."):
        return Grade.BLOCKED
    return Grade.SOFT if detail in _SOFT_CODES else None


def _by_words(text: str, kind: str, detail: str) -> Grade | None:
    nobody = _UNKNOWN_USER.search(text)
    nowhere = _UNKNOWN_HOST.search(text)
    if _SURELY.search(text):
        return Grade.HARD
    is_nobody = detail in _HARD_CODES
    if nobody and not nowhere and not is_nobody and _is_unproven(text, nobody):
        return Grade.SOFT
    if not is_nobody and ("spamhaus" in text or _BLOCKED.search(_without(text, nobody))):
        return Grade.BLOCKED
    if not is_nobody and _SOFT.search(text):
        return Grade.SOFT
    if nobody or is_nobody:
        return Grade.HARD
    return None if not nowhere else Grade.SOFT if kind == "4" else Grade.HARD


def _is_unproven(text: str, nobody: re.Match[str]) -> bool:
    """Whether the words may as well come from a filter that read the message."""
    if _AT_DATA.search(text):
        return True
    return bool(_LOOSE.fullmatch(nobody[0])) and not _AT_RCPT.search(text)


def is_full(told: str) -> bool:
    """The letter itself says that the mailbox is full or shut, whatever code stands in it."""
    return bool(_TOLD_FULL.search(told[:LOOKED_AT]))


def _without(text: str, found: re.Match[str] | None) -> str:
    """The text without the words that were understood, and without addresses of pages that explain them."""
    if found:
        text = text[: found.start()] + text[found.end() :]
    return re.sub(r"https?://\S+", " ", text)
