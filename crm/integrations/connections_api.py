"""Stores and carriers by REST. Keys and secrets go in and never come out again."""

from __future__ import annotations

from typing import Any

import django_filters
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer
from crm.api.views import ReadViewSet
from crm.integrations import connecting
from crm.integrations.catalog import MESSENGERS, STORES, adapter_of
from crm.integrations.forms import ConnectionForm
from crm.integrations.models import Connection
from crm.lib.errors import Rejected

PLATFORMS = sorted({*STORES, *MESSENGERS})


class ConnectionSerializer(ApiModelSerializer):
    """`channel` is empty for a store; `is_default` is what the shop sends by. `set` names the credentials
    that are stored, `hook_url` is where a store sends its hooks. A carrier's address may be all that it
    proves itself by: that and the hooks' secrets are for staff to copy from Settings → Connections."""

    hook_url = serializers.SerializerMethodField()
    set = serializers.SerializerMethodField()

    class Meta:
        model = Connection
        fields = [
            *("id", "platform", "name", "channel", "state", "is_default", "hook_url", "set"),
            *("last_hook_at", "fetched_at", "fetch_error", "created_at"),
        ]
        read_only_fields = fields

    def get_hook_url(self, connection: Connection) -> str:
        return "" if connection.channel else connecting.hook_url(connection)

    def get_set(self, connection: Connection) -> list[str]:
        """The names alone."""
        return sorted(name for name, value in connection.secrets().items() if value)


class ConnectionChange(ApiSerializer):
    """`credentials` by the names on the connect page (such as `api_key`); those left out stay as they are."""

    name = serializers.CharField(max_length=80, required=False)
    credentials = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True), required=False, write_only=True
    )


class ConnectionInput(ConnectionChange):
    platform = serializers.ChoiceField(choices=PLATFORMS)
    name = serializers.CharField(max_length=80)


class ConnectionFilterSet(django_filters.FilterSet):
    platform = django_filters.ChoiceFilter(choices=[(one, one) for one in PLATFORMS])
    channel = django_filters.ChoiceFilter(choices=Connection.Channel.choices)
    state = django_filters.ChoiceFilter(choices=Connection.State.choices)


class ConnectionViewSet(ReadViewSet):
    """Stores that send their orders, and carriers that take the shop's messages."""

    model = Connection
    scopes = {
        "GET": "integrations.read",
        **dict.fromkeys(("POST", "PATCH", "DELETE"), "integrations.write"),
    }
    serializer_class = ConnectionSerializer
    filterset_class = ConnectionFilterSet

    @extend_schema(request=ConnectionInput, responses={201: ConnectionSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Connects a store or carrier. The first carrier of a channel is what the shop sends by."""
        given = _read(ConnectionInput, request.data)
        form = _checked(given["platform"], given["name"], given.get("credentials", {}))
        connection = connecting.connection_create(
            merchant=self.merchant,
            platform=given["platform"],
            name=form.cleaned_data["name"],
            values=form.values(),
        )
        return Response(ConnectionSerializer(connection).data, status=201)

    @extend_schema(request=ConnectionChange, responses={200: ConnectionSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Renames it, replaces the credentials that are sent."""
        connection, given = self.get_object(), _read(ConnectionChange, request.data)
        adapter = adapter_of(connection.platform)
        open_fields = {one.name for one in adapter.fields if not one.secret}
        kept = {name: value for name, value in connection.secrets().items() if name in open_fields}
        form = _checked(
            connection.platform,
            given.get("name", connection.name),
            kept | given.get("credentials", {}),
            changing=True,
        )
        changed = connecting.connection_change(
            connection=connection, name=form.cleaned_data["name"], values=form.values()
        )
        return Response(ConnectionSerializer(changed).data)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Removes it. What came through it stays."""
        connecting.connection_delete(connection=self.get_object())
        return Response(status=204)

    @extend_schema(request=None, responses={200: ConnectionSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def pause(self, request: Request, pk: str = "") -> Response:
        """Nothing is sent by it or fetched; what comes in is kept and waits."""
        connecting.connection_pause(connection=self.get_object())
        return self._shown()

    @extend_schema(request=None, responses={200: ConnectionSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def resume(self, request: Request, pk: str = "") -> Response:
        """What waited is worked now."""
        connecting.connection_resume(connection=self.get_object())
        return self._shown()

    @extend_schema(request=None, responses={200: ConnectionSerializer})
    @action(detail=True, methods=["post"], filterset_class=None, url_path="make-default")
    def make_default(self, request: Request, pk: str = "") -> Response:
        """The shop sends by this carrier from now on; 409 for a store, and for one that is paused or only
        reports."""
        connecting.connection_make_default(connection=self.get_object())
        return self._shown()

    @extend_schema(request=None, responses={202: ConnectionSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def fetch(self, request: Request, pk: str = "") -> Response:
        """Fetches soon what changed in a store; 409 without a key to fetch with."""
        connecting.connection_fetch(connection=self.get_object())
        return self._shown(status=202)

    def _shown(self, status: int = 200) -> Response:
        return Response(ConnectionSerializer(self.get_object()).data, status=status)


def _read(kind: Any, data: Any) -> dict[str, Any]:
    reader = kind(data=data)
    reader.is_valid(raise_exception=True)
    values: dict[str, Any] = reader.validated_data
    return values


def _checked(
    platform: str, name: str, credentials: dict[str, str], *, changing: bool = False
) -> ConnectionForm:
    """The page's own form, filled in. Raises Rejected with what is wrong where."""
    adapter = adapter_of(platform)
    known = {one.name for one in adapter.fields if not one.generated}
    if unknown := sorted(set(credentials) - known):
        text = _("%(platform)s has no such credential.") % {"platform": adapter.label}
        raise Rejected(text, code="invalid", fields={f"credentials.{one}": [text] for one in unknown})
    form = ConnectionForm({**credentials, "name": name}, adapter=adapter, changing=changing)
    if not form.is_valid():
        fields: dict[str, list[str | Promise]] = {
            field if field == "name" else f"credentials.{field}": [str(text) for text in texts]
            for field, texts in form.errors.items()
        }
        raise Rejected(_("This can't be connected as it is."), code="invalid", fields=fields)
    return form


register("connections", ConnectionViewSet)
