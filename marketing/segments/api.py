"""Segments for programs: make, preview, read, count, explain, build, and who is in, also by hand."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import TextFilter
from crm.api.registry import register
from crm.api.views import ReadViewSet, TenantViewSet
from crm.lib.errors import Rejected
from customers.models import Customer
from marketing.models import Segment, SegmentMember, SegmentPin
from marketing.segments import building, catalogue, counting, explaining, pinning, selectors, services
from marketing.segments.api_serializers import (
    AnswerSerializer,
    ConditionSerializer,
    MembersInput,
    OverlapSerializer,
    PinnedSerializer,
    PinSerializer,
    PreviewInput,
    PreviewSerializer,
    SegmentCountSerializer,
    SegmentInput,
    SegmentMemberSerializer,
    SegmentSerializer,
)


class SegmentFilterSet(django_filters.FilterSet):
    name = TextFilter()
    kind = django_filters.ChoiceFilter(choices=Segment.Kind.choices)


def _segment(view: TenantViewSet) -> Segment:
    """The live segment that the address names."""
    rows = Segment.objects.live().select_related("merchant")
    segment: Segment = get_object_or_404(rows, pk=int(view.kwargs["segment"]))
    return segment


class SegmentViewSet(ReadViewSet):
    """Segments that are kept up to date, newest first."""

    model = Segment
    scopes = {
        "GET": "segments.read",
        "POST": "segments.write",
        "PUT": "segments.write",
        "DELETE": "segments.write",
        "POST preview": "segments.read",
    }
    serializer_class = SegmentSerializer
    filterset_class = SegmentFilterSet

    def rows(self) -> QuerySet[Segment]:
        return Segment.objects.live().select_related("merchant")

    @extend_schema(request=SegmentInput, responses={201: SegmentSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Makes a segment; its members are counted in the background."""
        segment = services.segment_save(merchant=self.merchant, **_read(request))
        return Response(SegmentSerializer(segment).data, status=201)

    @extend_schema(request=SegmentInput, responses={200: SegmentSerializer})
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Replaces name and definition. What kind it is stays."""
        segment = services.segment_save(merchant=self.merchant, segment=self.get_object(), **_read(request))
        return Response(SegmentSerializer(segment).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Archives the segment. Refused while a campaign or another segment waits for it."""
        services.segment_archive(segment=self.get_object())
        return Response(status=204)

    @extend_schema(responses={200: SegmentCountSerializer})
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def count(self, request: Request, pk: str = "") -> Response:
        """How many satisfy it right now."""
        with counting.patience():
            number = selectors.segment_count(self.get_object())
        return Response({"count": number})

    @extend_schema(request=PreviewInput, responses={200: PreviewSerializer})
    @action(detail=False, methods=["post"], filterset_class=None, pagination_class=None)
    def preview(self, request: Request) -> Response:
        """Counts a definition without saving it. Refused with `segment_dear` when it is expected to take
        long, unless `anyway` is said, and with `segment_too_dear` when it took too long."""
        body = PreviewInput(data=request.data, context=self.get_serializer_context())
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        found = counting.preview(
            merchant=self.merchant,
            definition=asked["definition"],
            other=asked.get("overlap"),
            anyway=asked.get("anyway", False),
        )
        told = PreviewSerializer(
            {
                "count": found.count,
                "total": found.total,
                "sentence": found.sentence,
                "sample": [one.pk for one in found.sample],
                "overlap": found.overlap,
            }
        )
        return Response(told.data)

    @extend_schema(responses={200: ConditionSerializer(many=True)})
    @action(detail=False, methods=["get"], filterset_class=None, pagination_class=None)
    def conditions(self, request: Request) -> Response:
        """Every condition that a definition of this shop may use, with its fields."""
        known = catalogue.catalogue(currency=self.merchant.base_currency)["conditions"]
        return Response(ConditionSerializer(known, many=True).data)

    @extend_schema(responses={200: {"type": "array", "items": {"type": "integer"}}})
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def sample(self, request: Request, pk: str = "") -> Response:
        """Ids of up to eight who are in right now."""
        with counting.patience(counting.ANYWAY_MILLISECONDS):
            return Response([one.pk for one in selectors.segment_sample(self.get_object())])

    @extend_schema(request=None, responses={202: SegmentSerializer})
    @action(detail=True, methods=["post"], filterset_class=None, pagination_class=None)
    def build(self, request: Request, pk: str = "") -> Response:
        """Has the list of members built soon; `building` tells how far it is."""
        segment = self.get_object()
        building.build_ask(segment=segment)
        return Response(SegmentSerializer(self.get_object()).data, status=202)

    @extend_schema(request=None, responses={202: SegmentSerializer})
    @action(
        detail=True, methods=["post"], url_path="build/cancel", filterset_class=None, pagination_class=None
    )
    def build_cancel(self, request: Request, pk: str = "") -> Response:
        """Stops the build that waits or is under way; the list stays as it was. 409 when there is none."""
        building.build_cancel(segment=self.get_object())
        return Response(SegmentSerializer(self.get_object()).data, status=202)


class MemberViewSet(ReadViewSet):
    """Who was in the segment when it was last looked at; and by hand, who is put in or kept out."""

    model = SegmentMember
    scopes = {"GET": "segments.read", "POST": "segments.write", "DELETE": "segments.write"}
    serializer_class = SegmentMemberSerializer
    lookup_field = "customer_id"

    def rows(self) -> QuerySet[SegmentMember]:
        return SegmentMember.objects.filter(segment=_segment(self))

    @extend_schema(request=MembersInput, responses={200: PinnedSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Puts up to 1,000 customers in by hand, keeps them out, or leaves them to the rule again."""
        segment = _segment(self)
        body = MembersInput(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        done = pinning.members_pin(segment=segment, customer_ids=asked["customers"], state=asked["state"])
        return Response(PinnedSerializer(done).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Takes back what was done by hand with this customer: off a list, back to the rule of a rule."""
        pin = get_object_or_404(
            SegmentPin.objects.filter(segment=_segment(self)), customer_id=int(self.kwargs["customer_id"])
        )
        pinning.members_pin(segment=_segment(self), customer_ids=[pin.customer_id], state=pinning.RULE)
        return Response(status=204)


class PinViewSet(ReadViewSet):
    """Who was put in or kept out by hand, newest first."""

    model = SegmentPin
    scopes = {"GET": "segments.read"}
    serializer_class = PinSerializer

    def rows(self) -> QuerySet[SegmentPin]:
        return selectors.pins_of(_segment(self), None)


class WhyViewSet(TenantViewSet):
    """Why a customer is in a segment or not."""

    model = Customer
    scopes = {"GET": "segments.read"}
    serializer_class = AnswerSerializer

    def rows(self) -> QuerySet[Customer]:
        return Customer.objects.present()

    @extend_schema(responses={200: AnswerSerializer})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Condition by condition, into the segments that a condition names."""
        answer = explaining.segment_contains(_segment(self), self.get_object(), None)
        pin = answer.by_hand
        told = {
            "inside": answer.inside,
            "by_hand": "" if pin is None else pinning.IN if pin.is_in else pinning.OUT,
            "rule_holds": answer.rule_holds,
            "reasons": answer.reasons,
        }
        return Response(AnswerSerializer(told).data)


class OverlapViewSet(TenantViewSet):
    """How many are in both of two segments."""

    model = Segment
    scopes = {"GET": "segments.read"}
    serializer_class = OverlapSerializer

    def rows(self) -> QuerySet[Segment]:
        return Segment.objects.live().select_related("merchant")

    @extend_schema(responses={200: OverlapSerializer})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Of the segment in the address and the other named behind it, counted now."""
        mine, other = _segment(self), self.get_object()
        with counting.patience(counting.ANYWAY_MILLISECONDS):
            found = counting.overlap(selectors.segment_member_ids_sql(mine), other)
        return Response(OverlapSerializer(found).data)


def _read(request: Request) -> dict[str, Any]:
    body = SegmentInput(data=request.data)
    body.is_valid(raise_exception=True)
    asked = body.validated_data
    kind = asked.get("kind", Segment.Kind.RULE)
    if "definition" not in asked and kind == Segment.Kind.RULE:
        text = "A rule has a definition; {} is everybody."
        raise Rejected(text, code="bad_definition", fields={"definition": [text]})
    return {"name": asked["name"], "definition": asked.get("definition"), "kind": kind}


register("segments", SegmentViewSet)
register("segments/(?P<segment>[0-9]{1,18})/members", MemberViewSet, basename="segment_members")
register("segments/(?P<segment>[0-9]{1,18})/pins", PinViewSet, basename="segment_pins")
register("segments/(?P<segment>[0-9]{1,18})/why", WhyViewSet, basename="segment_why")
register("segments/(?P<segment>[0-9]{1,18})/overlap", OverlapViewSet, basename="segment_overlap")
