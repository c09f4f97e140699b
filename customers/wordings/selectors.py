"""Which text somebody reads today, and the versions before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.utils import timezone

from crm.accounts.models import Merchant
from customers.models import ConsentWording
from customers.models.wording import Channel, Purpose, digest_of
from customers.wordings.house import asked_about, house_text, languages

Key = tuple[str, str]  # purpose, channel


@dataclass
class Line:
    """One text in one language: what is read now, what will be, what was. `current` may be unsaved: the
    house's text, of which no answer is kept yet."""

    purpose: Purpose
    channel: Channel
    language: str
    current: ConsentWording
    later: list[ConsentWording] = field(default_factory=list)
    earlier: list[ConsentWording] = field(default_factory=list)

    @property
    def is_house(self) -> bool:
        return not self.current.created_by


def lines_in(merchant: Merchant, language: str) -> list[Line]:
    """Every text in this language, with its versions; texts that nobody wrote in it fall back to another
    language. One query."""
    known = _versions(merchant, {language, merchant.locale})
    lines = []
    for purpose, channel in asked_about():
        current = _pick(merchant, known, purpose, channel, language)
        versions = known.get((purpose, channel, current.language), [])
        now = timezone.now()
        lines.append(
            Line(
                purpose,
                channel,
                current.language,
                current,
                [one for one in versions if one.valid_from > now],
                [one for one in versions if one.pk != current.pk and one.valid_from <= now],
            )
        )
    return lines


def current_wordings(merchant: Merchant, language: str) -> dict[Key, ConsentWording]:
    """(purpose, channel) → what is read today in this language; some not saved yet (`wording_kept`). One
    query."""
    return {(line.purpose, line.channel): line.current for line in lines_in(merchant, language)}


def wording_now(merchant: Merchant, channel: str, purpose: str, language: str) -> ConsentWording | None:
    """What is read today; None where nothing is asked by this way (profiling by SMS)."""
    return current_wordings(merchant, language).get((purpose, channel))


def wording_shown(
    merchant: Merchant, channel: str, purpose: str, language: str, digest: str
) -> ConsentWording | None:
    """The text with this hash that a page showed, if it is still the one to show; any page's without a
    hash."""
    current = wording_now(merchant, channel, purpose, language)
    return current if current is not None and digest in ("", current.digest) else None


def languages_written(merchant: Merchant, *more: str) -> list[str]:
    """The house's languages and those that the shop wrote a text in, `more` too, in the order of choices."""
    used = {*ConsentWording.objects.filter(merchant=merchant).values_list("language", flat=True), *more}
    return [code for code, _label in languages() if code in used or code in dict(settings.LANGUAGES)]


def _versions(
    merchant: Merchant, languages: Iterable[str]
) -> dict[tuple[str, str, str], list[ConsentWording]]:
    """Newest first."""
    rows = ConsentWording.objects.filter(merchant=merchant, language__in=set(languages))
    found: dict[tuple[str, str, str], list[ConsentWording]] = {}
    for row in rows.order_by("-valid_from", "-version"):
        found.setdefault((row.purpose, row.channel, row.language), []).append(row)
    return found


def _pick(
    merchant: Merchant,
    known: dict[tuple[str, str, str], list[ConsentWording]],
    purpose: str,
    channel: str,
    language: str,
) -> ConsentWording:
    """The shop's own text, else the house's, in this language; else the same in the shop's; else English."""
    for one in (language, merchant.locale, "en"):
        found = _in_language(merchant, known.get((purpose, channel, one), []), purpose, channel, one)
        if found is not None:
            return found
    raise LookupError(f"no wording for {purpose} by {channel}")  # asked_about() has an English text for each


def _in_language(
    merchant: Merchant, versions: list[ConsentWording], purpose: str, channel: str, language: str
) -> ConsentWording | None:
    now = timezone.now()
    newest = next((one for one in versions if one.valid_from <= now), None)
    if newest is not None and newest.created_by:
        return newest
    text = house_text(merchant, channel, purpose, language)
    if not text or (newest is not None and newest.text == text):
        return newest
    return ConsentWording(
        merchant=merchant,
        channel=channel,
        purpose=purpose,
        language=language,
        version=max((one.version for one in versions), default=0) + 1,
        text=text,
        digest=digest_of(text),
    )
