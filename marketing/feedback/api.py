"""The mailbox for bounces, for programs; marketing/api.py loads it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.registry import register
from crm.api.serializers import ApiSerializer
from crm.api.views import TenantViewSet
from marketing.feedback.services import bounce_mailbox, bounce_mailbox_save
from marketing.models import BounceMailbox


@extend_schema_serializer(many=False)
class BounceMailboxSerializer(ApiSerializer):
    """`address` is the return path of campaign mails, "" for none; without a `host` nothing is fetched. The
    password is never shown."""

    address = serializers.CharField(read_only=True)
    host = serializers.CharField(read_only=True)
    port = serializers.IntegerField(read_only=True)
    tls = serializers.BooleanField(read_only=True)
    user = serializers.CharField(read_only=True)


class BounceMailboxInput(ApiSerializer):
    """An empty `password` keeps the stored one, for the same host and user only."""

    address = serializers.CharField(max_length=254, allow_blank=True)
    host = serializers.CharField(max_length=200, allow_blank=True)
    port = serializers.IntegerField(min_value=1, max_value=65_535, required=False, default=993)
    tls = serializers.BooleanField(required=False, default=True)
    user = serializers.CharField(max_length=200, allow_blank=True, required=False, default="")
    password = serializers.CharField(
        max_length=500, allow_blank=True, required=False, default="", trim_whitespace=False
    )


class BounceMailboxViewSet(TenantViewSet):
    """Where mail comes back to."""

    model = BounceMailbox
    scopes = {"GET": "campaigns.read", "POST": "campaigns.write"}
    pagination_class = None

    @extend_schema(responses={200: BounceMailboxSerializer})
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What holds now."""
        return Response(BounceMailboxSerializer(bounce_mailbox(self.merchant)).data)

    @extend_schema(request=BounceMailboxInput, responses={200: BounceMailboxSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Sets it; mails from then on come back there."""
        reader = BounceMailboxInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        saved = bounce_mailbox_save(merchant=self.merchant, **reader.validated_data)
        return Response(BounceMailboxSerializer(saved).data)


register("bounce-mailbox", BounceMailboxViewSet)
