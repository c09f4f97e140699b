"""Tabler icons as inline SVG, rendered once each."""

from functools import lru_cache

import tablericons
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe


@lru_cache(maxsize=512)
def _drawn(name: str, size: int) -> SafeString:
    svg = tablericons._render_icon(
        name if "/" in name else f"outline/{name}",
        size,
        **{"class": "gx-icon", "stroke-width": "1.75", "aria-hidden": "true", "focusable": "false"},
    )
    return mark_safe(svg.strip())


def icon_svg(name: str, size: int = 18, label: str = "") -> SafeString:
    """The icon, decorative unless `label` names it for a screen reader. An unknown name is an error.

    "truck" is the outline, "filled/star" the filled one.
    """
    drawn = _drawn(str(name), int(size))
    if label:
        return format_html('{}<span class="visually-hidden">{}</span>', drawn, label)
    return drawn
