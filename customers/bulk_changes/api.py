"""Bulk changes for programs: `POST customers/bulk/`, and how far each is."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer
from crm.api.views import ReadViewSet
from customers.bulk_changes import services
from customers.models import BulkChange, Customer
from customers.services import LONGEST_TAG, MOST_TAGS


class ChangesShape(ApiSerializer):
    """What to set; what is left out stays. Owner and team are ids, null for nobody; in `attributes` null
    takes a value away."""

    kind = serializers.ChoiceField(Customer.Kind.choices, required=False)
    stage = serializers.ChoiceField(Customer.Stage.choices, required=False)
    grade = serializers.CharField(max_length=20, required=False, allow_blank=True)
    region = serializers.CharField(max_length=100, required=False, allow_blank=True)
    city = serializers.CharField(max_length=100, required=False, allow_blank=True)
    language = serializers.CharField(max_length=10, required=False, allow_blank=True)
    owner = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**63 - 1)
    team = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**63 - 1)
    add_tags = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_TAG), max_length=MOST_TAGS, required=False
    )
    remove_tags = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_TAG), max_length=MOST_TAGS, required=False
    )
    attributes = serializers.DictField(required=False)


class BulkInput(ApiSerializer):
    """`dry_run` only counts."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        max_length=services.MOST_IDS,
        min_length=1,
    )
    changes = ChangesShape()
    dry_run = serializers.BooleanField(required=False)


class PreviewSerializer(ApiSerializer):
    """`found` are the shop's among the ids, `changing` those that are not so already."""

    found = serializers.IntegerField()
    changing = serializers.IntegerField()


class BulkChangeSerializer(ApiModelSerializer):
    changes = serializers.DictField(read_only=True)

    class Meta:
        model = BulkChange
        fields = [
            *("id", "changes", "query", "state", "total", "seen", "changed", "kept", "cut_short"),
            *("created_at", "finished_at"),
        ]
        read_only_fields = fields


class BulkChangeViewSet(ReadViewSet):
    """Changes made to many customers at once, newest first."""

    model = BulkChange
    scopes = {"GET": "customers.read", "POST": "customers.write"}
    serializer_class = BulkChangeSerializer

    def rows(self) -> QuerySet[BulkChange]:
        return BulkChange.objects.select_related("merchant", "member")

    @extend_schema(request=None, responses={200: BulkChangeSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Gives everyone back what they had, within 24 hours; what was changed since stays."""
        change = self.get_object()
        services.bulk_undo(change=change)
        return Response(BulkChangeSerializer(self.rows().get(pk=change.pk)).data)


def serve() -> None:
    """Called by customers/api.py, which is found at start."""
    register("bulk-changes", BulkChangeViewSet)
