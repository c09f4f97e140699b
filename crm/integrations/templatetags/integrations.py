"""What the pages of this app need of a template."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template

register = template.Library()


@register.filter
def of(values: Mapping[Any, Any], key: Any) -> Any:
    """The value under a key that the template holds in a variable."""
    return values.get(key, "")


@register.filter
def instant(text: str) -> datetime:
    """An instant that was kept as JSON."""
    return datetime.fromisoformat(text)
