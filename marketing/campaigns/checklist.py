"""What is looked at before the one button: what must be right, and what is only worth a thought."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from marketing.campaigns import links, texts
from marketing.campaigns.points import AUDIENCE, SENDER, Point, Text
from marketing.campaigns.spam_words import shouts, spam_words
from marketing.campaigns.starters import is_unwritten
from marketing.domains.health import health
from marketing.domains.services import is_sound
from marketing.domains.signing import domain_row
from marketing.engine.errors import BadAddress, TemplateError
from marketing.engine.headers import address
from marketing.engine.scanning import TAG_END, Ahead
from marketing.models import Campaign
from marketing.pacing.forecasting import pace_points
from marketing.sending import content

# Gmail cuts a mail's HTML here and hides the rest, the unsubscribe link with it.
GMAIL_BYTES = 102_000
SUBJECT_SHOWN = 60
# So many different ones make a mail look like junk.
MANY_WORDS = 3
_PICTURE = re.compile(r"<(?:mj-image|img)\b", re.IGNORECASE)
_ALT = re.compile(r"\balt=", re.IGNORECASE)


def checklist(*, campaign: Campaign, merchant: Merchant, people: int | None) -> list[Point]:
    """Every point, the bad ones with what to do. `people` is how many would get it now, if that is known."""
    return [*_points(campaign, merchant, people), *links.points(links.links_of(campaign, merchant))]


def _points(campaign: Campaign, merchant: Merchant, people: int | None) -> list[Point]:
    """Those that are looked at here. What other servers say of the links keeps nothing from being sent."""
    if not campaign.is_mail:
        return texts.checklist(campaign=campaign, merchant=merchant, people=people)
    return [
        _audience(campaign, people),
        _sender(campaign, merchant),
        *_domain(campaign, merchant),
        _subject(campaign),
        *_content(campaign, merchant),
        *_versions(campaign, merchant),
        _postal(merchant),
        *pace_points(campaign=campaign, merchant=merchant, people=people),
    ]


def blocking(*, campaign: Campaign, merchant: Merchant) -> list[Text]:
    """The reasons why it can't be sent; empty when it can."""
    points = _points(campaign, merchant, None)
    return [point.text or point.title for point in points if point.state == "bad"]


def _audience(campaign: Campaign, people: int | None) -> Point:
    if campaign.audience == Campaign.Audience.SEGMENT and campaign.segment_id is None:
        return Point("bad", _("Audience"), _("Choose who gets it."), AUDIENCE)
    if people == 0:
        return Point("bad", _("Audience"), _("Nobody in this audience can get it right now."), AUDIENCE)
    who = campaign.segment.name if campaign.segment else _("Everyone who allowed mail")
    return Point("good", _("Audience"), str(who), AUDIENCE)


def _sender(campaign: Campaign, merchant: Merchant) -> Point:
    email = content.sender_address(campaign, merchant)
    try:
        if address(email).utf8:
            raise BadAddress
    except BadAddress:
        text = _("“%(email)s” can't be a sender address.") % {"email": email}
        return Point("bad", _("Sender"), text, SENDER)
    name = campaign.sender_name or merchant.sender_name or merchant.name
    return Point("good", _("Sender"), f"{name} <{email}>", SENDER)


def _domain(campaign: Campaign, merchant: Merchant) -> list[Point]:
    """What the DNS says of the sender's domain, and whether too many readers complained lately."""
    title = _("Sender domain")
    row = domain_row(content.sender_address(campaign, merchant))
    if row is None or not row.checked_at:
        text = _("Nobody checked whether receivers believe it. Add it under Settings → Sender domains.")
        points = [Point("warn", title, text, SENDER)]
    elif is_sound(row.findings) is False:
        text = _("Something is wrong in its DNS; mail may land in spam. See Settings → Sender domains.")
        points = [Point("warn", title, text, SENDER)]
    else:
        points = [Point("good", title, row.domain, SENDER)]
    together, _rows = health(merchant=merchant, days=30)
    if together.complaint_tone:
        text = _("Too many readers called your mail spam lately. Send to those who opened something first.")
        points.append(Point("warn", _("Complaints"), text, AUDIENCE))
    return points


def _subject(campaign: Campaign) -> Point:
    subject = campaign.subject.strip()
    if not subject:
        return Point("bad", _("Subject"), _("Write a subject."))
    shown = re.sub(r"\{\{.*?\}\}", "xxxxxx", subject)
    if len(shown) > SUBJECT_SHOWN:
        return Point("warn", _("Subject"), _("Longer than most phones show (about 60 letters)."))
    return Point("good", _("Subject"), subject)


def _content(campaign: Campaign, merchant: Merchant) -> list[Point]:
    try:
        mail = content.compiled(campaign, merchant, tracks=campaign.tracks)
    except TemplateError as error:
        return [Point("bad", _("Content"), str(error))]
    points = []
    if is_unwritten(campaign.body):
        points.append(Point("bad", _("Text"), _("The words to begin with still stand in it. Write yours.")))
    size = mail.html_bytes
    if size > GMAIL_BYTES:
        points.append(
            Point("warn", _("Size"), _("%(size)s KB: Gmail cuts mails at 102 KB.") % {"size": size // 1024})
        )
    else:
        points.append(Point("good", _("Content"), _("%(size)s KB") % {"size": max(1, size // 1024)}))
    unknown = sorted(path for path in mail.paths if path.split(".")[0] not in KNOWN_NAMES)
    if unknown:
        points.append(
            Point(
                "warn",
                _("Placeholders"),
                _("Nothing is known as: %(names)s") % {"names": ", ".join(unknown[:5])},
            )
        )
    if lacks_alt(campaign.body):
        points.append(Point("warn", _("Pictures"), _("A picture has no description (alt).")))
    points += _words(campaign, mail.words)
    points.append(_way_out(campaign))
    return points


def lacks_alt(body: str) -> bool:
    """Whether a picture has no description."""
    pictures, alts, ends = (Ahead(mark, body) for mark in (_PICTURE, _ALT, TAG_END))
    at = 0
    while picture := pictures.after(at):
        at = picture.end()
        alt, end = alts.after(at), ends.after(at)
        if end is not None and (alt is None or alt.start() > end.start()):
            return True
    return False


def _versions(campaign: Campaign, merchant: Merchant) -> list[Point]:
    """Each version must be one that can be sent, and must differ."""
    points = []
    for version in campaign.versions.order_by("letter") if campaign.pk else []:
        title = _("Version %(letter)s") % {"letter": version.letter}
        try:
            content.compiled(content.as_version(campaign, version).campaign, merchant, tracks=campaign.tracks)
        except TemplateError as error:
            points.append(Point("bad", title, str(error)))
            continue
        if not any((version.subject, version.preheader, version.body, version.text, version.send_at)):
            points.append(Point("bad", title, _("It is the same as A. Write what shall be tried.")))
    return points


def _words(campaign: Campaign, text: str) -> list[Point]:
    """What a filter of junk mail may weigh against it."""
    points = []
    if shouts(campaign.subject):
        points.append(Point("warn", _("Subject"), _("It shouts: capitals or !! look like junk mail.")))
    found = spam_words(campaign.subject, campaign.preheader, text)
    if len(found) >= MANY_WORDS:
        said = _("Filters of junk mail know these: %(words)s") % {"words": ", ".join(found[:8])}
        points.append(Point("warn", _("Words"), said))
    return points


KNOWN_NAMES = frozenset({"customer", "shop", content.UNSUBSCRIBE, content.PREFERENCES, "now", "today"})


def _way_out(campaign: Campaign) -> Point:
    if "https://example.com" in campaign.body:
        return Point("warn", _("Links"), _("A link still leads to example.com."))
    return Point("good", _("Unsubscribe"), _("In the mail's head and foot, one click."))


def _postal(merchant: Merchant) -> Point:
    if merchant.postal_address:
        return Point("good", _("Postal address"), merchant.postal_address, SENDER)
    text = _("Many countries ask for one in each mail. Add it in the settings.")
    return Point("warn", _("Postal address"), text, SENDER)
