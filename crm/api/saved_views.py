"""Shared views of lists for programs. What a member keeps for themselves is not shown here."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.accounts.models import SavedView, Team
from crm.accounts.saved_views import services
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer, TenantRelatedField
from crm.api.views import ReadViewSet

Audience = SavedView.Audience
SHARED = [(value, label) for value, label in Audience.choices if value != Audience.OWN]


class ViewSerializer(ApiModelSerializer):
    list = serializers.CharField(source="list_key", read_only=True)
    team = serializers.IntegerField(source="team_id", read_only=True, allow_null=True)
    owner = serializers.CharField(source="owner.user.email", default="", read_only=True)

    class Meta:
        model = SavedView
        fields = [
            *("id", "list", "name", "query", "audience", "team", "owner", "position", "created_at"),
            "updated_at",
        ]
        read_only_fields = fields


class ViewChange(ApiSerializer):
    """`query` is the list's state as it stands in the address, such as `stage=repeat&sort=net`."""

    name = serializers.CharField(max_length=60, required=False)
    query = serializers.CharField(max_length=2_000, required=False, allow_blank=True)
    audience = serializers.ChoiceField(SHARED, required=False)
    team = TenantRelatedField(model=Team, required=False, allow_null=True)


class ViewInput(ViewChange):
    list = serializers.CharField(max_length=20)
    name = serializers.CharField(max_length=60)
    query = serializers.CharField(max_length=2_000, allow_blank=True)


class ViewFilterSet(django_filters.FilterSet):
    list = django_filters.CharFilter(field_name="list_key")
    audience = django_filters.ChoiceFilter(choices=SHARED)


class ViewViewSet(ReadViewSet):
    """Views that members share with a team or with everybody."""

    model = SavedView
    scopes = {"GET": "views.read", "POST": "views.write", "PATCH": "views.write", "DELETE": "views.write"}
    serializer_class = ViewSerializer
    filterset_class = ViewFilterSet

    def rows(self) -> QuerySet[SavedView]:
        return SavedView.objects.exclude(audience=Audience.OWN).select_related("owner__user", "team")

    @extend_schema(request=ViewInput, responses={201: ViewSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Makes a view that everybody, or one team, finds beside the list's tabs."""
        reader = ViewInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        said = dict(reader.validated_data)
        view = services.view_create(
            merchant=self.merchant,
            member=None,
            list_key=said.pop("list"),
            **{"audience": Audience.ALL, **said},
        )
        return Response(ViewSerializer(view).data, status=201)

    @extend_schema(request=ViewChange, responses={200: ViewSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the properties sent."""
        view = self.get_object()
        reader = ViewChange(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        services.view_change(view=view, member=None, changes=reader.validated_data)
        return Response(ViewSerializer(self.rows().get(pk=view.pk)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Deletes the view; the rows in it stay."""
        services.view_delete(view=self.get_object(), member=None)
        return Response(status=204)


register("views", ViewViewSet)
