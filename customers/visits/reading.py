"""A visit as programs and browsers send it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from crm.api.serializers import ApiSerializer
from customers.models import Visit
from customers.visits.services import OLDEST, VISITOR, Seen

MOST_VISITS = 1_000
MOST_OF_BROWSER = 20


class VisitInput(ApiSerializer):
    """`title` is the product's name, the words searched for, or the page's title."""

    kind = serializers.ChoiceField(Visit.Kind.choices)
    title = serializers.CharField(max_length=200, required=False, allow_blank=True)
    path = serializers.CharField(max_length=500, required=False, allow_blank=True)
    sku = serializers.CharField(max_length=100, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not any(attrs.get(name) for name in ("title", "path", "sku")):
            raise serializers.ValidationError({"title": ["Say what was looked at: title, path or sku."]})
        return attrs


class VisitorField(serializers.RegexField):
    """The browser's random id in the shop: 16 to 64 letters, digits, - and _."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(rf"\A{VISITOR.pattern}\Z", **kwargs)


class KnownVisitInput(VisitInput):
    """`at`: when it happened, now if left out; at most 90 days ago."""

    visitor = VisitorField()
    at = serializers.DateTimeField(required=False)

    def validate_at(self, value: Any) -> Any:
        if not timezone.now() - OLDEST <= value <= timezone.now() + timedelta(minutes=5):
            raise serializers.ValidationError("Send an instant of the last 90 days.")
        return value


class VisitsInput(ApiSerializer):
    visits = serializers.ListField(child=KnownVisitInput(), allow_empty=False, max_length=MOST_VISITS)


class BrowserInput(ApiSerializer):
    """What static/js/visits.js sends."""

    visitor = VisitorField()
    visits = serializers.ListField(child=VisitInput(), allow_empty=False, max_length=MOST_OF_BROWSER)


def seen_of(said: dict[str, Any], **known: Any) -> Seen:
    """The visit with its instant, now where none was sent."""
    return Seen(**({"at": timezone.now()} | known | said))
