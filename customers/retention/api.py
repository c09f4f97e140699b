"""How long each kind of data is kept, for programs; customers/api.py registers it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.registry import register
from crm.api.serializers import ApiSerializer
from crm.api.views import TenantViewSet
from crm.lib.retention import KINDS
from customers.models import RetentionRule
from customers.retention.services import Standing, rule_set, standings, would_go


class StandingSerializer(ApiSerializer):
    """`months`: the period that holds, null for ever; `what` is done after it: delete, pseudonymise or erase.
    `last_rows` went in the newest night, which began at `last_at`."""

    kind = serializers.CharField(source="kind.key", read_only=True)
    what = serializers.CharField(source="kind.what", read_only=True)
    months = serializers.IntegerField(read_only=True, allow_null=True)
    minimum_months = serializers.IntegerField(source="kind.minimum_months", read_only=True)
    last_at = serializers.DateTimeField(
        source="last.started_at", read_only=True, default=None, allow_null=True
    )
    last_rows = serializers.IntegerField(source="last.rows", read_only=True, default=None, allow_null=True)


@extend_schema_serializer(many=False)
class RetentionSerializer(ApiSerializer):
    results = StandingSerializer(many=True, read_only=True)


class PeriodInput(ApiSerializer):
    """`months`: null for ever. `dry_run` only counts what would go now."""

    kind = serializers.CharField(max_length=40)
    months = serializers.IntegerField(min_value=1, max_value=1_200, allow_null=True)
    dry_run = serializers.BooleanField(required=False)


class PeriodSerializer(ApiSerializer):
    """`would_go`: rows that would go by this period now; null where nothing was counted."""

    kind = serializers.CharField(read_only=True)
    months = serializers.IntegerField(read_only=True, allow_null=True)
    would_go = serializers.IntegerField(read_only=True, allow_null=True)


class RetentionViewSet(TenantViewSet):
    """Periods after which data goes by night."""

    model = RetentionRule
    scopes = {"GET": "privacy.read", "POST": "privacy.write"}
    pagination_class = None

    @extend_schema(responses={200: RetentionSerializer})
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every kind with its period."""
        found: list[Standing] = standings()
        return Response(RetentionSerializer({"results": found}).data)

    @extend_schema(request=PeriodInput, responses={200: PeriodSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Sets the period of one kind; the next night works by it."""
        reader = PeriodInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        said = reader.validated_data
        if said["kind"] not in KINDS:
            raise serializers.ValidationError({"kind": ["There is no such kind of data."]})
        count = None
        if said.get("dry_run"):
            months = said["months"]
            count = would_go(key=said["kind"], months=months)[0] if months is not None else 0
        else:
            rule_set(merchant=self.merchant, key=said["kind"], months=said["months"])
        return Response(PeriodSerializer(said | {"would_go": count}).data)


def serve() -> None:
    """Called by customers/api.py, which is found at start."""
    register("retention", RetentionViewSet)
