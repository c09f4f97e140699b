"""Forms of the connection and webhook pages. They check shape; the services decide."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.events.types import REGISTRY, Text
from crm.integrations.messengers.base import Messenger
from crm.integrations.stores.base import StoreAdapter
from crm.integrations.stores.shopify import SHOP

UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


class ConnectionForm(forms.Form):
    """A name and the store's own credentials. When changing, an empty secret keeps the stored one."""

    name = forms.CharField(
        label=pgettext_lazy("of a thing", "Name"),
        max_length=80,
        help_text=_("What you call it, such as “Shopify Europe”."),
    )

    def __init__(
        self, *args: Any, adapter: StoreAdapter | Messenger, changing: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.words = {"name", *(one.name for one in adapter.fields if one.kind == "words")}
        self.urls = {one.name for one in adapter.fields if one.kind == "url"}
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
        for name, value in list(cleaned.items()):
            if name not in self.words and UNPRINTABLE.search(value or ""):
                self.add_error(name, ValidationError(_("This holds characters that no such value has.")))
            elif name in self.urls and value and not value.strip().startswith("https://"):
                self.add_error(name, ValidationError(_("The address must start with https://."), code="url"))
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
        return str(self.cleaned_data["site"]).strip().rstrip("/")

    def values(self) -> dict[str, str]:
        return {name: value for name, value in self.cleaned_data.items() if name != "name"}


# The apps in the order in which a reader looks for them; others follow.
GROUPS: dict[str, Text] = {
    "orders": _("Orders"),
    "customers": _("Customers"),
    "reviews": _("Reviews"),
    "service": _("Tickets"),
    "loyalty": _("Loyalty"),
    "marketing": _("Marketing"),
    "imports": _("Imports"),
    "accounts": _("Team and settings"),
    "integrations": _("Connections"),
}


def event_groups() -> dict[str, list[tuple[str, Any]]]:
    """app → (event name, label) of every kind that can be told."""
    groups: dict[str, list[tuple[str, Any]]] = {app: [] for app in GROUPS}
    for kind in sorted(REGISTRY.values(), key=lambda one: one.name):
        groups.setdefault(kind.name.partition(".")[0], []).append((kind.name, kind.label))
    return {app: choices for app, choices in groups.items() if choices}


class EndpointForm(forms.Form):
    """Address and events; `cleaned_data["events"]` joins what was chosen in each app."""

    name = forms.CharField(
        label=pgettext_lazy("of a thing", "Name"),
        max_length=80,
        required=False,
        help_text=_("What listens there, such as “Warehouse”."),
    )
    url = forms.URLField(label=_("Address"), max_length=500, assume_scheme="https")

    def __init__(self, data: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        start = initial or {}
        super().__init__(data, initial=start)
        for app, choices in event_groups().items():
            names = {name for name, _label in choices}
            self.fields[f"events_{app}"] = forms.MultipleChoiceField(
                label=str(GROUPS.get(app, app.title())),
                choices=choices,
                required=False,
                widget=forms.CheckboxSelectMultiple,
                initial=[name for name in start.get("events", ()) if name in names],
            )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        parts = [names for field, names in cleaned.items() if field.startswith("events_")]
        cleaned["events"] = [name for names in parts for name in names]
        if not cleaned["events"]:
            self.add_error(None, ValidationError(_("Choose at least one event."), code="events"))
        return cleaned
