"""The larger component tags, whose markup is a template in templates/components/. Builtins, like ui.py."""

from collections.abc import Iterable
from typing import Any

from django import forms, template
from django.forms import BoundField
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from crm.lib.templatetags.ui import TONE_ICONS
from crm.lib.ui import formats
from crm.lib.ui.fields import field_view
from crm.lib.ui.html import EMPTY, attributes, classes
from crm.lib.ui.icons import icon_svg
from crm.lib.ui.parts import Chart, Text, TimelineEntry, by_day

register = template.Library()


@register.inclusion_tag("components/empty.html")
def ui_empty(
    title: Text,
    text: Text = "",
    picture: str = "",
    action: Text = "",
    href: str = "",
    icon: str = "plus",
    small: bool = False,
) -> dict[str, Any]:
    """One sentence, one picture, one button. `picture`: a name of static/img/empty-*.svg."""
    return locals()


@register.inclusion_tag("components/timeline.html")
def ui_timeline(entries: Iterable[TimelineEntry], more: str = "") -> dict[str, Any]:
    days = [(formats.heading_text(one.day), one.entries) for one in by_day(entries)]
    return {"days": days, "more": more}


@register.inclusion_tag("components/chart.html")
def ui_chart(chart: Chart) -> dict[str, Any]:
    """Drawn by charts.js from JSON; the same figures stand in a table that opens below."""
    rows = [
        (label, [_figure(one.values[index], chart) for one in chart.series])
        for index, label in enumerate(chart.labels)
    ]
    return {"chart": chart, "data": chart.as_json(), "rows": rows}


@register.inclusion_tag("components/heat.html")
def ui_heat(chart: Chart) -> dict[str, Any]:
    """A heat map as a table, for cohorts: the darker, the larger against the largest cell."""
    figures = [value for one in chart.series for value in one.values if value is not None]
    top = max(figures, default=0) or 1
    rows = [
        (one.name, [(_figure(value, chart), _shade(value, top)) for value in one.values])
        for one in chart.series
    ]
    return {"chart": chart, "rows": rows}


def _shade(value: float | int | None, top: float | int) -> str:
    """The class of a cell, gx-heat-0 to gx-heat-8; "" for no figure."""
    return "" if value is None else f"gx-heat-{round(8 * max(float(value), 0.0) / float(top))}"


def _figure(value: float | int | None, chart: Chart) -> str:
    if value is None:
        return "–"
    if chart.format == "money":
        return formats.money_text(str(value), chart.currency, home=chart.currency)
    if chart.format == "percent":
        return formats.percent_text(value, 1)
    return formats.number_text(value)


@register.inclusion_tag("components/secret.html")
def ui_secret(value: str, label: Text = "") -> dict[str, Any]:
    """A value to copy: a key, a link, a code."""
    return {"value": value, "label": label or gettext("Copy")}


@register.inclusion_tag("components/dropzone.html")
def ui_dropzone(field: BoundField, note: Text = "") -> dict[str, Any]:
    """A file field as a place to drop a file; `note` says what is accepted."""
    return {"view": field_view(field), "note": note}


@register.inclusion_tag("components/field.html")
def ui_field(field: BoundField) -> dict[str, Any]:
    """Label, widget, help and error of one field."""
    return {"view": field_view(field)}


@register.inclusion_tag("components/form.html")
def ui_form(form: forms.BaseForm) -> dict[str, Any]:
    """Every field with its errors, for inside `<form class="gx-form">` with csrf_token and buttons."""
    return {
        "form": form,
        "views": [field_view(field) for field in form.visible_fields()],
        "hidden": form.hidden_fields(),
    }


# --- pieces that wrap content ----------------------------------------------------------------------------
@register.simple_block_tag(end_name="endui_card")
def ui_card(
    content: str,
    title: Text = "",
    icon: str = "",
    hint: Text = "",
    link: Text = "",
    href: str = "",
    flush: bool = False,
    **extra: object,
) -> SafeString:
    """A bordered card. `link` with `href` stands right in its head; `flush` lets a table reach its edges."""
    css = classes("gx-card", "gx-card--flush" if flush else "", str(extra.pop("class", "")))
    return mark_safe(
        render_to_string(
            "components/card.html",
            {"content": content, "title": title, "icon": icon, "hint": hint, "link": link, "href": href}
            | {"css": css, "extra": attributes(extra)},
        )
    )


@register.simple_block_tag(end_name="endui_notice")
def ui_notice(content: str, tone: str = "info", title: Text = "", icon: str = "") -> SafeString:
    """A message that stays on the page. A bad one is announced at once."""
    head = format_html('<div class="gx-notice__title">{}</div>', title) if title else EMPTY
    return format_html(
        '<div class="gx-notice gx-notice--{}" role="{}">{}<div class="gx-notice__body">{}{}</div></div>',
        tone,
        "alert" if tone == "bad" else "note",
        icon_svg(icon or TONE_ICONS.get(tone, "info-circle")),
        head,
        content,
    )


@register.simple_block_tag(end_name="endui_fact")
def ui_fact(content: str, label: Text) -> SafeString:
    """One row of `<dl class="gx-facts">`."""
    return format_html("<dt>{}</dt><dd>{}</dd>", label, content)


@register.simple_block_tag(end_name="endui_dialog")
def ui_dialog(content: str, id: str, title: Text, wide: bool = False) -> SafeString:
    """A modal dialog, opened by any element with `data-open="<id>"`, closed by Esc or `data-close`."""
    return mark_safe(
        render_to_string(
            "components/dialog.html", {"content": content, "id": id, "title": title, "wide": wide}
        )
    )


@register.simple_block_tag(end_name="endui_menu")
def ui_menu(
    content: str, label: Text, icon: str = "dots", text: bool = False, variant: str = ""
) -> SafeString:
    """A button that opens a menu of `<a class="dropdown-item">`; `text` shows the label beside the icon."""
    return mark_safe(
        render_to_string(
            "components/menu.html",
            {"content": content, "label": label, "icon": icon, "text": text, "variant": variant},
        )
    )


@register.simple_block_tag(end_name="endui_selection")
def ui_selection(content: str) -> SafeString:
    """The bar that appears when rows with `<input data-select>` are ticked; put the bulk buttons inside."""
    return mark_safe(render_to_string("components/selection.html", {"content": content}))
