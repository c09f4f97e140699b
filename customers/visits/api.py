"""Visits for programs; customers/api.py registers them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.registry import register
from crm.api.serializers import ApiSerializer
from crm.api.views import TenantViewSet
from customers.models import Visit
from customers.visits.reading import VisitorField, VisitsInput, seen_of
from customers.visits.services import visitor_recognise, visits_take


class KeptSerializer(ApiSerializer):
    """`kept`: all but those of people who don't want to be profiled; pages count once a day."""

    kept = serializers.IntegerField(read_only=True)


class VisitorInput(ApiSerializer):
    visitor = VisitorField()


class BroughtSerializer(ApiSerializer):
    """How many earlier visits of the browser stand in the customer's timeline now."""

    visits = serializers.IntegerField(read_only=True)


class VisitViewSet(TenantViewSet):
    """What browsers did in the shop's own pages, told by the shop's server."""

    model = Visit
    scopes = {"POST": "visits.write"}

    @extend_schema(request=VisitsInput, responses={200: KeptSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Takes up to 1,000 visits, all or none: into the timeline of whom the browser is known to be, else
        nameless until somebody signs in with it."""
        reader = VisitsInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        seen = [seen_of(one) for one in reader.validated_data["visits"]]
        return Response({"kept": visits_take(merchant=self.merchant, seen=seen)})


class VisitorMixin:
    """`POST customers/{id}/visitor/`."""

    @extend_schema(request=VisitorInput, responses={200: BroughtSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def visitor(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Says that the customer signed in to the shop with this browser: what it did before is theirs."""
        reader = VisitorInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        brought = visitor_recognise(
            merchant=self.merchant, customer=self.get_object(), source="api", **reader.validated_data
        )
        return Response({"visits": brought})


def serve() -> None:
    """Called by customers/api.py, which is found at start."""
    register("visits", VisitViewSet)
