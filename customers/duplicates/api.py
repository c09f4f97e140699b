"""Probable duplicates for programs: read the queue, decide. Loaded by customers/api.py."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import IdFilter
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer
from crm.api.views import ReadViewSet
from customers.duplicates import deciding
from customers.models import DuplicatePair


class EvidenceSerializer(ApiSerializer):
    """One field that both know: how far they agree, and what that is worth in bits (log2 of the odds)."""

    field = serializers.CharField()
    level = serializers.CharField()
    bits = serializers.FloatField()


class DuplicateSerializer(ApiModelSerializer):
    """Two customers who may be one person. `probability` is 0–1."""

    low = serializers.IntegerField(source="low_id", read_only=True)
    high = serializers.IntegerField(source="high_id", read_only=True)
    evidence = EvidenceSerializer(many=True, read_only=True)
    merge = serializers.IntegerField(source="merge_id", read_only=True, allow_null=True)

    class Meta:
        model = DuplicatePair
        fields = [
            *("id", "low", "high", "band", "probability", "score", "evidence", "state", "merge"),
            *("offered_at", "compared_at", "decided_at"),
        ]
        read_only_fields = fields


class DuplicateFilterSet(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=DuplicatePair.State.choices)
    band = django_filters.ChoiceFilter(choices=DuplicatePair.Band.choices)
    customer = IdFilter(method="of_customer", label="Either of the two")

    def of_customer(self, rows: QuerySet[DuplicatePair], _name: str, value: int) -> QuerySet[DuplicatePair]:
        return rows.filter(Q(low_id=value) | Q(high_id=value))


class DuplicateViewSet(ReadViewSet):
    """Probable duplicates, the newest first, decided ones too: narrow by `state`."""

    model = DuplicatePair
    scopes = {"GET": "customers.read", "POST": "customers.write"}
    serializer_class = DuplicateSerializer
    filterset_class = DuplicateFilterSet

    @extend_schema(request=None, responses={200: DuplicateSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def accept(self, request: Request, pk: str = "") -> Response:
        """Merges the two; who has more orders stays, else who came first. 409 when it is decided already."""
        return self._shown(deciding.pair_accept(pair=self.get_object(), by=None))

    @extend_schema(request=None, responses={200: DuplicateSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def refuse(self, request: Request, pk: str = "") -> Response:
        """Says that they are two people; the pair isn't offered again. 409 when it is decided already."""
        return self._shown(deciding.pair_refuse(pair=self.get_object(), by=None))

    @extend_schema(request=None, responses={200: DuplicateSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def reopen(self, request: Request, pk: str = "") -> Response:
        """Takes the decision back: the pair is open again, a merge is undone. An open one stays as it is."""
        return self._shown(deciding.pair_undo(pair=self.get_object(), by=None))

    def _shown(self, pair: DuplicatePair) -> Response:
        data: Any = DuplicateSerializer(pair).data
        return Response(data)


register("duplicates", DuplicateViewSet)
