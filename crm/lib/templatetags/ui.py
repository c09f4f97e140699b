"""The small component tags, template builtins: no `{% load %}`. templates/components/README.md shows each.

Built in Python, not from templates, because a list holds hundreds of them.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypeGuard

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext

from crm.lib.ui import formats
from crm.lib.ui.html import EMPTY, attributes, classes
from crm.lib.ui.icons import icon_svg
from crm.lib.ui.parts import SPARK_HEIGHT, SPARK_WIDTH, Chip, Step, Tab, Text, spark_path
from crm.lib.ui.people import hue, initials
from crm.lib.ui.places import country_name

register = template.Library()
TONE_ICONS = {"good": "circle-check", "warn": "alert-triangle", "bad": "alert-circle", "info": "info-circle"}


@register.simple_tag
def ui_icon(name: str, size: int = 18, label: str = "") -> SafeString:
    return icon_svg(name, size, label)


@register.simple_tag
def ui_button(
    label: Text,
    href: str = "",
    variant: str = "",
    icon: str = "",
    type: str = "button",
    icon_only: bool = False,
    small: bool = False,
    **extra: object,
) -> SafeString:
    """A button, or with `href` a link that looks like one. `variant`: primary, danger, ghost, link."""
    css = classes(
        "btn",
        f"btn-{variant}" if variant else "",
        "btn-icon" if icon_only else "",
        "btn-sm" if small else "",
        str(extra.pop("class", "")),
    )
    if icon_only:
        extra.setdefault("aria_label", str(label))
        extra.setdefault("title", str(label))
    inner = format_html(
        "{}{}", icon_svg(icon, 16 if small else 18) if icon else EMPTY, EMPTY if icon_only else str(label)
    )
    if href:
        return format_html('<a class="{}" href="{}"{}>{}</a>', css, href, attributes(extra), inner)
    return format_html('<button class="{}" type="{}"{}>{}</button>', css, type, attributes(extra), inner)


@register.simple_tag
def ui_badge(label: Text, tone: str = "", icon: str | None = None) -> SafeString:
    """A state in a word. good, warn, bad and info bring their icon unless another (or "") is given."""
    name = TONE_ICONS.get(tone, "") if icon is None else icon
    drawn = icon_svg(name, 14) if name else EMPTY
    return format_html(
        '<span class="{}">{}{}</span>', classes("gx-badge", f"gx-badge--{tone}" if tone else ""), drawn, label
    )


@register.simple_tag(takes_context=True)
def ui_money(
    context: template.Context, amount: Decimal | int | str | None, currency: str, whole: bool = False
) -> SafeString:
    """The amount in its currency; a dash when there is none."""
    if amount is None or amount == "":
        return mark_safe('<span class="gx-muted">–</span>')
    request = context.get("request")
    merchant = getattr(request, "merchant", None)
    home = str(getattr(merchant, "base_currency", "") or "")
    text = formats.money_text(amount, currency, home=home, whole=whole)
    css = classes("gx-money", "gx-money--minus" if text.startswith(formats.MINUS) else "")
    return format_html('<span class="{}" title="{} {}">{}</span>', css, currency, amount, text)


@register.simple_tag
def ui_avatar(name: str, size: str = "") -> SafeString:
    """A round of initials; decorative, so write the name beside it."""
    css = classes("gx-avatar", f"gx-avatar--{size}" if size else "", f"gx-hue-{hue(name)}")
    letters = initials(name)
    if size == "s" and len(letters) > 1 and ord(letters[0]) > 0x2E80:
        letters = letters[-1]  # two Han characters don't fit into 20 px
    inner = letters or icon_svg("user", 12 if size == "s" else 16)
    return format_html('<span class="{}" aria-hidden="true">{}</span>', css, inner)


@register.simple_tag
def ui_person(name: str, href: str = "", line: Text = "", size: str = "") -> SafeString:
    """Avatar and name, `line` below it; a link when `href` is given. Nobody's name reads "No name"."""
    shown = name.strip() or gettext("No name")
    below = format_html('<span class="gx-person__line">{}</span>', line) if line else EMPTY
    inner = format_html(
        '{}<span class="gx-person__text"><span class="gx-person__name" title="{}">{}</span>{}</span>',
        ui_avatar(name, size),
        shown,
        shown,
        below,
    )
    if href:
        return format_html('<a class="gx-person" href="{}">{}</a>', href, inner)
    return format_html('<span class="gx-person">{}</span>', inner)


@register.simple_tag
def ui_time(value: datetime | date | None, exact: bool = False) -> SafeString:
    """Relative, the exact instant on hover, in the shop's time zone; a date as a day; a dash for none."""
    if value is None:
        return mark_safe('<span class="gx-muted">–</span>')
    if not isinstance(value, datetime):
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), formats.day_text(value))
    whole = formats.exact_text(value)
    shown = whole if exact else formats.relative_text(value)
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), whole, shown)


@register.simple_tag
def ui_number(value: Decimal | float | int | None, places: int | None = None) -> SafeString:
    if value is None:
        return mark_safe('<span class="gx-muted">–</span>')
    return format_html('<span class="gx-num">{}</span>', formats.number_text(value, places))


@register.filter
def ui_percent(rate: Decimal | float | None, places: int = 0) -> str:
    """A rate of 0–1 as a percentage."""
    return "–" if rate is None else formats.percent_text(rate, places)


@register.filter
def ui_country(code: str) -> str:
    """The country of an ISO 3166-1 code, in the reader's language."""
    return country_name(code) if code else "–"


@register.filter
def ui_grouped(value: Decimal | float | int) -> str:
    """A figure for the words of a sentence: `1,204`."""
    return formats.number_text(value)


@register.filter
def ui_seconds(value: float | None) -> str:
    """A length of time in its two largest units: `2 h 5 min`."""
    if value is None:
        return "–"
    minutes = round(value / 60)
    if minutes < 1:
        return gettext("%(count)s s") % {"count": round(value)}
    hours, rest = divmod(minutes, 60)
    days, left = divmod(hours, 24)
    if days:
        text = ngettext("%(count)s day", "%(count)s days", days) % {"count": days}
        return text + (" " + gettext("%(count)s h") % {"count": left} if left else "")
    text = gettext("%(count)s h") % {"count": hours} if hours else ""
    return (
        text + (" " if text and rest else "") + (gettext("%(count)s min") % {"count": rest} if rest else "")
    ).strip()


@register.simple_tag
def ui_delta(rate: Decimal | float | None, better: str = "up") -> SafeString:
    """A change as a rate: +0.12 is `+12 %`; green or red by which way is `better` (up, down or none)."""
    if rate is None:
        return EMPTY
    way = "up" if rate > 0 else "down" if rate < 0 else ""
    tone = "" if not way or better == "none" else "good" if way == better else "bad"
    arrow = icon_svg(f"arrow-{way}-right", 14) if way else EMPTY
    css = classes("gx-delta", f"gx-delta--{tone}" if tone else "")
    return format_html('<span class="{}">{}{}</span>', css, arrow, formats.percent_text(rate, 0, sign=True))


@register.simple_tag
def ui_spark(points: Sequence[float | int], label: str = "") -> SafeString:
    """A small line without axes; `label` says it in words for those who can't see it."""
    path = spark_path(list(points))
    if not path:
        return EMPTY
    area = f"{path}L{SPARK_WIDTH} {SPARK_HEIGHT}L0 {SPARK_HEIGHT}Z"
    box = f"0 0 {SPARK_WIDTH} {SPARK_HEIGHT}"
    role = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="gx-spark" viewBox="{}" preserveAspectRatio="none" {}>'
        '<path class="gx-spark__area" d="{}"/><path d="{}"/></svg>',
        box,
        role,
        area,
        path,
    )


@register.simple_tag
def ui_stat(
    label: Text,
    value: object,
    delta: Decimal | float | None = None,
    better: str = "up",
    period: Text = "",
    points: Sequence[float | int] = (),
    href: str = "",
) -> SafeString:
    """A figure with what it is, how it changed and its line. `href` opens what is behind it.

    A bare number is grouped like all others; money and rates come as text.
    """
    shown = formats.number_text(value) if _is_number(value) else value
    name = format_html('<a class="gx-stat__link" href="{}">{}</a>', href, label) if href else str(label)
    foot = EMPTY
    if delta is not None or period:
        foot = format_html(
            '<div class="gx-stat__foot">{}<span>{}</span></div>', ui_delta(delta, better), period
        )
    return format_html(
        '<div class="gx-stat"><div class="gx-stat__label">{}</div>'
        '<div class="gx-stat__value" title="{}">{}</div>{}{}</div>',
        name,
        _plain(shown),
        shown,
        foot,
        ui_spark(points),
    )


def _is_number(value: object) -> TypeGuard[int | float | Decimal]:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _plain(value: object) -> str:
    return "" if isinstance(value, SafeString) else str(value)


@register.simple_tag
def ui_progress(value: int, total: int, label: Text = "", tone: str = "", note: Text = "") -> SafeString:
    """A bar with its words: `label` left, `note` (default "n of m") right."""
    right = note or gettext("%(value)s of %(total)s") % {
        "value": formats.number_text(value),
        "total": formats.number_text(total),
    }
    css = classes("gx-bar", f"gx-bar--{tone}" if tone else "")
    line = format_html('<div class="gx-progress__line"><span>{}</span><span>{}</span></div>', label, right)
    return format_html(
        '<div class="gx-progress">{}'
        '<progress class="{}" value="{}" max="{}" aria-label="{}"></progress></div>',
        line,
        css,
        value,
        max(total, 1),
        label or gettext("Progress"),
    )


@register.simple_tag
def ui_chips(chips: Iterable[Chip], clear: str = "") -> SafeString:
    """The filters that are on, each with its own ×; `clear` is the address without any."""
    shown = format_html_join(
        "",
        '<span class="gx-chip">{}<a class="gx-chip__x" href="{}" aria-label="{}">{}</a></span>',
        (
            (
                chip.label,
                chip.remove,
                gettext("Remove filter: %(what)s") % {"what": chip.label},
                icon_svg("x", 14),
            )
            for chip in chips
        ),
    )
    if shown and clear:
        shown = format_html('{}<a class="gx-small" href="{}">{}</a>', shown, clear, gettext("Clear all"))
    return format_html('<div class="gx-chips">{}</div>', shown) if shown else EMPTY


@register.simple_tag
def ui_tabs(tabs: Iterable[Tab], label: Text = "") -> SafeString:
    """Saved views as links; the current one has aria-current."""
    links = format_html_join(
        "",
        '<a href="{}"{}>{}{}</a>',
        (
            (
                tab.href,
                mark_safe(' aria-current="page"') if tab.current else EMPTY,
                tab.label,
                EMPTY
                if tab.count is None
                else format_html('<span class="gx-tabs__count">{}</span>', formats.number_text(tab.count)),
            )
            for tab in tabs
        ),
    )
    return format_html('<nav class="gx-tabs" aria-label="{}">{}</nav>', label or gettext("Views"), links)


@register.simple_tag
def ui_steps(steps: Iterable[Step], label: Text = "") -> SafeString:
    """The maker's steps: done ones carry a tick, the current one the accent."""
    rows = []
    for number, step in enumerate(steps, start=1):
        dot = icon_svg("check", 14, gettext("done")) if step.state == "done" else str(number)
        mark = mark_safe(' aria-current="step"') if step.state == "current" else EMPTY
        text = (
            format_html('<a href="{}">{}</a>', step.href, step.label)
            if step.href
            else format_html("{}", step.label)
        )
        rows.append((f"is-{step.state}", mark, dot, text))
    items = format_html_join("", '<li class="{}"{}><span class="gx-steps__dot">{}</span>{}</li>', rows)
    return format_html('<ol class="gx-steps" aria-label="{}">{}</ol>', label or gettext("Steps"), items)


@register.simple_tag
def ui_skeleton(lines: int = 3) -> SafeString:
    """Grey lines where a fragment will be."""
    return format_html(
        '<div class="gx-skeleton" role="status"><div class="visually-hidden">{}</div>{}</div>',
        gettext("Loading"),
        mark_safe("<span></span>" * lines),
    )


@register.simple_tag
def ui_more(url: str, target: str = "closest .gx-more") -> SafeString:
    """ "Load more" of a keyset list: the answer replaces this row. Nothing without `url`."""
    if not url:
        return EMPTY
    return format_html(
        '<div class="gx-more"><button class="btn" type="button" hx-get="{}" hx-target="{}"'
        ' hx-swap="outerHTML">{}</button></div>',
        url,
        target,
        gettext("Load more"),
    )
