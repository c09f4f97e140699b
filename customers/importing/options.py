"""Choices beside the mapping that files of people, companies and answers share."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import Merchant
from crm.imports.fields import Text
from crm.imports.registry import Option

# GDPR Art. 6(1) and ePrivacy Directive Art. 13(2); PIPL Art. 13. What the merchant declares to hold.
LEGAL_BASES = (
    ("consent", gettext_lazy("They said yes to it, and I can show how")),
    ("customers", gettext_lazy("They are customers who were told and could say no (soft opt-in)")),
    ("contract", gettext_lazy("It is part of what they agreed with us in a contract")),
)


def known_choices(_merchant: Merchant) -> list[tuple[str, Text]]:
    return [
        ("fill", _("Fill in what is empty here")),
        ("overwrite", _("Take the file's word")),
        ("skip", _("Leave them as they are")),
    ]


def _bases(_merchant: Merchant) -> list[tuple[str, Text]]:
    return [("", _("– choose –")), *LEGAL_BASES]


def _phones(_merchant: Merchant) -> list[tuple[str, Text]]:
    return [("refuse", _("Refuse the row")), ("drop", _("Take the row without its phone"))]


PHONES = Option("phones", gettext_lazy("Phone numbers that can't be right"), _phones, "refuse")


def legal_basis(help: Text) -> Option:
    return Option("legal_basis", gettext_lazy("Why you may write to them"), _bases, "", help)
