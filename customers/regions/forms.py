"""The forms of Settings → Regions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.models import Region
from customers.regions.selectors import found_by, path_names


class RegionForm(forms.Form):
    """One region. `parent` is chosen among what is near: its line, its sisters, and the first two levels."""

    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=80)
    parent = forms.ChoiceField(label=_("Lies in"), required=False)
    aliases = forms.CharField(
        label=_("Other spellings"),
        required=False,
        max_length=3_000,
        help_text=_(
            "With commas between. Of a Chinese name its pinyin and the name without 省, 市 or 区 are known."
        ),
    )
    code = forms.CharField(
        label=_("Code"),
        required=False,
        max_length=20,
        help_text=_("Such as CN-GD or 440300; found like a spelling."),
    )
    country = forms.CharField(
        label=_("Country code"),
        required=False,
        max_length=2,
        help_text=_(
            "Two letters, for a country at the top of the tree. Nobody of another country is put into it."
        ),
    )

    def __init__(self, *args: Any, region: Region | None, parent: Region | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parents = _near(region, parent)
        field = self.fields["parent"]
        assert isinstance(field, forms.ChoiceField)
        names = path_names(self.parents)
        rows = sorted(((str(pk), name) for pk, name in names.items()), key=lambda pair: pair[1])
        field.choices = [("", _("Nothing: at the top")), *rows]
        if parent is not None:
            self.fields["country"].widget = forms.HiddenInput()

    def values(self) -> dict[str, Any]:
        """What `region_add` and `region_change` take."""
        said = dict(self.cleaned_data)
        by_id = {str(one.pk): one for one in self.parents}
        said["parent"] = by_id.get(said["parent"])
        said["aliases"] = [one for one in said["aliases"].replace("，", ",").split(",") if one.strip()]
        if said["parent"] is not None:
            said.pop("country")
        return said


def _near(region: Region | None, parent: Region | None) -> list[Region]:
    rows = {one.pk: one for one in Region.objects.filter(level__lte=1)}
    if parent is not None:
        rows[parent.pk] = parent
        rows |= {one.pk: one for one in Region.objects.filter(parent=parent.parent_id)}
    if region is not None:
        rows = {pk: one for pk, one in rows.items() if not one.path.startswith(region.path)}
    return list(rows.values())


class LinesForm(forms.Form):
    """A list typed or pasted."""

    lines = forms.CharField(
        label=_("One region in a line"),
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 8, "placeholder": "China > Guangdong > Shenzhen | 深圳, SZ"}),
        help_text=_(
            "From the outside in, with > between; other spellings after |. What is there already stays."
        ),
    )


class SpellingForm(forms.Form):
    """Which region some words mean."""

    spelling = forms.CharField(max_length=80)
    region = forms.CharField(label=_("Region"), max_length=80)

    def clean_region(self) -> Region:
        said = self.cleaned_data["region"]
        found = found_by(said)
        if not found:
            raise forms.ValidationError(_("No region goes by “%(said)s”."), params={"said": said})
        if len(found) > 1 and found[0].level == found[1].level:
            names = ", ".join(path_names(found[:5]).values())
            raise forms.ValidationError(
                _("Several go by that: %(names)s. Give its code."), params={"names": names}
            )
        return found[0]
