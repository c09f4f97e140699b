"""Settings → Visits."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

HOST = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MOST_HOSTS = 20


class VisitSettingsForm(forms.Form):
    is_on = forms.BooleanField(label=gettext_lazy("Take visits from the shop's pages"), required=False)
    hosts = forms.CharField(
        label=gettext_lazy("The shop's addresses"),
        required=False,
        help_text=gettext_lazy(
            "One a line, such as shop.example.com. Visits told from other pages are refused."
        ),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    def clean_hosts(self) -> list[str]:
        """Bare host names in small letters, each once; whole addresses are cut down to theirs."""
        lines = [line.strip() for line in self.cleaned_data["hosts"].splitlines() if line.strip()]
        hosts = list(dict.fromkeys(_host(line) for line in lines))
        if len(hosts) > MOST_HOSTS:
            raise forms.ValidationError(_("At most %(most)s addresses.") % {"most": MOST_HOSTS})
        return hosts

    def clean(self) -> dict[str, object]:
        said: dict[str, object] = super().clean() or {}
        if said.get("is_on") and not said.get("hosts") and not self.errors:
            self.add_error("hosts", _("Name the address whose pages tell of visits."))
        return said


def host_of(address: str) -> str:
    """The host of an address, with or without its scheme, in small ASCII letters; "" for what is none."""
    try:
        host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
        host = host.encode("idna").decode("ascii")
    except ValueError:  # UnicodeError is one
        return ""
    return host if HOST.fullmatch(host) else ""


def _host(line: str) -> str:
    host = host_of(line)
    if not host:
        raise forms.ValidationError(_("“%(line)s” is no address of a site.") % {"line": line[:100]})
    return host
