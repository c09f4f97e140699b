"""Whether the links of a campaign lead anywhere: each is asked by a worker, and remembered for some hours.

What was found is kept in the cache by shop and address: it is a look at somebody else's server, wrong again
by tomorrow, and losing it costs one more look. No shop sees another's, for whoever asked first would tell the
others what they wrote about.
"""

from __future__ import annotations

import hashlib
import html
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import redis
import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Merchant
from crm.events.ringing import ring_task
from crm.integrations import asking
from crm.integrations.asking import Finding, Found
from crm.lib.errors import Rejected, TooMany
from crm.lib.throttle import count_up
from marketing.campaigns import testing, texts
from marketing.campaigns.points import Point
from marketing.engine.layout import addresses
from marketing.models import Campaign
from marketing.sending import content

log = structlog.get_logger()

TASK = "marketing.check_links"
MOST = 100
KEPT_SECONDS = 6 * 3600
# Asked again sooner: the time was up before their turn.
LATE_SECONDS = 600
# All links of one campaign. The task's own limit stands a little behind it (tasks.py).
WHOLE_SECONDS = 45.0
RUNNING_SECONDS = 120
THREADS = 8
# Side by side at one host: more looks like an attack to its firewall.
LANES = 2
# After so many silences in a row the rest of that host is not waited for.
SILENCES = 2
PER_HOUR = 30
# A save while somebody types is no finished address yet.
SETTLED_SECONDS = 8
SHOWN = 3

LATE = "late"
BROKEN = frozenset(
    {
        *(Finding.GONE, Finding.FAULT, Finding.CERTIFICATE, Finding.NO_NAME, Finding.NO_ANSWER),
        *(Finding.PRIVATE, Finding.ROUND, Finding.NO_ADDRESS),
    }
)
_SILENT = {Finding.NO_ANSWER, Finding.NO_NAME}
_IN_TEXT = re.compile(r"https?://[^\s<>\"'）】」，。]+", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_NOT_OF_MAIL = ("javascript:", "data:", "file:", "vbscript:", "blob:")


@dataclass(frozen=True)
class Link:
    """An address of the mail as an invented person gets it; `letters` the versions that hold it. `finding` is
    empty until it was asked."""

    url: str
    letters: str
    finding: str = ""
    status: int = 0
    target: str = ""
    asked_at: datetime | None = None

    @property
    def is_broken(self) -> bool:
        return self.finding in BROKEN

    @property
    def may_open(self) -> bool:
        """Whether a page of ours may hold it: nothing that a browser would run."""
        return self.url.lower().startswith(("https://", "http://"))

    @property
    def is_plain(self) -> bool:
        """Not encrypted on its way, and nobody leads it to where it would be."""
        return self.url.lower().startswith("http://") and not self.target.lower().startswith("https://")

    @property
    def tone(self) -> str:
        if self.is_broken or (self.finding and self.is_plain):
            return "warn"
        return "good" if self.finding in (Finding.FINE, Finding.MOVED) else ""

    @property
    def words(self) -> str:
        return finding_words(self)


def finding_words(link: Link) -> str:
    """What was found, for who wrote the mail."""
    facts = {"status": link.status, "target": link.target}
    words = {
        "": _("Not checked yet"),
        LATE: _("Not checked: there was no time left"),
        Finding.FINE: _("It answers"),
        Finding.MOVED: _("It leads on to %(target)s") % facts,
        Finding.GONE: _("The page is not there (%(status)s)") % facts,
        Finding.REFUSED: _("It doesn't let programs in (%(status)s). Open it yourself.") % facts,
        Finding.FAULT: _("Its server has a fault (%(status)s)") % facts,
        Finding.CERTIFICATE: _("Its certificate is not valid: browsers warn of it"),
        Finding.NO_NAME: _("There is no site of this name"),
        Finding.NO_ANSWER: _("Nothing answers there"),
        Finding.PRIVATE: _("It leads into a private network"),
        Finding.ROUND: _("It leads round in a circle"),
        Finding.NO_ADDRESS: _("This is no address that a mail can open"),
    }[link.finding]
    if link.is_plain and link.finding in (Finding.FINE, Finding.MOVED):
        return _("%(words)s, but not encrypted (http)") % {"words": words}
    return str(words)


# ---------------------------------------------------------------------------------- which links there are


def links_of(campaign: Campaign, merchant: Merchant) -> list[Link]:
    """The distinct links of all versions in their order, at most `MOST`, with what is known of them. Our own
    (to unsubscribe, to the preferences) are left out, as are mailto: and the like. A version that can't be
    made has none: the check list says why."""
    found: dict[str, str] = {}
    for letter, urls in _by_version(campaign, merchant):
        for url in urls:
            if letter not in found.get(url, ""):
                found[url] = found.get(url, "") + letter
    links = [Link(url, letters) for url, letters in found.items()][:MOST]
    return _with_findings(merchant, links)


def _by_version(campaign: Campaign, merchant: Merchant) -> Iterator[tuple[str, list[str]]]:
    if not campaign.is_mail:
        try:
            message = texts.look(merchant=merchant, campaign=campaign, customer=None).message
        except Rejected:
            return
        words = " ".join([message.text, message.url, *message.values.values()])
        yield "A", [url for url in _in_text(words) if not _is_ours(url)]
        return
    for letter, written in content.versions(campaign) if campaign.pk else [("A", _as_is(campaign))]:
        try:
            seen = testing.preview(merchant=merchant, source=written.campaign, customer=None)
        except Rejected:
            continue
        urls = [html.unescape(seen.html[start:end]).strip() for start, end in addresses(seen.html)]
        if written.campaign.text.strip():
            urls += _in_text(seen.text)
        yield letter, [url for url in urls if _is_for_the_web(url)]


def _as_is(campaign: Campaign) -> content.Written:
    return content.Written(campaign, 0)


def _in_text(words: str) -> list[str]:
    return [url.rstrip(".,;:!?)]") for url in _IN_TEXT.findall(words)]


def _is_for_the_web(url: str) -> bool:
    """What is to be asked, or is wrong without asking: not a place in the mail, an address or a number."""
    if len(url) > 1 and url.startswith("#"):
        return False
    scheme = _SCHEME.match(url)
    if scheme and scheme[0].lower() not in ("http:", "https:", *_NOT_OF_MAIL):
        return False
    return not _is_ours(url)


def _is_ours(url: str) -> bool:
    return (url + "/").startswith(settings.PUBLIC_URL.rstrip("/") + "/")


# ---------------------------------------------------------------------------------- what is known of them


def _key(merchant_id: int, url: str) -> str:
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
    return f"links:{merchant_id}:{digest}"


def _running_key(campaign: Campaign) -> str:
    return f"links:running:{campaign.merchant_id}:{campaign.pk}"


def _with_findings(merchant: Merchant, links: Sequence[Link]) -> list[Link]:
    keys = {link.url: _key(merchant.pk, link.url) for link in links}
    try:
        kept = cache.get_many(list(keys.values()))
    except redis.RedisError as error:
        log.warning("no findings of links without Redis", error=str(error))
        kept = {}
    return [_with_finding(link, kept.get(keys[link.url])) for link in links]


def _with_finding(link: Link, kept: dict[str, Any] | None) -> Link:
    if kept is None:
        bad = not asking.is_askable(link.url)
        return Link(link.url, link.letters, Finding.NO_ADDRESS.value if bad else "")
    return Link(link.url, link.letters, **kept)


def _keep(merchant_id: int, url: str, finding: str, found: Found | None = None) -> None:
    known = {
        "finding": finding,
        "status": found.status if found else 0,
        "target": found.target if found else "",
        "asked_at": timezone.now(),
    }
    cache.set(_key(merchant_id, url), known, LATE_SECONDS if finding == LATE else KEPT_SECONDS)


def is_running(campaign: Campaign) -> bool:
    try:
        return bool(cache.get(_running_key(campaign)))
    except redis.RedisError as error:
        log.warning("nothing known of a link check without Redis", error=str(error))
        return False


def is_settled(campaign: Campaign) -> bool:
    """Whether nobody is typing in it any more."""
    return campaign.updated_at <= timezone.now() - timedelta(seconds=SETTLED_SECONDS)


# ---------------------------------------------------------------------------------- asking them


def links_check(*, campaign: Campaign, again: bool = True) -> bool:
    """Has a worker ask the links: all, or without `again` those never asked. False when one is at it already.
    Raises TooMany for a shop that does nothing else."""
    try:
        if not cache.add(_running_key(campaign), value=True, timeout=RUNNING_SECONDS):
            return False
    except redis.RedisError as error:
        log.warning("no link check without Redis", error=str(error))
        return False
    if count_up(f"links:asked:{campaign.merchant_id}", seconds=3600) > PER_HOUR:
        cache.delete(_running_key(campaign))
        raise TooMany(_("The links were checked very often in the last hour. Wait a little."))
    transaction.on_commit(partial(ring_task, TASK, [campaign.merchant_id, campaign.pk, again]))
    return True


def links_check_unasked(campaign: Campaign, links: Iterable[Link]) -> bool:
    """The same by itself, when some were never asked. Never raises: nobody pressed anything."""
    if not any(not link.finding for link in links):
        return False
    try:
        return links_check(campaign=campaign, again=False)
    except TooMany:
        return False


def links_ask(*, campaign: Campaign, merchant: Merchant, again: bool) -> int:
    """Asks them now and keeps what is found; how many were asked. Outside any transaction."""
    try:
        links = [link for link in links_of(campaign, merchant) if asking.is_askable(link.url)]
        urls = [link.url for link in links if again or link.finding in ("", LATE)]
        until = time.monotonic() + WHOLE_SECONDS
        # Not as a context: leaving one waits for threads that a dripping server holds. The task's time limit
        # ends those.
        pool = ThreadPoolExecutor(THREADS)
        try:
            lanes = [pool.submit(_lane, merchant.pk, lane, until) for lane in _lanes(urls)]
            done, _open = wait(lanes, timeout=WHOLE_SECONDS + 1)
            return sum(one.result() for one in done)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    finally:
        cache.delete(_running_key(campaign))


def _lanes(urls: Sequence[str]) -> list[list[str]]:
    """The addresses by host, each host's in at most `LANES` rows, which are walked side by side."""
    hosts: dict[str, list[str]] = {}
    for url in urls:
        hosts.setdefault(urlsplit(url).hostname or "", []).append(url)
    return [lane for each in hosts.values() for start in range(LANES) if (lane := each[start::LANES])]


def _lane(merchant_id: int, urls: Sequence[str], until: float) -> int:
    asked = silences = 0
    with asking.session() as client:
        for url in urls:
            if silences >= SILENCES or time.monotonic() >= until:
                _keep(merchant_id, url, LATE)
                continue
            found = asking.ask(url, client=client, until=until)
            silences = silences + 1 if found.finding in _SILENT else 0
            _keep(merchant_id, url, found.finding.value, found)
            asked += 1
    return asked


# ---------------------------------------------------------------------------------- the check list


def points(links: Sequence[Link]) -> list[Point]:
    """What the check list says of them. A broken one is worth a thought and no more: a firewall may have
    refused only us."""
    wrong = [link for link in links if link.is_broken]
    said = [Point("warn", _("Links"), f"{_short(link.url)}: {link.words}") for link in wrong[:SHOWN]]
    if len(wrong) > SHOWN:
        rest = len(wrong) - SHOWN
        words = ngettext("%(n)s more link is broken.", "%(n)s more links are broken.", rest)
        said.append(Point("warn", _("Links"), words % {"n": rest}))
    plain = [link for link in links if link.is_plain and not link.is_broken]
    if plain:
        words = _("A link is not encrypted (http): %(link)s") % {"link": _short(plain[0].url)}
        said.append(Point("warn", _("Links"), words))
    answering = [link for link in links if link.finding in (Finding.FINE, Finding.MOVED)]
    if links and not said and len(answering) == len(links):
        words = ngettext("%(n)s link answers.", "All %(n)s links answer.", len(links))
        said.append(Point("good", _("Links"), words % {"n": len(links)}))
    return said


def _short(url: str) -> str:
    return url if len(url) <= 80 else f"{url[:77]}…"
