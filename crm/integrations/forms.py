"""Forms of the connection and webhook pages. They check shape; the services decide."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from crm.events.types import REGISTRY
from crm.integrations.stores.base import StoreAdapter
from crm.integrations.stores.shopify import SHOP
from crm.lib.errors import CrmError

UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


class ConnectionForm(forms.Form):
    """A name and the store's own credentials. When changing, an empty secret keeps the stored one."""

    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("What you call this shop, such as “Shopify Europe”.")
    )

    def __init__(self, *args: Any, adapter: StoreAdapter, changing: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for one in adapter.fields:
            if one.generated:
                continue
            kept = changing and one.secret
            widget = forms.PasswordInput(attrs={"autocomplete": "off"}) if one.secret else forms.TextInput()
            if kept:
                widget.attrs["placeholder"] = _("Leave empty to keep it")
            self.fields[one.name] = forms.CharField(
                label=str(one.label),
                help_text=str(one.help),
                required=one.required and not kept,
                max_length=500,
                widget=widget,
            )

    def clean(self) -> dict[str, Any]:
        """Credentials are printable ASCII; anything else came along when copying."""
        cleaned: dict[str, Any] = super().clean() or {}
        for name, value in cleaned.items():
            if name != "name" and UNPRINTABLE.search(value or ""):
                self.add_error(name, ValidationError(_("This holds characters that no such value has.")))
        return cleaned

    def clean_shop(self) -> str:
        shop = str(self.cleaned_data["shop"]).strip().lower().removeprefix("https://").rstrip("/")
        if shop and "." not in shop:
            shop = f"{shop}.myshopify.com"
        if not SHOP.fullmatch(shop):
            raise ValidationError(
                _("Use the shop's own address, such as my-shop.myshopify.com."), code="shop"
            )
        return shop

    def clean_site(self) -> str:
        site = str(self.cleaned_data["site"]).strip().rstrip("/")
        if not site.startswith("https://"):
            raise ValidationError(_("The address must start with https://."), code="site")
        return site

    def values(self) -> dict[str, str]:
        return {name: value for name, value in self.cleaned_data.items() if name != "name"}


def event_choices() -> list[tuple[str, Any]]:
    """Every kind of event that can be told, those of one app together."""
    kinds = sorted(REGISTRY.values(), key=lambda one: one.name)
    return [(kind.name, format_lazy("{} · {}", kind.label, kind.name)) for kind in kinds]


class EndpointForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        required=False,
        help_text=_("What listens there, such as “Warehouse”."),
    )
    url = forms.URLField(label=_("Address"), max_length=500, assume_scheme="https")
    events = forms.MultipleChoiceField(label=_("Tell it about"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["events"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = event_choices()


def blame(form: forms.Form, error: CrmError) -> None:
    """Puts a service's refusal beside the fields that it names, or above the form."""
    for name, texts in error.fields.items():
        for text in texts:
            form.add_error(name if name in form.fields else None, str(text))
    if not error.fields:
        form.add_error(None, str(error.message))
