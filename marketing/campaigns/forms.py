"""Forms of campaigns and templates. They check shape; the services decide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.models.consent import Channel
from marketing.campaigns.texts import values_of, values_text
from marketing.models import Campaign, Segment, SendingPolicy, Template, Version

CONTENT = ("subject", "preheader", "body", "text")
_CODE = forms.Textarea(attrs={"rows": 22, "spellcheck": "false", "class": "form-control gx-code"})
_WORDS = {
    "subject": _("What people read first. {{ customer.first_name }} becomes their name."),
    "preheader": _("The line that mail programs show behind the subject."),
    "body": _("MJML or HTML, with Liquid for what is personal."),
    "text": _("For programs without pictures. Left empty, it is written from the content."),
}


# Of a mail and of a message alike.
_SHARED_HELP = {
    "holdout_percent": _("They get nothing, by lot, so that you see what the mail itself brings."),
    "local_time": _(
        "“Send later” then means the clock where each person lives. Where that hour has passed already, it"
        " leaves at once."
    ),
}


class SegmentChoice(forms.ModelChoiceField[Segment]):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.name)


# A draft is kept without them; nothing is sent without them (marketing/campaigns/checklist.py).
TRIAL = ("trial_percent", "trial_metric", "trial_hours", "holdout_percent")
NEEDED_TO_SEND = ("segment", "subject", "body")


class CampaignForm(forms.ModelForm[Campaign]):
    """The maker's form. It is saved as it is typed, so only the name must be there; the labels say what the
    sending will need."""

    needed: tuple[str, ...] = NEEDED_TO_SEND
    segment = SegmentChoice(
        label=_("Segment"),
        queryset=Segment._base_manager.none(),
        required=False,
        empty_label=_("Choose a segment"),
    )

    class Meta:
        model = Campaign
        fields = (
            "name",
            "audience",
            "segment",
            "sender_name",
            "sender_email",
            "reply_to",
            *CONTENT,
            "tracks",
            *TRIAL,
            "local_time",
        )
        widgets = {"body": _CODE, "text": forms.Textarea(attrs={"rows": 6}), "audience": forms.RadioSelect}
        help_texts = _WORDS | {
            "trial_percent": _("Of the audience. 100: everybody gets one of the versions, and nobody waits."),
            "trial_hours": _("Then the others get the better version."),
            **_SHARED_HELP,
            "sender_email": _("Empty: the shop's own address."),
            "tracks": _("Counts who opened and clicked. Links then lead through this server."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["segment"].queryset = Segment.objects.live().order_by("name")  # type: ignore[attr-defined]
        self._ask_for(self.needed, True)
        for name in self._unsaid():
            self.fields[name].required = False

    def _unsaid(self) -> list[str]:
        """What a page that was opened before a version was added does not send."""
        return [name for name in TRIAL if self.is_bound and name in self.fields and name not in self.data]

    def clean(self) -> dict[str, Any]:
        """What was not said stays as it is."""
        values: dict[str, Any] = super().clean() or {}
        return values | {name: getattr(self.instance, name) for name in self._unsaid()}

    def full_clean(self) -> None:
        """Keeps an unfinished draft: what only the sending needs may be empty while it is checked."""
        self._ask_for(self.needed, False)
        super().full_clean()
        self._ask_for(self.needed, True)

    def _ask_for(self, names: tuple[str, ...], required: bool) -> None:
        for name in names:
            if name in self.fields:
                self.fields[name].required = required


class TextCampaignForm(CampaignForm):
    """The maker's form of an SMS or WeChat message: its words, or the values of the carrier's template."""

    carrier_url = forms.URLField(
        label=_("A tap leads to"), max_length=500, required=False, assume_scheme="https"
    )
    values = forms.CharField(
        label=_("Values"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "form-control gx-code"}),
        help_text=_("One place a line, such as: name = {{ customer.first_name }}"),
    )

    class Meta:
        model = Campaign
        fields = (
            *("name", "audience", "segment", "text", "carrier_template", "carrier_url"),
            *("holdout_percent", "local_time"),
        )
        widgets = {
            "audience": forms.RadioSelect,
            "text": forms.Textarea(attrs={"rows": 6, "maxlength": 2_000}),
        }
        labels = {"text": _("Message")}
        help_texts = {
            "text": _("Say who writes, and how to stop it: “Reply STOP to opt out” or “回T退订”."),
            "carrier_template": _("As the carrier lists it, such as SMS_1234567."),
            **{name: _SHARED_HELP[name] for name in ("holdout_percent", "local_time")},
        }

    def __init__(self, *args: Any, templated: bool, **kwargs: Any) -> None:
        instance: Campaign = kwargs["instance"]
        self.needed = ("segment", "carrier_template" if templated else "text")
        kwargs["initial"] = {"values": values_text(instance.carrier_values)}
        super().__init__(*args, **kwargs)
        unused = ["text"] if templated else ["carrier_template", "carrier_url", "values"]
        if instance.channel != Channel.WECHAT and templated:
            unused.append("carrier_url")
        for name in unused:
            del self.fields[name]
        self._ask_for(self.needed, True)
        audience = self.fields["audience"]
        assert isinstance(audience, forms.ChoiceField)
        audience.choices = [
            (Campaign.Audience.SEGMENT, Campaign.Audience.SEGMENT.label),
            (Campaign.Audience.EVERYONE, _("Everyone who allowed it")),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "values" in cleaned:
            try:
                cleaned["carrier_values"] = values_of(cleaned.pop("values"))
            except ValueError as error:
                self.add_error("values", str(error))
        return cleaned


class VersionForm(forms.ModelForm[Version]):
    """What is empty stays as in version A."""

    class Meta:
        model = Version
        fields = ("subject", "preheader", "send_at", "body", "text")
        widgets = {
            "body": _CODE,
            "text": forms.Textarea(attrs={"rows": 6}),
            "send_at": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }
        help_texts = {
            "subject": _("Empty: as in A."),
            "preheader": _("Empty: as in A."),
            "body": _("Empty: as in A."),
            "text": _("Empty: as in A, or written from this version's own content."),
            "send_at": _("Empty: at once. Else the next time that the clock shows it, to try an hour."),
        }


class TemplateForm(forms.ModelForm[Template]):
    class Meta:
        model = Template
        fields = ("name", *CONTENT)
        widgets = {"body": _CODE, "text": forms.Textarea(attrs={"rows": 6})}
        help_texts = _WORDS


class CampaignCreateForm(forms.Form):
    name = forms.CharField(
        label=pgettext_lazy("of a thing", "Name"), max_length=120, help_text=_("For you and your colleagues.")
    )
    channel = forms.ChoiceField(
        label=_("Way"),
        choices=Channel.choices,
        initial=Channel.EMAIL,
        required=False,
        widget=forms.RadioSelect,
        help_text=_("SMS and WeChat go by the carrier under Settings → Connections."),
    )
    template = forms.ModelChoiceField(
        label=_("Begin with"),
        queryset=Template._base_manager.none(),
        required=False,
        empty_label=_("A plain letter"),
        help_text=_("For mails."),
    )

    def clean_channel(self) -> str:
        return str(self.cleaned_data["channel"] or Channel.EMAIL.value)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = Template.objects.filter(archived_at__isnull=True).order_by("name")
        self.fields["template"].queryset = kept  # type: ignore[attr-defined]


class ScheduleForm(forms.Form):
    at = forms.DateTimeField(
        label=_("Send at"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        help_text=_("In the shop's time zone."),
    )


class TestForm(forms.Form):
    """Where a test goes: one or several, with commas, semicolons or lines between them."""

    customer = forms.CharField(required=False, widget=forms.HiddenInput(attrs={"data-seen-as": ""}))
    to = forms.CharField(max_length=1_500)

    def addresses(self) -> list[str]:
        given = re.split(r"[,;\n，；、]", self.cleaned_data["to"])
        return [each.strip() for each in given if each.strip()]


class TestSendForm(TestForm):
    """A mail's: to colleagues, in the words of one version."""

    version = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, letters: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        label = _("Send a test to, several with commas between them")
        self.fields["to"].widget.attrs |= {
            "class": "form-control",
            "aria-label": label,
            "list": "colleagues",
            "inputmode": "email",
            "autocomplete": "off",
            "spellcheck": "false",
        }
        version = self.fields["version"]
        assert isinstance(version, forms.ChoiceField)
        version.choices = [("", _("Version A")), *((each, each) for each in letters)]
        version.widget.attrs |= {"class": "form-select", "aria-label": _("Version")}
        if not letters:
            version.widget = forms.HiddenInput()


class TextTestForm(TestForm):
    """Of an SMS or WeChat message: numbers, or followers' OpenIDs."""

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sms = campaign.channel == Channel.SMS
        hint = _("Phone number, such as +86 138 0013 8000") if sms else _("A follower's OpenID")
        self.fields["to"].widget.attrs |= {"class": "form-control", "placeholder": hint, "aria-label": hint}


class PolicyForm(forms.ModelForm[SendingPolicy]):
    class Meta:
        model = SendingPolicy
        fields = (
            *("cap_count", "cap_days", "quiet_from", "quiet_until"),
            *("attribution_model", "attribution_days", "attribution_opens"),
            *("soft_bounces", "soft_days"),
        )
        widgets = {
            "quiet_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "quiet_until": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }
        help_texts = {
            "cap_count": _("Marketing mails to one person; 0 means no limit."),
            "soft_bounces": _(
                "Mails to one address that came back for now (mailbox full, server away); 0 means never."
                " Where nobody is there, writing stops at once."
            ),
            "quiet_from": _("In the customer's own time zone. Empty: no quiet hours."),
            "attribution_days": _("Between 1 and 90. Reports can be looked at with another window any time."),
            "attribution_opens": _("Mail programs open by themselves, so opens say less than clicks."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("soft_bounces", "soft_days"):  # left out: they stay as they are
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        for name in ("soft_bounces", "soft_days"):
            if values.get(name) is None:
                values[name] = getattr(self.instance, name)
        if bool(values.get("quiet_from")) != bool(values.get("quiet_until")):
            self.add_error("quiet_until", _("Quiet hours need a beginning and an end."))
        return values
