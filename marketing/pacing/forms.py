"""Limits of pace and warm-up plans, as staff write them."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.models import Merchant
from crm.integrations.models import Connection
from marketing.models import PaceLimit, SenderDomain, WarmupPlan
from marketing.models.pacing import MOST_MAILS
from marketing.pacing.ladders import FIRST, SHAPES, TOP, ladder
from marketing.pacing.receivers import RECEIVERS
from marketing.pacing.services import MOST_DAYS
from marketing.pacing.warming import domain_of, shop_day
from marketing.sending.content import default_sender

Kind = PaceLimit.Kind
OWN = "own"
_NUMBERS = re.compile(r"[0-9]+")


class RateForm(forms.Form):
    amount = forms.IntegerField(label=_("At most"), min_value=1, max_value=MOST_MAILS)
    per = forms.ChoiceField(
        label=pgettext_lazy("so many in a time", "in"), choices=PaceLimit.Per, initial=PaceLimit.Per.MINUTE
    )


class LimitForm(RateForm):
    target = forms.ChoiceField(label=_("For"))
    domain = forms.CharField(
        label=_("Domain"),
        required=False,
        max_length=253,
        help_text=_("Only for “One domain”: what stands behind the @, such as company.com."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("target", "domain", "amount", "per")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        carriers = Connection.objects.exclude(channel="").order_by("name")
        ways: list[tuple[str, Any]] = [(Kind.SERVER.value, Kind.SERVER.label)]
        ways += [(f"{Kind.CONNECTION}:{one.pk}", one.name) for one in carriers]
        receivers = [(f"{Kind.GROUP}:{key}", one.label) for key, one in RECEIVERS.items()]
        target: Any = self.fields["target"]
        target.choices = [
            (_("Everything that goes by"), ways),
            (_("Mail to mailboxes of"), receivers),
            (_("Mail to"), [(Kind.DOMAIN.value, Kind.DOMAIN.label)]),
        ]

    def values(self) -> dict[str, Any]:
        """What services.limit_add takes."""
        kind, _colon, rest = self.cleaned_data["target"].partition(":")
        values = {"kind": kind, "amount": self.cleaned_data["amount"], "per": self.cleaned_data["per"]}
        if kind == Kind.CONNECTION:
            return values | {"connection": Connection.objects.filter(pk=rest).first()}
        return values | {"name": self.cleaned_data["domain"] if kind == Kind.DOMAIN else rest}


class AmountsField(forms.CharField):
    """Whole numbers, written with anything between them that is no digit or comma of thousands."""

    def __init__(self, **kwargs: Any) -> None:
        area = forms.Textarea(attrs={"rows": 4, "inputmode": "numeric"})
        super().__init__(**{"widget": area, "max_length": 2_000, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return " ".join(str(one) for one in value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if re.search(r"[^0-9\s,;，、；]", text):
            raise forms.ValidationError(_("Write whole numbers with a space between them: 50 100 200"))
        return [int(one) for one in _NUMBERS.findall(text)]


class WarmupForm(forms.Form):
    domain = forms.ChoiceField(label=_("Sender domain"))
    starts_on = forms.DateField(
        label=_("Starts on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    shape = forms.ChoiceField(label=_("Grows"), widget=forms.RadioSelect, initial="double")
    first = forms.IntegerField(
        label=_("On the first day"), min_value=1, max_value=1_000_000, initial=FIRST, required=False
    )
    top = forms.IntegerField(
        label=_("Up to a day"),
        min_value=1,
        max_value=10_000_000,
        initial=TOP,
        required=False,
        help_text=_("As many as you send on your biggest day. The plan ends behind that day."),
    )
    amounts = AmountsField(
        label=_("Your own amounts"),
        required=False,
        help_text=_("Only for “My own amounts”: one number for each day, such as 50 100 200 400."),
    )
    goes_from = forms.TimeField(
        label=_("What waited goes from"),
        initial="08:00",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("By the shop's clock; mails that are over a day's amount wait for the next one."),
    )

    def __init__(self, *args: Any, merchant: Merchant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = domain_of(default_sender(merchant))
        names = sorted({own, *SenderDomain.objects.values_list("domain", flat=True)})
        domain: Any = self.fields["domain"]
        domain.choices, domain.initial = [(name, name) for name in names], own
        shape: Any = self.fields["shape"]
        shape.choices = [*((key, label) for key, (label, _x) in SHAPES.items()), (OWN, _("My own amounts"))]
        self.fields["starts_on"].initial = shop_day(merchant, timezone.now())

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        shape = values.pop("shape", "")
        first, top = values.pop("first", None) or FIRST, values.pop("top", None) or TOP
        if shape == OWN:
            if "amounts" in values and not values["amounts"]:
                self.add_error("amounts", _("Write the mails of each day."))
        elif shape:
            values["amounts"] = ladder(first, SHAPES[shape][1], top, MOST_DAYS)
        return values


class WarmupChangeForm(forms.ModelForm[WarmupPlan]):
    amounts = AmountsField(
        label=_("Mails a day"), help_text=_("One number for each day of the plan, the first day first.")
    )

    class Meta:
        model = WarmupPlan
        fields = ("amounts", "goes_from", "is_kept")
        widgets = {"goes_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M")}
        help_texts = {"is_kept": _("The amount stays as it is today until you take this away again.")}
