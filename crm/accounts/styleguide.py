"""The gallery of components at /styleguide/: what a developer looks at, and what axe and the tests visit."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.routes import StaffRequest
from crm.lib.ui.parts import Chart, Chip, Series, Step, Tab, TimelineEntry

DAYS = 30
PICTURES = ("people", "orders", "inbox", "reviews", "mail", "chart", "search", "done")


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label=_("Name"), help_text=_("As customers see it."), max_length=60)
    language = forms.ChoiceField(
        label=_("Language"), choices=[("en", "English"), ("zh-hans", "简体中文"), ("zh-hant", "繁體中文")]
    )
    note = forms.CharField(label=_("Note"), widget=forms.Textarea(attrs={"rows": 3}), required=False)
    channels = forms.MultipleChoiceField(
        label=_("Channels"),
        choices=[("mail", _("E-mail")), ("sms", "SMS"), ("wechat", "WeChat")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    active = forms.BooleanField(label=_("Active"), help_text=_("Off means nobody sees it."), required=False)
    file = forms.FileField(
        label=_("File"), required=False, widget=forms.FileInput(attrs={"data-max-mb": "100"})
    )


def styleguide(request: StaffRequest) -> HttpResponse:
    """Every component with sample words; nothing here is read from the shop."""
    return render(request, "styleguide/styleguide.html", sample_context())


def why(request: StaffRequest) -> HttpResponse:
    """What the sample side panel loads."""
    return render(request, "styleguide/_why.html")


def sample_context() -> dict[str, Any]:
    wave = [420 + 12 * day + (day * 37) % 90 for day in range(DAYS)]
    return {
        "now": timezone.now(),
        "names": ["李晓梅", "王芳", "Anna de Vries", "wang@example.cn", "司马相如", "O’Brien", ""],
        "long_name": "Wolfeschlegelsteinhausenbergerdorff-Anastasopoulos Maximiliane von Oberniederwinkel",
        "amounts": [
            *[(Decimal("3280"), "CNY"), (Decimal("-12.5"), "USD"), (Decimal("9800"), "JPY")],
            *[(Decimal("1.2345"), "KWD"), (Decimal("1204.9"), "EUR"), (Decimal("66"), "CHF")],
        ],
        "times": [
            timezone.now() - timedelta(seconds=one) for one in (5, 720, 9000, 90000, 1_000_000, 40_000_000)
        ],
        "wave": wave,
        "tabs": [Tab(_("All"), "#", True, 1204), Tab(_("Unpaid"), "#", False, 12), Tab(_("Late"), "#")],
        "chips": [Chip(_("Bought in last 90 days"), "#"), Chip(_("No open ticket"), "#")],
        "steps": [
            Step(_("File"), "done", "#"),
            Step(_("Columns"), "current"),
            Step(_("Check")),
            Step(_("Run")),
        ],
        "entries": _entries(),
        "charts": _charts(wave),
        "cohorts": _cohorts(),
        "form": SampleForm(),
        "wrong_form": SampleForm({"name": "", "language": "xx"}, auto_id="wrong_%s"),
        "pictures": PICTURES,
    }


def _entries() -> list[TimelineEntry]:
    now = timezone.now()
    quote = "Where is my parcel? It was promised for the 18th.\n请问我的包裹到哪里了？"
    return [
        TimelineEntry(now, _("Ticket #1042 “Where is my parcel?”"), "message", "info", "#", quote=quote),
        TimelineEntry(
            now - timedelta(hours=2), _("Parcel is late"), "truck", "bad", body=_("promised for 18 Nov")
        ),
        TimelineEntry(
            now - timedelta(days=12), _("Order T-2231 paid"), "shopping-bag", "good", "#", actor="Wang"
        ),
        TimelineEntry(now - timedelta(days=12, hours=3), _("Campaign “11.11” opened"), "mail-opened"),
    ]


def _charts(wave: list[int]) -> list[Chart]:
    days = [str((timezone.localdate() - timedelta(days=DAYS - 1 - day)).day) for day in range(DAYS)]
    before = [value * 0.8 for value in wave]
    revenue = [Series(_("This month"), wave), Series(_("Month before"), before)]
    channels = ["Shopify", "WooCommerce", "POS", "WeChat"]
    steps = [_("Sent"), _("Opened"), _("Clicked"), _("Bought")]
    return [
        Chart("g-area", _("Revenue by day"), days, revenue, "area", "money", "CNY"),
        Chart("g-bar", _("Orders by channel"), channels, [Series(_("Orders"), [820, 640, 210, 96])], "bar"),
        Chart(
            "g-donut", _("Share of channels"), channels, [Series(_("Orders"), [820, 640, 210, 96])], "donut"
        ),
        Chart("g-funnel", _("Campaign funnel"), steps, [Series(_("People"), [1204, 611, 188, 41])], "funnel"),
    ]


def _cohorts() -> Chart:
    rows = [
        Series(month, _kept(start))
        for start, month in enumerate(["2026-06", "2026-07", "2026-08", "2026-09", "2026-10"])
    ]
    labels = [_("Month %(n)s") % {"n": number} for number in range(6)]
    return Chart("g-heat", _("Customers who came back"), labels, rows, format="percent")


def _kept(start: int) -> list[float | None]:
    known = [round((0.42 - 0.03 * start) / step, 3) for step in range(1, 6 - start)]
    return [1.0, *known, *[None] * start]
