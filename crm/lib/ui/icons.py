"""Tabler icons as inline SVG, rendered once each."""

from functools import cache, lru_cache
from importlib import resources
from xml.etree import ElementTree
from zipfile import ZipFile

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from tablericons import IconDoesNotExist

SVG = "{http://www.w3.org/2000/svg}"


@cache
def _archive() -> ZipFile:
    """Kept open: reading the list of its six thousand names takes 60 ms, and a page draws thirty icons."""
    return ZipFile(str(resources.files("tablericons") / "tablericons.zip"))


@lru_cache(maxsize=512)
def _drawn(name: str, size: int) -> SafeString:
    path = f"{name if '/' in name else f'outline/{name}'}.svg"
    if path not in _archive().NameToInfo:
        raise IconDoesNotExist(f"There is no icon {name!r} on tabler.io/icons.")
    svg = ElementTree.fromstring(_archive().read(path))
    for node in svg.iter():
        node.tag = node.tag.removeprefix(SVG)
    svg.attrib |= {"width": str(size), "height": str(size), "class": "gx-icon", "stroke-width": "1.75"}
    svg.attrib |= {"aria-hidden": "true", "focusable": "false"}
    return mark_safe(ElementTree.tostring(svg, encoding="unicode").strip())


def icon_svg(name: str, size: int = 18, label: str = "") -> SafeString:
    """The icon, decorative unless `label` names it for a screen reader. An unknown name is an error.

    "truck" is the outline, "filled/star" the filled one.
    """
    drawn = _drawn(str(name), int(size))
    if label:
        return format_html('{}<span class="visually-hidden">{}</span>', drawn, label)
    return drawn
