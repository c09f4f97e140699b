"""The evidence in plain words."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm.lib.errors import Text
from customers.duplicates.comparing import (
    AREA,
    CLOSE,
    DIFFERENT,
    INITIAL,
    LOCAL,
    MAILBOX,
    NICKNAME,
    OTHER_ORDER,
    SAME,
    SIMILAR,
    TAIL,
    TOWN,
)

NAME_LABEL: Text = gettext_lazy("Name")
FIELDS: Mapping[str, Text] = {
    "given_name": gettext_lazy("Given name"),
    "family_name": gettext_lazy("Family name"),
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Phone"),
    "birthday": gettext_lazy("Birthday"),
    "street": gettext_lazy("Address"),
    "town": gettext_lazy("Town"),
    "orders": gettext_lazy("Where orders went"),
}

_NAME = {
    SAME: pgettext_lazy("comparison", "the same"),
    OTHER_ORDER: gettext_lazy("the same, the other way round"),
    NICKNAME: gettext_lazy("a short form of it"),
    CLOSE: gettext_lazy("a letter or two apart"),
    INITIAL: gettext_lazy("the same initial"),
    SIMILAR: gettext_lazy("sounds or looks similar"),
    DIFFERENT: pgettext_lazy("comparison", "different"),
}
LEVELS: Mapping[str, Mapping[str, Text]] = {
    "given_name": _NAME,
    "family_name": _NAME,
    "email": {
        SAME: pgettext_lazy("comparison", "the same"),
        MAILBOX: gettext_lazy("the same mailbox, but for dots or a +tag"),
        LOCAL: gettext_lazy("the same name before the @"),
        CLOSE: gettext_lazy("a letter or two apart"),
        SIMILAR: gettext_lazy("similar before the @"),
        DIFFERENT: pgettext_lazy("comparison", "different"),
    },
    "phone": {
        SAME: pgettext_lazy("comparison", "the same"),
        TAIL: gettext_lazy("the same last digits"),
        CLOSE: gettext_lazy("one digit apart"),
        DIFFERENT: pgettext_lazy("comparison", "different"),
    },
    "birthday": {
        SAME: pgettext_lazy("comparison", "the same"),
        CLOSE: gettext_lazy("one digit apart, or day and month exchanged"),
        SIMILAR: gettext_lazy("two digits apart"),
        DIFFERENT: pgettext_lazy("comparison", "different"),
    },
    "street": {
        SAME: pgettext_lazy("comparison", "the same"),
        CLOSE: gettext_lazy("nearly the same"),
        DIFFERENT: pgettext_lazy("comparison", "different"),
    },
    "town": {
        AREA: gettext_lazy("the same postcode"),
        TOWN: gettext_lazy("the same town"),
        CLOSE: gettext_lazy("a postcode one digit apart"),
        SIMILAR: gettext_lazy("a similar name"),
        DIFFERENT: pgettext_lazy("comparison", "different"),
    },
    "orders": {
        SAME: gettext_lazy("parcels to the same address or phone"),
        DIFFERENT: gettext_lazy("parcels to different places"),
    },
}
# Bits: 1 in 64 strangers agrees so far; 1 in 4.
STRONG, SOME = 6.0, 2.0


def level_words(field: str, level: str) -> Text:
    return LEVELS.get(field, {}).get(level, level)


def strength_words(bits: float) -> str:
    """What the agreement or disagreement is worth."""
    if bits >= STRONG:
        return _("speaks strongly for one person")
    if bits >= SOME:
        return _("speaks for one person")
    if bits > -SOME:
        return _("says little")
    return _("speaks for two people") if bits > -STRONG else _("speaks strongly for two people")


def tone_of(bits: float) -> str:
    """ "good", "bad" or "" for a badge, which says it in words too."""
    if bits >= SOME:
        return "good"
    return "bad" if bits <= -SOME else ""


def chance_words(probability: float) -> str:
    """The probability as a count of such pairs."""
    if probability >= 0.9995:
        return _("More than 999 of 1,000 such pairs are one person.")
    if probability >= 0.99:
        return _("About %(count)s of 1,000 such pairs are one person.") % {"count": round(probability * 1000)}
    return _("About %(count)s of 100 such pairs are one person.") % {"count": round(probability * 100)}


def verdict_words(probability: float) -> str:
    if probability >= 0.99:
        return _("Almost certainly one person")
    return _("Very likely one person") if probability >= 0.9 else _("Probably one person")
