"""Forms of exports."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .models import Export
from .registry import Text
from .services import SHORTEST_REASON


class AskForm(forms.Form):
    format = forms.ChoiceField(label=_("File"), initial=Export.Format.XLSX, widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("What is it for?"),
        min_length=SHORTEST_REASON,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_(
            "It stands in the audit log, and a second person reads it before a large file is written."
        ),
    )

    def __init__(self, *args: Any, formats: list[tuple[str, Text]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["format"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = formats


class RefuseForm(forms.Form):
    why = forms.CharField(
        label=_("Why not?"), max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
