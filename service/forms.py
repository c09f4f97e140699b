"""What staff type at the desk."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import Membership, Merchant
from crm.lib.crypto import encrypt
from customers.models import Customer
from customers.normalising import normalise_email
from orders.models import Order
from service.macros import PLACES, unknown_places
from service.models import BusinessHours, Macro, ServiceSettings, SlaPolicy, Ticket
from service.models.entry import BODY_CHARS
from service.tickets import Stranger, Words, ticket_open

DAYS = [
    (0, gettext_lazy("Monday")),
    (1, gettext_lazy("Tuesday")),
    (2, gettext_lazy("Wednesday")),
    (3, gettext_lazy("Thursday")),
    (4, gettext_lazy("Friday")),
    (5, gettext_lazy("Saturday")),
    (6, gettext_lazy("Sunday")),
]
STAFF_CHANNELS = [
    (Ticket.Channel.PHONE, gettext_lazy("Phone")),
    (Ticket.Channel.EMAIL, gettext_lazy("E-mail")),
]


class TicketForm(forms.Form):
    """Who, what about, and what was said."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=40, initial=lambda: uuid.uuid4().hex)
    customer = forms.IntegerField(widget=forms.HiddenInput, required=False)
    order = forms.IntegerField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200, required=False)
    email = forms.CharField(
        label=gettext_lazy("E-mail"), max_length=320, required=False, widget=forms.EmailInput()
    )
    order_number = forms.CharField(label=gettext_lazy("Order number"), max_length=60, required=False)
    channel = forms.ChoiceField(label=gettext_lazy("How they came"), choices=STAFF_CHANNELS)
    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=120, required=False)
    text = forms.CharField(
        label=gettext_lazy("What they said"), max_length=BODY_CHARS, widget=forms.Textarea(attrs={"rows": 6})
    )

    def __init__(self, *args: Any, membership: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.orders = Order.objects.visible_to(membership).select_related("customer")
        self.known = self._known("customer", Customer.objects.present().visible_to(membership))
        self.about = self._known("order", self.orders)

    def _known(self, name: str, rows: Any) -> Any:
        raw = str(self.data.get(name) or self.initial.get(name) or "")
        return rows.filter(pk=int(raw)).first() if raw.isdecimal() and len(raw) < 19 else None

    def clean_email(self) -> str:
        given = str(self.cleaned_data["email"])
        address = normalise_email(given)
        if given and not address:
            raise forms.ValidationError(_("This is not an e-mail address."))
        return address

    def clean_order_number(self) -> str:
        number = str(self.cleaned_data["order_number"]).strip()
        if number:
            self.about = self.orders.filter(number=number).order_by("-placed_at").first()
            if self.about is None:
                raise forms.ValidationError(_("There is no order with this number."))
        return number

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not (self.known or self.about or cleaned.get("email") or cleaned.get("name")):
            self.add_error("name", _("Say who it is: a name, an address or an order."))
        return cleaned

    def open(self, *, merchant: Merchant, author: Membership) -> Ticket:
        data = self.cleaned_data
        return ticket_open(
            merchant=merchant,
            subject=data["subject"],
            words=Words(data["text"], key=f"new:{author.pk}:{data['key']}"),
            channel=data["channel"],
            customer=self.known or (self.about.customer if self.about else None),
            order=self.about,
            contact=Stranger(name=data["name"], email=data["email"]),
        )


class MacroForm(forms.ModelForm[Macro]):
    class Meta:
        model = Macro
        fields = ["name", "text", "is_active"]
        widgets = {"text": forms.Textarea(attrs={"rows": 8})}

    def __init__(self, *args: Any, merchant: Merchant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.merchant = merchant

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if Macro.objects.filter(name=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("There is a macro with this name already."))
        return name

    def clean_text(self) -> str:
        text = str(self.cleaned_data["text"])
        if strange := unknown_places(text):
            places = ", ".join(f"{{{{{name}}}}}" for name in PLACES)
            message = _("Nobody can fill %(strange)s. Places are: %(places)s.")
            raise forms.ValidationError(message % {"strange": ", ".join(strange), "places": places})
        return text

    def save(self, commit: bool = True) -> Macro:
        self.instance.merchant = self.merchant
        return super().save(commit)


class HoursForm(forms.ModelForm[BusinessHours]):
    days = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Open on"), choices=DAYS, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    opens = forms.TimeField(
        label=gettext_lazy("Opens"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    closes = forms.TimeField(
        label=gettext_lazy("Closes"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )

    class Meta:
        model = BusinessHours
        fields = ["days", "opens", "closes"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("opens") and cleaned.get("closes") and cleaned["closes"] <= cleaned["opens"]:
            self.add_error("closes", _("Must be after opening."))
        return cleaned


class SlaForm(forms.ModelForm[SlaPolicy]):
    """Times of one priority, in hours."""

    first_hours = forms.DecimalField(
        label=gettext_lazy("First answer, hours"), min_value=0, max_value=999, max_digits=6, decimal_places=2
    )
    resolve_hours = forms.DecimalField(
        label=gettext_lazy("Solution, hours"), min_value=0, max_value=9999, max_digits=6, decimal_places=2
    )

    class Meta:
        model = SlaPolicy
        fields: list[str] = []


class MailboxForm(forms.ModelForm[ServiceSettings]):
    """Where customers' mails arrive. The password is kept encrypted and never shown again."""

    password = forms.CharField(
        label=gettext_lazy("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Leave it empty to keep the one that is stored."),
    )

    class Meta:
        model = ServiceSettings
        fields = ["reply_address", "mailbox_host", "mailbox_port", "mailbox_tls", "mailbox_user"]
        help_texts = {
            "reply_address": gettext_lazy(
                "Answers go out with this as their way back, with a mark behind a plus: help+…@shop.com."
            ),
            "mailbox_host": gettext_lazy("Empty: nothing is fetched."),
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("mailbox_host") and not (cleaned.get("password") or self.instance.mailbox_secret):
            self.add_error("password", _("The mailbox needs its password."))
        if cleaned.get("mailbox_host") and not cleaned.get("mailbox_user"):
            self.add_error("mailbox_user", _("The mailbox needs its user name."))
        return cleaned

    def save(self, commit: bool = True) -> ServiceSettings:
        if self.cleaned_data.get("password"):
            self.instance.mailbox_secret = encrypt(self.cleaned_data["password"])
        return super().save(commit)


class DeskForm(forms.ModelForm[ServiceSettings]):
    class Meta:
        model = ServiceSettings
        fields = ["vip_tiers", "big_order", "late_parcels"]
        help_texts = {
            "vip_tiers": gettext_lazy("Loyalty tiers, separated by commas. Each lifts a ticket by one step."),
            "big_order": gettext_lazy(
                "In the currency of the books. Empty: the worth of an order changes nothing."
            ),
            "late_parcels": gettext_lazy("Once for each order, when its promised day has passed."),
        }
