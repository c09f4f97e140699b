"""Where marketing uses a custom field: segments that ask for it, mails that name it."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from customers.fields.conditions import key_for
from customers.fields.selectors import Use, add_uses
from customers.models import FieldDefinition
from marketing.models import Segment, Template


def _segments(definition: FieldDefinition) -> list[Use]:
    key = f'"{key_for(definition)}"'  # as JSON writes it, so that "tea" is not found in "tea_time"
    rows = Segment.objects.live().extra(where=["definition::text LIKE %s"], params=[f"%{_escaped(key)}%"])
    return [
        Use(_("Segment"), one.name, reverse("segment_detail", args=[one.pk])) for one in rows.order_by("name")
    ]


def _templates(definition: FieldDefinition) -> list[Use]:
    word = rf"attributes\.{definition.key}\y"
    rows = Template.objects.filter(archived_at__isnull=True, body__regex=word).order_by("name")
    return [Use(_("Template"), one.name) for one in rows]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def register() -> None:
    add_uses(_segments)
    add_uses(_templates)
