"""Consents, what waits for a confirmation, and the texts, for programs."""

from __future__ import annotations

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import IdFilter, InstantFilter, TextFilter
from crm.api.registry import register
from crm.api.views import ReadViewSet, TenantViewSet
from customers import api_serializers as shapes
from customers.confirming.services import confirmation_ask
from customers.consent import consent_record
from customers.models import Consent, ConsentRequest, ConsentSettings, ConsentWording
from customers.models.wording import Channel, Purpose
from customers.wordings.services import consent_settings, consent_settings_save, wording_write


class ConsentFilterSet(django_filters.FilterSet):
    customer = IdFilter(field_name="customer_id")
    channel = django_filters.ChoiceFilter(choices=Channel.choices)
    purpose = django_filters.ChoiceFilter(choices=Purpose.choices)
    recorded_after = InstantFilter(field_name="recorded_at", lookup_expr="gt")


class ConsentViewSet(ReadViewSet):
    """The consent ledger, newest entry first: entries are added, never changed."""

    model = Consent
    scopes = {"GET": "customers.read", "POST": "customers.write"}
    serializer_class = shapes.ConsentSerializer
    filterset_class = ConsentFilterSet

    @extend_schema(
        request=shapes.ConsentInput,
        responses={
            200: shapes.ConsentSerializer,
            201: shapes.ConsentSerializer,
            202: shapes.ConsentRequestSerializer,
        },
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Adds an answer; when the newest one says the same already, answers 200 with that one. With
        `double_opt_in` answers 202 with what waits for the confirmation; the ledger has it afterwards."""
        reader = shapes.ConsentInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        said = dict(reader.validated_data)
        if said.pop("double_opt_in"):
            asked = ("customer", "purpose", "source", "wording", "proof")
            waiting = confirmation_ask(
                merchant=self.merchant, **{name: said[name] for name in asked if name in said}
            )
            return Response(shapes.ConsentRequestSerializer(waiting).data, status=202)
        entry = consent_record(merchant=self.merchant, **said)
        if entry is not None:
            return Response(shapes.ConsentSerializer(entry).data, status=201)
        same = {name: said[name] for name in ("customer", "channel", "purpose")}
        newest = Consent.objects.filter(**same).order_by("-recorded_at", "-id").first()
        return Response(shapes.ConsentSerializer(newest).data, status=200)


class ConsentRequestFilterSet(django_filters.FilterSet):
    customer = IdFilter(field_name="customer_id")
    asked_after = InstantFilter(field_name="asked_at", lookup_expr="gt")


class ConsentRequestViewSet(ReadViewSet):
    """Yeses that had or have to be confirmed by mail, newest first. One is open while `confirmed_at` and
    `cancelled_at` are null and `expires_at` is to come."""

    model = ConsentRequest
    scopes = {"GET": "customers.read"}
    serializer_class = shapes.ConsentRequestSerializer
    filterset_class = ConsentRequestFilterSet


class WordingFilterSet(django_filters.FilterSet):
    channel = django_filters.ChoiceFilter(choices=Channel.choices)
    purpose = django_filters.ChoiceFilter(choices=Purpose.choices)
    language = TextFilter(field_name="language")


class WordingViewSet(ReadViewSet):
    """The texts that people agree to, every version, newest first. What holds today is the newest whose
    `valid_from` has come."""

    model = ConsentWording
    scopes = {"GET": "customers.read", "POST": "privacy.write"}
    serializer_class = shapes.WordingSerializer
    filterset_class = WordingFilterSet

    @extend_schema(request=shapes.WordingInput, responses={201: shapes.WordingSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Writes a new version; the earlier ones stay with the answers that were given to them."""
        reader = shapes.WordingInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        written = wording_write(merchant=self.merchant, **reader.validated_data)
        return Response(shapes.WordingSerializer(written).data, status=201)


class ConsentSettingsViewSet(TenantViewSet):
    """How the shop asks."""

    model = ConsentSettings
    scopes = {"GET": "privacy.read", "POST": "privacy.write"}
    pagination_class = None

    @extend_schema(responses={200: shapes.ConsentSettingsShape})
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What holds now."""
        return Response(shapes.ConsentSettingsShape(consent_settings()).data)

    @extend_schema(request=shapes.ConsentSettingsShape, responses={200: shapes.ConsentSettingsShape})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Switches the confirmation by mail on or off."""
        reader = shapes.ConsentSettingsShape(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        consent_settings_save(merchant=self.merchant, **reader.validated_data)
        return Response(shapes.ConsentSettingsShape(consent_settings()).data)


def serve() -> None:
    register("consents", ConsentViewSet)
    register("consent-requests", ConsentRequestViewSet)
    register("consent-wordings", WordingViewSet)
    register("consent-settings", ConsentSettingsViewSet)
