"""Forms of the loyalty pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from marketing.loyalty.models import MOST_MULTIPLIER, Program


class ProgramForm(forms.ModelForm[Program]):
    starts_on = forms.DateField(
        label=_("Orders earn from"),
        help_text=_(
            "Orders paid since that day earn points; choose an earlier day to reward past orders too."
        ),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    class Meta:
        model = Program
        fields = ["name", "is_active", "points_per_unit", "starts_on", "expiry_months", "tier_days"]
        help_texts = {
            "points_per_unit": _("For each whole unit of the shop's currency that stays after refunds."),
            "expiry_months": _("0: they never expire."),
            "tier_days": _("The tier follows from the points earned in this window."),
        }


class TierForm(forms.Form):
    """A row without a name is no tier."""

    name = forms.CharField(label=_("Tier"), max_length=40, required=False)
    threshold = forms.IntegerField(label=_("From points"), min_value=0, max_value=100_000_000, required=False)
    multiplier = forms.DecimalField(
        label=_("Earns times"),
        min_value=Decimal("0.1"),
        max_value=MOST_MULTIPLIER,
        decimal_places=2,
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("name") and values.get("threshold") is None and "threshold" not in self.errors:
            self.add_error("threshold", _("From how many points?"))
        return values


class TierSet(forms.BaseFormSet):  # type: ignore[type-arg]
    def tiers(self) -> list[tuple[str, int, Decimal]]:
        """(name, from points, earns times), lowest first."""
        rows = [form.cleaned_data for form in self.forms if form.cleaned_data.get("name")]
        found = [(row["name"].strip(), row["threshold"], row["multiplier"] or Decimal(1)) for row in rows]
        return sorted(found, key=lambda one: one[1])


TierFormSet = forms.formset_factory(TierForm, formset=TierSet, extra=2, max_num=8, absolute_max=8)


class CorrectionForm(forms.Form):
    points = forms.IntegerField(label=_("Points"), help_text=_("With a minus to take them."))
    reason = forms.CharField(
        label=_("Why"), max_length=200, help_text=_("The customer and your colleagues can read it.")
    )
