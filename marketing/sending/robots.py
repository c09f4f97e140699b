"""Who asked for the picture or the link: a person, or a program on the way."""

from __future__ import annotations

import re
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
    r"bot\b|bot/|crawl|spider|scanner|preview|barracuda|mimecast|proofpoint|symantec|messagelabs|forcepoint|fireeye"
    r"|trendmicro|sophos|safelinks|googleother|google-safety|bitdefender|cloudmark|ironport|checkpoint|facebookexternalhit"
    r"|slackbot|telegrambot|whatsapp|skypeuripreview|curl/|wget/|python-|okhttp|go-http-client|java/|headless|phantomjs"
    r"|libwww|httpclient",
    re.IGNORECASE,
)
_PREFETCH = ("prefetch", "preview", "prerender")


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
