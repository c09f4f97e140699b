"""Limits of pace and warm-up plans for programs; marketing/api.py loads it."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer, ClockField, TenantRelatedField
from crm.api.views import ReadViewSet
from crm.integrations.models import Connection
from marketing.models import PaceLimit, WarmupDay, WarmupPlan
from marketing.models.pacing import MOST_MAILS
from marketing.pacing import services, warming

SCOPES = {
    "GET": "campaigns.read",
    "POST": "campaigns.write",
    "PATCH": "campaigns.write",
    "DELETE": "campaigns.write",
}


class PaceLimitSerializer(ApiModelSerializer):
    """`kind`: `server` (our SMTP server), `connection` (a provider or carrier), `group` (`name` is a mailbox
    provider such as gmail, microsoft, yahoo, icloud, qq, netease) or `domain` (`name`)."""

    class Meta:
        model = PaceLimit
        fields = ["id", "kind", "connection", "name", "amount", "per", "created_at"]


class PaceLimitChange(ApiSerializer):
    amount = serializers.IntegerField(min_value=1, max_value=MOST_MAILS, required=False)
    per = serializers.ChoiceField(PaceLimit.Per.choices, required=False)


class PaceLimitInput(ApiSerializer):
    kind = serializers.ChoiceField(PaceLimit.Kind.choices)
    connection = TenantRelatedField(model=Connection, required=False, allow_null=True)
    name = serializers.CharField(max_length=253, required=False, default="", allow_blank=True)
    amount = serializers.IntegerField(min_value=1, max_value=MOST_MAILS)
    per = serializers.ChoiceField(PaceLimit.Per.choices)


class _Writing(ReadViewSet):
    def _read(self, kind: type[ApiSerializer], request: Request) -> dict[str, Any]:
        reader = kind(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        return dict(reader.validated_data)


class PaceLimitViewSet(_Writing):
    """How fast messages leave: by one way, or to one receiver. Without any, as fast as they can."""

    model = PaceLimit
    scopes = SCOPES
    serializer_class = PaceLimitSerializer

    def rows(self) -> models.QuerySet[Any]:
        rows: models.QuerySet[Any] = PaceLimit.objects.live()
        return rows

    @extend_schema(request=PaceLimitInput, responses={201: PaceLimitSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Adds a limit; 409 where there is one for that already. It holds within half a minute."""
        values = self._read(PaceLimitInput, request)
        limit = services.limit_add(merchant=self.merchant, values=values)
        return Response(PaceLimitSerializer(limit).data, status=201)

    @extend_schema(request=PaceLimitChange, responses={200: PaceLimitSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the rate; what waits is reckoned anew."""
        values = self._read(PaceLimitChange, request)
        limit = services.limit_change(limit=self.get_object(), values=values)
        return Response(PaceLimitSerializer(limit).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Takes the limit away; what waited for it goes on."""
        services.limit_remove(limit=self.get_object())
        return Response(status=204)


class WarmupDaySerializer(ApiModelSerializer):
    """`stay` says why the amount is that of the day before: hand, bounces, complaints, idle; "" when it
    grew."""

    class Meta:
        model = WarmupDay
        fields = ["day", "step", "planned", "sent", "stay"]


class WarmupPlanSerializer(ApiModelSerializer):
    """`amounts`: mails of each day; `days`: what became of those that were, the newest first. `today` is
    null before the start and when the plan is over."""

    goes_from = ClockField(read_only=True)
    amounts = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    today = serializers.SerializerMethodField()
    days = serializers.SerializerMethodField()

    class Meta:
        model = WarmupPlan
        fields = [
            *("id", "domain", "state", "starts_on", "amounts", "is_kept", "goes_from", "today", "days"),
            *("ended_at", "created_at"),
        ]
        read_only_fields = fields

    @extend_schema_field(WarmupDaySerializer(allow_null=True))
    def get_today(self, plan: WarmupPlan) -> dict[str, Any] | None:
        now = timezone.now()
        warmth = warming.peek(plan, plan.merchant, now)
        if warmth is None or warmth.today.day > warming.shop_day(plan.merchant, now):
            return None
        return dict(WarmupDaySerializer(warmth.today).data)

    @extend_schema_field(WarmupDaySerializer(many=True))
    def get_days(self, plan: WarmupPlan) -> list[dict[str, Any]]:
        return list(WarmupDaySerializer(plan.days.order_by("-day")[:120], many=True).data)


class _Amounts(serializers.ListField):
    child = serializers.IntegerField(min_value=1, max_value=services.MOST_A_DAY)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_length": 1, "max_length": services.MOST_DAYS, **kwargs})


class WarmupInput(ApiSerializer):
    domain = serializers.CharField(max_length=253)
    starts_on = serializers.DateField()
    amounts = _Amounts()
    goes_from = ClockField(required=False)


class WarmupChange(ApiSerializer):
    amounts = _Amounts(required=False)
    is_kept = serializers.BooleanField(required=False)
    goes_from = ClockField(required=False)


class WarmupPlanViewSet(_Writing):
    """How many mails a day leave from a new sender domain, newest plan first."""

    model = WarmupPlan
    scopes = SCOPES
    serializer_class = WarmupPlanSerializer

    def rows(self) -> models.QuerySet[Any]:
        return WarmupPlan.objects.select_related("merchant")

    @extend_schema(request=WarmupInput, responses={201: WarmupPlanSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Makes a plan; 409 while another runs for the domain."""
        plan = services.warmup_start(merchant=self.merchant, **self._read(WarmupInput, request))
        return Response(WarmupPlanSerializer(plan).data, status=201)

    @extend_schema(request=WarmupChange, responses={200: WarmupPlanSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the fields sent; 409 once the plan is over."""
        values = self._read(WarmupChange, request)
        plan = services.warmup_change(plan=self.get_object(), values=values)
        return Response(WarmupPlanSerializer(plan).data)

    @extend_schema(request=None, responses={200: WarmupPlanSerializer})
    @action(detail=True, methods=["post"])
    def end(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ends the plan now; what waited for a coming day goes on."""
        plan = self.get_object()
        services.warmup_end(plan=plan)
        return Response(WarmupPlanSerializer(self.get_object()).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Deletes a plan that is over, with its days; 409 while it runs."""
        services.warmup_delete(plan=self.get_object())
        return Response(status=204)


register("pace-limits", PaceLimitViewSet)
register("warmup-plans", WarmupPlanViewSet)
