"""Stars, and markup for search engines."""

import json

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from crm.lib.ui.icons import icon_svg

register = template.Library()
# What could end the block or start another: the same letters as django.utils.html.json_script escapes.
ESCAPES = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}


@register.simple_tag
def stars(rating: float, size: int = 16) -> SafeString:
    """Five stars of which `rating` are filled; said in words to a screen reader."""
    full = round(rating)
    label = _("%(rating)s of 5 stars") % {"rating": f"{rating:g}" if rating == full else f"{rating:.1f}"}
    drawn = format_html_join(
        "",
        '<span class="gx-star{}">{}</span>',
        ((" gx-star--full" if at < full else "", icon_svg("star", size)) for at in range(5)),
    )
    return format_html('<span class="gx-stars" role="img" aria-label="{}">{}</span>', label, drawn)


@register.filter
def unlocalised(value: float) -> str:
    """For an attribute that machines read: a point, whatever the language."""
    return f"{value:.4f}"


@register.filter
def ld_json(data: object) -> SafeString:
    """schema.org data as a data block, which runs nothing; `<` is escaped as in json_script."""
    text = json.dumps(data, ensure_ascii=False, cls=DjangoJSONEncoder).translate(ESCAPES)
    block = mark_safe(text)
    return format_html('<script type="application/ld+json">{}</script>', block)
