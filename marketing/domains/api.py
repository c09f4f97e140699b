"""Sender domains and how mail fares, for programs; marketing/api.py loads it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from drf_spectacular.utils import (
    OpenApiParameter,
    extend_schema,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer
from crm.api.views import ReadViewSet, TenantViewSet
from crm.events.ringing import ring_task
from marketing.domains import services
from marketing.domains.health import SPANS, health
from marketing.domains.records import rows_of
from marketing.models import DomainCount, SenderDomain

DAYS = OpenApiParameter("days", {"type": "integer", "enum": [7, 30, 90]}, required=False)


class RecordSerializer(ApiSerializer):
    """A row for the DNS."""

    what = serializers.CharField(read_only=True)
    kind = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    value = serializers.CharField(read_only=True)
    is_there = serializers.BooleanField(read_only=True)


class SenderDomainSerializer(ApiModelSerializer):
    """`findings`: spf, dkim and dmarc, each with a `code` and the `record` as it stood; `sound` is null while
    that is not known. The private key is never shown."""

    findings = serializers.DictField(read_only=True)
    sound = serializers.SerializerMethodField()
    records = serializers.SerializerMethodField()

    class Meta:
        model = SenderDomain
        fields = [
            *("id", "domain", "selector", "key_type", "public_key", "signs", "findings", "sound", "records"),
            *("checked_at", "created_at"),
        ]
        read_only_fields = fields

    def get_sound(self, row: SenderDomain) -> bool | None:
        return services.is_sound(row.findings)

    @extend_schema_field(RecordSerializer(many=True))
    def get_records(self, row: SenderDomain) -> list[dict[str, Any]]:
        return [RecordSerializer(one).data for one in rows_of(row, "")]


class DomainInput(ApiSerializer):
    domain = serializers.CharField(max_length=253)
    key_type = serializers.ChoiceField(
        SenderDomain.KeyType.choices, required=False, default=SenderDomain.KeyType.RSA.value
    )


class SignInput(ApiSerializer):
    signs = serializers.BooleanField()


class KeyInput(ApiSerializer):
    key_type = serializers.ChoiceField(
        SenderDomain.KeyType.choices, required=False, default=SenderDomain.KeyType.RSA.value
    )


class SenderDomainViewSet(ReadViewSet):
    """Domains that the shop sends from, newest first."""

    model = SenderDomain
    scopes = {"GET": "campaigns.read", "POST": "campaigns.write", "DELETE": "campaigns.write"}
    serializer_class = SenderDomainSerializer

    def _read(self, kind: type[ApiSerializer], request: Request) -> dict[str, Any]:
        reader = kind(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        return dict(reader.validated_data)

    @extend_schema(request=DomainInput, responses={201: SenderDomainSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Adds a domain with a key of its own; its DNS is looked at within a minute."""
        row = services.sender_domain_add(merchant=self.merchant, **self._read(DomainInput, request))
        _ring(row)
        return Response(SenderDomainSerializer(row).data, status=201)

    @extend_schema(request=None, responses={202: SenderDomainSerializer})
    @action(detail=True, methods=["post"])
    def check(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Has the DNS looked at; read `checked_at` for when that was done."""
        row = self.get_object()
        _ring(row)
        return Response(SenderDomainSerializer(row).data, status=202)

    @extend_schema(request=SignInput, responses={200: SenderDomainSerializer})
    @action(detail=True, methods=["post"])
    def sign(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Switches signing; 409 to switch it on while the DNS does not show the key."""
        row = self.get_object()
        services.sender_domain_sign(row=row, **self._read(SignInput, request))
        row.refresh_from_db()
        return Response(SenderDomainSerializer(row).data)

    @extend_schema(request=KeyInput, responses={200: SenderDomainSerializer})
    @action(detail=True, methods=["post"])
    def renew(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Makes a new key and switches signing off until the DNS shows it."""
        row = services.sender_domain_renew(row=self.get_object(), **self._read(KeyInput, request))
        return Response(SenderDomainSerializer(row).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Removes the domain and its key."""
        services.sender_domain_remove(row=self.get_object())
        return Response(status=204)


def _ring(row: SenderDomain) -> None:
    transaction.on_commit(
        partial(ring_task, "marketing.check_domain", [row.merchant_id, row.pk]), robust=True
    )


class HealthRowSerializer(ApiSerializer):
    """Rates are 0–1; `domain` is "" for all together, or for all that got only a few."""

    domain = serializers.CharField(read_only=True)
    sent = serializers.IntegerField(read_only=True)
    hard = serializers.IntegerField(read_only=True)
    soft = serializers.IntegerField(read_only=True)
    blocked = serializers.IntegerField(read_only=True)
    complained = serializers.IntegerField(read_only=True)
    opened = serializers.IntegerField(read_only=True)
    bounce_rate = serializers.FloatField(read_only=True)
    complaint_rate = serializers.FloatField(read_only=True)
    open_rate = serializers.FloatField(read_only=True)


@extend_schema_serializer(many=False)
class HealthSerializer(ApiSerializer):
    days = serializers.IntegerField(read_only=True)
    together = HealthRowSerializer(read_only=True)
    domains = HealthRowSerializer(many=True, read_only=True)


class MailHealthViewSet(TenantViewSet):
    """How campaign mails fare by the domain that they go to."""

    model = DomainCount
    scopes = {"GET": "campaigns.read"}
    pagination_class = None
    query_params = frozenset({"days"})

    @extend_schema(parameters=[DAYS], responses={200: HealthSerializer})
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The last 7, 30 (when not said) or 90 days, the fifty largest domains."""
        asked = request.query_params.get("days", "30")
        if asked not in {str(span) for span in SPANS}:
            raise serializers.ValidationError({"days": ["Use 7, 30 or 90."]})
        together, rows = health(merchant=self.merchant, days=int(asked))
        return Response(HealthSerializer({"days": int(asked), "together": together, "domains": rows}).data)


register("sender-domains", SenderDomainViewSet)
register("mail-health", MailHealthViewSet)
