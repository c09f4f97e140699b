"""Reviews by REST."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import FlagFilter, IdFilter, InstantFilter
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer, TenantRelatedField
from crm.api.views import ReadViewSet
from customers.api_fields import CustomerField
from orders.models import OrderLine, Product
from reviews import services
from reviews.models import Reply, Review


class ReplySerializer(ApiModelSerializer):
    class Meta:
        model = Reply
        fields = ["body", "created_at", "edited_at"]


class ReviewSerializer(ApiModelSerializer):
    reply = ReplySerializer(read_only=True, allow_null=True)

    class Meta:
        model = Review
        fields = [
            *(
                "id",
                "product",
                "order_line",
                "customer",
                "author_name",
                "rating",
                "title",
                "body",
                "language",
            ),
            *("state", "withheld_reason", "verified_purchase", "source", "submitted_at", "edited_at"),
            *("published_at", "reply"),
        ]


class ReviewInput(ApiSerializer):
    """`verified_purchase` can't be sent: it follows from `order_line`."""

    product = TenantRelatedField(model=Product)
    rating = serializers.IntegerField(min_value=1, max_value=5)
    title = serializers.CharField(max_length=150, required=False, default="", allow_blank=True)
    body = serializers.CharField(max_length=5_000, required=False, default="", allow_blank=True)
    author_name = serializers.CharField(max_length=80, required=False, default="", allow_blank=True)
    language = serializers.CharField(max_length=10, required=False, default="", allow_blank=True)
    customer = CustomerField(required=False, allow_null=True, default=None)
    order_line = TenantRelatedField(model=OrderLine, required=False, allow_null=True, default=None)


class ReplyInput(ApiSerializer):
    body = serializers.CharField(max_length=3_000)


class WithholdInput(ApiSerializer):
    reason = serializers.ChoiceField(choices=Review.Reason.choices)


class ReviewFilters(FilterSet):
    state = ChoiceFilter(choices=Review.State.choices)
    product = IdFilter(field_name="product_id")
    customer = IdFilter(field_name="customer_id")
    verified = FlagFilter(field_name="verified_purchase")
    submitted_since = InstantFilter(field_name="submitted_at", lookup_expr="gte")


class ReviewViewSet(ReadViewSet):
    """Reviews in every state. Nothing deletes one."""

    model = Review
    narrows = True
    scopes = {"GET": "reviews.read", "POST": "reviews.write"}
    serializer_class = ReviewSerializer
    filterset_class = ReviewFilters
    ordering = ("-submitted_at", "-id")

    def rows(self) -> QuerySet[Any]:
        return Review.objects.select_related("reply")

    @extend_schema(request=ReviewInput, responses={201: ReviewSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        values = self._read(ReviewInput)
        review = services.review_submit(merchant=self.merchant, source="api", **values)
        return Response(ReviewSerializer(review).data, status=201)

    @extend_schema(request=None, responses={200: ReviewSerializer})
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(ReviewSerializer(services.review_publish(review=self.get_object())).data)

    @extend_schema(request=WithholdInput, responses={200: ReviewSerializer})
    @action(detail=True, methods=["post"])
    def withhold(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        values = self._read(WithholdInput)
        review = services.review_withhold(review=self.get_object(), reason=values["reason"])
        return Response(ReviewSerializer(review).data)

    @extend_schema(request=ReplyInput, responses={200: ReviewSerializer})
    @action(detail=True, methods=["post"])
    def reply(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        values = self._read(ReplyInput)
        review = self.get_object()
        services.review_reply(review=review, body=values["body"])
        return Response(ReviewSerializer(self.rows().get(pk=review.pk)).data)

    def _read(self, kind: type[ApiSerializer]) -> dict[str, Any]:
        reader = kind(data=self.request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        values: dict[str, Any] = dict(reader.validated_data)
        return values


register("reviews", ReviewViewSet)
