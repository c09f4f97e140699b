"""Who asked for the picture or the link: a person, or a program on the way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from marketing.models import Engagement

# A person needs longer than this from the server's 250 to a look; programs that check mail on arrival do not.
ARRIVAL_SECONDS = 2
# Mail programs that load every picture for everybody: an open says nothing there.
_PROXY = re.compile(
    r"GoogleImageProxy|ggpht\.com|YahooMailProxy|Outlook-iOS-Prefetch|^Mozilla/5\.0$", re.IGNORECASE
)
# Security scanners, link previewers, command-line fetchers.
_SCANNER = re.compile(
    r"(?<!cu)bot\b|bot/|crawl|spider|scanner|preview|barracuda|mimecast|proofpoint|symantec|messagelabs|forcepoint|fireeye"
    r"|trendmicro|sophos|safelinks|googleother|google-safety|bitdefender|cloudmark|ironport|checkpoint|facebookexternalhit"
    r"|slackbot|telegrambot|whatsapp|skypeuripreview|curl/|wget/|python-|okhttp|go-http-client|java/|headless|phantomjs"
    r"|libwww|httpclient",
    re.IGNORECASE,
)
_PREFETCH = ("prefetch", "preview", "prerender")
# Programs that call themselves browsers are known by what they do: a person opens no three links within
# three seconds, nor one link thrice, and a browser never asks for a HEAD.
BURST_SECONDS = 3
BURST = 3
HEAD_SECONDS = 10
_TABLET = re.compile(r"iPad|Tablet|PlayBook|Silk|Android(?!.*Mobile)", re.IGNORECASE)
_PHONE = re.compile(r"iPhone|iPod|Android|Mobile|Windows Phone|MicroMessenger", re.IGNORECASE)
_DESKTOP = re.compile(r"Windows|Macintosh|X11|Linux|CrOS", re.IGNORECASE)


def label_of(
    *, kind: str, method: str, user_agent: str, purpose: str, sent_at: datetime | None, now: datetime
) -> str:
    """ "" for a person, else the label under which the request is kept and not counted.

    `purpose` is what the browser says in Sec-Purpose, Purpose or X-Moz.
    """
    if method == "HEAD":
        return str(Engagement.Label.HEAD)
    if any(word in purpose.lower() for word in _PREFETCH):
        return str(Engagement.Label.PREFETCH)
    if not user_agent or _SCANNER.search(user_agent):
        return str(Engagement.Label.SCANNER)
    early = sent_at is None or now - sent_at < timedelta(seconds=ARRIVAL_SECONDS)
    if kind == Engagement.Kind.OPEN:
        if _PROXY.search(user_agent):
            return str(Engagement.Label.PROXY)
        return str(Engagement.Label.PREFETCH) if early else ""
    return str(Engagement.Label.SCANNER) if early else ""


def is_program(click: Engagement, requests: Sequence[Engagement]) -> bool:
    """Whether what was asked of the same mail around that click is a program's way of reading it."""
    heads = [
        one for one in requests if one.label == Engagement.Label.HEAD and _near(one, click, HEAD_SECONDS)
    ]
    clicks = [
        one for one in requests if one.kind == Engagement.Kind.CLICK and _near(one, click, BURST_SECONDS)
    ]
    same = sum(1 for one in clicks if one.link_id == click.link_id)
    return bool(heads) or same >= BURST or len({one.link_id for one in clicks}) >= BURST


def _near(one: Engagement, other: Engagement, seconds: int) -> bool:
    return abs((one.at - other.at).total_seconds()) <= seconds


def device_of(user_agent: str) -> str:
    """phone, tablet, desktop, or "" for what says nothing of it (Engagement.Device)."""
    for device, pattern in (
        (Engagement.Device.TABLET, _TABLET),
        (Engagement.Device.PHONE, _PHONE),
        (Engagement.Device.DESKTOP, _DESKTOP),
    ):
        if pattern.search(user_agent):
            return str(device)
    return ""
