"""The sending rules for programs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.registry import register
from crm.api.serializers import ClockField
from crm.api.views import TenantViewSet
from marketing.campaigns.rules import rules_save
from marketing.models import SendingPolicy
from marketing.sending.checking import policy_of


@extend_schema_serializer(many=False)
class RulesShape(serializers.ModelSerializer[SendingPolicy]):
    """`cap_count` 0: no limit. Quiet hours are the customer's own, `null`: none. `attribution_*`: which
    orders count for a mail in reports. After `soft_bounces` mails that came back for now within `soft_days`
    nobody writes to the address; 0: never."""

    quiet_from = ClockField(required=False, allow_null=True)
    quiet_until = ClockField(required=False, allow_null=True)

    class Meta:
        model = SendingPolicy
        fields = [
            *("cap_count", "cap_days", "quiet_from", "quiet_until"),
            *("attribution_model", "attribution_days", "attribution_opens"),
            *("soft_bounces", "soft_days"),
        ]
        extra_kwargs = {name: {"required": False} for name in fields}


class RulesViewSet(TenantViewSet):
    """How often, not at night, and which orders count for a mail."""

    model = SendingPolicy
    scopes = {"GET": "campaigns.read", "POST": "campaigns.write"}
    pagination_class = None

    @extend_schema(responses={200: RulesShape})
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What holds now."""
        return Response(RulesShape(policy_of(self.merchant)).data)

    @extend_schema(request=RulesShape, responses={200: RulesShape})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the rules that are named; the others stay."""
        reader = RulesShape(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        saved = rules_save(merchant=self.merchant, values=reader.validated_data)
        return Response(RulesShape(saved).data)


register("sending-rules", RulesViewSet)
