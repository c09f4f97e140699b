"""Forms of the loyalty pages."""

from __future__ import annotations

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
        widget=forms.DateInput(attrs={"type": "date"}),
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
    name = forms.CharField(label=_("Tier"), max_length=40)
    threshold = forms.IntegerField(label=_("From points"), min_value=0, max_value=100_000_000)
    multiplier = forms.DecimalField(
        label=_("Earns times"), min_value=0.1, max_value=MOST_MULTIPLIER, decimal_places=2, initial=1
    )


class TierSet(forms.BaseFormSet):  # type: ignore[type-arg]
    """Rows left empty are no tiers."""

    def tiers(self) -> list[tuple[str, int, Any]]:
        rows = [form.cleaned_data for form in self.forms if form.cleaned_data]
        found = [(row["name"].strip(), row["threshold"], row["multiplier"]) for row in rows]
        return sorted(found, key=lambda one: one[1])


TierFormSet = forms.formset_factory(TierForm, formset=TierSet, extra=2, max_num=8, absolute_max=8)


class CorrectionForm(forms.Form):
    points = forms.IntegerField(label=_("Points"), help_text=_("With a minus to take them."))
    reason = forms.CharField(
        label=_("Why"), max_length=200, help_text=_("The customer and your colleagues can read it.")
    )
