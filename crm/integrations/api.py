"""Webhook endpoints for programs: they can set up their own ears."""

from __future__ import annotations

from typing import Any

import django_filters
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import FlagFilter
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer
from crm.api.views import ReadViewSet
from crm.events.types import REGISTRY
from crm.integrations import connections_api, webhooks
from crm.integrations.models import WebhookAttempt, WebhookEndpoint
from crm.lib.errors import Forbidden


class EndpointSerializer(ApiModelSerializer):
    class Meta:
        model = WebhookEndpoint
        fields = [
            *("id", "name", "url", "events", "is_active", "failing_since", "disabled_at"),
            *("disabled_reason", "created_at", "updated_at"),
        ]
        read_only_fields = fields


class EndpointCreatedSerializer(EndpointSerializer):
    """The secret is shown here once; staff can read it again under Settings → Webhooks."""

    secret = serializers.CharField(read_only=True)

    class Meta(EndpointSerializer.Meta):
        fields = [*EndpointSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class EndpointInput(ApiSerializer):
    url = serializers.URLField(max_length=500)
    events = serializers.ListField(child=serializers.CharField(max_length=80), min_length=1, max_length=200)
    name = serializers.CharField(max_length=80, required=False, allow_blank=True)


class EndpointChange(ApiSerializer):
    url = serializers.URLField(max_length=500, required=False)
    events = serializers.ListField(
        child=serializers.CharField(max_length=80), min_length=1, max_length=200, required=False
    )
    name = serializers.CharField(max_length=80, required=False, allow_blank=True)
    is_active = serializers.BooleanField(required=False)


class AttemptSerializer(ApiModelSerializer):
    class Meta:
        model = WebhookAttempt
        fields = ["id", "event_id", "event_name", "message_id", "state", "attempts", "due_at", "created_at"]
        read_only_fields = fields


class EndpointFilterSet(django_filters.FilterSet):
    is_active = FlagFilter()


class EndpointViewSet(ReadViewSet):
    """Addresses that are told what happens, signed by Standard Webhooks."""

    model = WebhookEndpoint
    scopes = {
        **dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), "webhooks.write"),
    }
    serializer_class = EndpointSerializer
    filterset_class = EndpointFilterSet

    @extend_schema(request=EndpointInput, responses={201: EndpointCreatedSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Makes an endpoint. The key needs the scope of each event that it asks for."""
        reader = EndpointInput(data=request.data)
        reader.is_valid(raise_exception=True)
        data = reader.validated_data
        self._check_scopes(data["events"])
        endpoint, secret = webhooks.endpoint_create(
            merchant=self.merchant, url=data["url"], names=data["events"], name=data.get("name", "")
        )
        shown = EndpointSerializer(endpoint).data | {"secret": secret}
        return Response(shown, status=201)

    @extend_schema(request=EndpointChange, responses={200: EndpointSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes what is sent; switching on forgets earlier failures."""
        endpoint = self.get_object()
        reader = EndpointChange(data=request.data)
        reader.is_valid(raise_exception=True)
        data = dict(reader.validated_data)
        names = data.pop("events", None)
        # A new address hears the old events: the key must be allowed to read those too.
        self._check_scopes(names if names is not None else endpoint.events if "url" in data else [])
        changed = webhooks.endpoint_change(endpoint=endpoint, names=names, **data)
        return Response(EndpointSerializer(changed).data)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Removes the endpoint; its waiting messages go with it."""
        webhooks.endpoint_delete(endpoint=self.get_object())
        return Response(status=204)

    @extend_schema(request=None, responses={202: AttemptSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def test(self, request: Request, pk: str = "") -> Response:
        """Sends a test message."""
        attempt = webhooks.test_send(endpoint=self.get_object())
        return Response(AttemptSerializer(attempt).data, status=202)

    def _check_scopes(self, names: list[str]) -> None:
        wanted = {REGISTRY[name].scope for name in names if name in REGISTRY}
        lacking = sorted(wanted - set(self.api_key.scopes))
        if lacking:
            text = _("This key lacks the scope %(scope)s.") % {"scope": ", ".join(lacking)}
            raise Forbidden(text, code="missing_scope")


register("webhooks", EndpointViewSet)

__all__ = ["connections_api"]
