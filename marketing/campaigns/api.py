"""Templates, campaigns and their mails by REST."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters import ChoiceFilter, FilterSet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import ChangedFilterSet, IdFilter, TextFilter
from crm.api.registry import register
from crm.api.serializers import (
    ApiModelSerializer,
    ApiSerializer,
    ClockField,
    MoneyField,
    TenantRelatedField,
)
from crm.api.views import ReadViewSet
from customers.models.consent import Channel
from marketing.campaigns import selectors, services
from marketing.campaigns.revenue import Model, policy_here, rule_asked
from marketing.campaigns.trials.services import trial_decide, version_add
from marketing.campaigns.trials.standing import Standing, standings
from marketing.models import Campaign, Delivery, Segment, Template, Version
from marketing.models.template import BODY_CHARS


class TemplateSerializer(ApiModelSerializer):
    class Meta:
        model = Template
        fields = ["id", "name", "subject", "preheader", "body", "text", "created_at", "updated_at"]


class ContentInput(ApiSerializer):
    """Liquid in all four; `body` is MJML or HTML, an empty `text` is written from it."""

    subject = serializers.CharField(max_length=300, required=False, allow_blank=True)
    preheader = serializers.CharField(max_length=200, required=False, allow_blank=True)
    body = serializers.CharField(max_length=BODY_CHARS, required=False, allow_blank=True)
    text = serializers.CharField(max_length=BODY_CHARS, required=False, allow_blank=True)


class TemplateInput(ContentInput):
    name = serializers.CharField(max_length=120)


class TemplateViewSet(ReadViewSet):
    """Mails to start from; a campaign takes a copy."""

    model = Template
    scopes = {"GET": "campaigns.read", "POST": "campaigns.write"}
    serializer_class = TemplateSerializer
    filterset_class = ChangedFilterSet

    def rows(self) -> QuerySet[Template]:
        return Template.objects.filter(archived_at__isnull=True)

    @extend_schema(request=TemplateInput, responses={201: TemplateSerializer})
    def create(self, request: Request) -> Response:
        """Makes a template."""
        values = read(TemplateInput, request.data)
        saved = services.template_save(merchant=self.merchant, values=values)
        return Response(TemplateSerializer(saved).data, status=201)


class FiguresSerializer(serializers.Serializer[Any]):
    """How many mails stand where; `reasons` says why some were not sent."""

    people = serializers.IntegerField()
    waiting = serializers.IntegerField()
    sending = serializers.IntegerField()
    sent = serializers.IntegerField()
    deferred = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()
    skipped = serializers.IntegerField()
    opened = serializers.IntegerField()
    clicked = serializers.IntegerField()
    unsubscribed = serializers.IntegerField()
    bounced = serializers.IntegerField()
    complained = serializers.IntegerField()
    orders = serializers.IntegerField()
    revenue = MoneyField()
    reasons = serializers.SerializerMethodField()

    def get_reasons(self, funnel: selectors.Funnel) -> dict[str, int]:
        """Reason code → mails."""
        counts: dict[str, int] = {}
        for reason in funnel.reasons:
            counts[reason.code] = counts.get(reason.code, 0) + reason.people
        return counts


class CampaignSerializer(ApiModelSerializer):
    class Meta:
        model = Campaign
        fields = [
            *("id", "name", "state", "audience", "segment", "subject", "preheader", "body", "text"),
            *("sender_name", "sender_email", "reply_to", "tracks"),
            *("holdout_percent", "local_time", "trial_percent", "trial_metric", "trial_hours"),
            *("trial_winner", "trial_decided_at"),
            *("channel", "carrier_template", "carrier_values", "carrier_url"),
            *("scheduled_at", "started_at", "finished_at", "trouble", "created_at", "updated_at"),
        ]


class TrialInput(ApiSerializer):
    """Who gets what, and when. `trial_percent` of the audience try the versions for `trial_hours`, then the
    others get the better one by `trial_metric`; 100: nobody waits. `local_time`: a schedule means everybody's
    own clock."""

    holdout_percent = serializers.DecimalField(
        max_digits=5, decimal_places=2, min_value=0, max_value=90, required=False
    )
    local_time = serializers.BooleanField(required=False)
    trial_percent = serializers.IntegerField(min_value=1, max_value=100, required=False)
    trial_metric = serializers.ChoiceField(choices=Campaign.TrialMetric.choices, required=False)
    trial_hours = serializers.IntegerField(min_value=1, max_value=168, required=False)


class CampaignInput(ContentInput, TrialInput):
    """`channel` is decided when it is made. An SMS is its `text`; carriers with their own templates (Aliyun,
    WeChat) take `carrier_template` and `carrier_values` (place → Liquid)."""

    name = serializers.CharField(max_length=120)
    channel = serializers.ChoiceField(choices=Channel.choices, required=False)
    carrier_template = serializers.CharField(max_length=100, required=False, allow_blank=True)
    carrier_values = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True), required=False
    )
    carrier_url = serializers.URLField(max_length=500, required=False, allow_blank=True)
    audience = serializers.ChoiceField(choices=Campaign.Audience.choices, required=False)
    segment = TenantRelatedField(model=Segment, required=False, allow_null=True)
    template = TenantRelatedField(model=Template, required=False, allow_null=True)
    sender_name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    sender_email = serializers.EmailField(required=False, allow_blank=True)
    reply_to = serializers.EmailField(required=False, allow_blank=True)
    tracks = serializers.BooleanField(required=False)


class VersionSerializer(ApiModelSerializer):
    """Another way to write a campaign; empty parts are as in version A, the campaign's own words."""

    send_at = ClockField(allow_null=True)

    class Meta:
        model = Version
        fields = ["letter", "subject", "preheader", "body", "text", "send_at"]


class VersionInput(ContentInput):
    send_at = ClockField(required=False, allow_null=True)


class StandingSerializer(serializers.Serializer[Any]):
    """A version's mails while it was tried. `better_than_a`: true or false only when chance can't have made
    the difference (95 %), else null."""

    letter = serializers.CharField()
    subject = serializers.CharField()
    sent = serializers.IntegerField()
    opened = serializers.IntegerField()
    clicked = serializers.IntegerField()
    better_than_a = serializers.SerializerMethodField()

    def get_better_than_a(self, one: Standing) -> bool | None:
        gap = one.difference
        return gap.low > 0 if gap is not None and gap.is_sure else None


class ChooseInput(ApiSerializer):
    version = serializers.CharField(max_length=1)


class SendInput(ApiSerializer):
    """Without `at` it begins at once."""

    at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class ResendInput(ApiSerializer):
    """Which of the mails in doubt (state `unknown`): the chosen ones, or `all` of them."""

    deliveries = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), required=False, max_length=10_000
    )
    all = serializers.BooleanField(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("deliveries")) == attrs["all"]:
            raise serializers.ValidationError(_("Name deliveries, or ask for all."))
        return attrs


class ResentSerializer(serializers.Serializer[Any]):
    resent = serializers.IntegerField(help_text="How many mails are sent once more.")


class DeliverySerializer(ApiModelSerializer):
    reason_text = serializers.CharField(read_only=True)

    class Meta:
        model = Delivery
        fields = [
            *(
                "id",
                "customer",
                "address",
                "state",
                "reason",
                "reason_text",
                "message_id",
                "attempts",
                "receipt",
            ),
            *("sent_at", "opened_at", "clicked_at", "unsubscribed_at"),
            *("delivered_at", "bounced_at", "bounce", "bounce_code", "complained_at"),
        ]


class DeliveryFilters(FilterSet):
    state = ChoiceFilter(choices=Delivery.State.choices)
    campaign = IdFilter(field_name="campaign_id")
    customer = IdFilter(field_name="customer_id")
    reason = TextFilter()


class CampaignFilters(ChangedFilterSet):
    state = ChoiceFilter(choices=Campaign.State.choices)
    segment = IdFilter(field_name="segment_id")


class CampaignViewSet(ReadViewSet):
    """One mail to many people."""

    model = Campaign
    scopes = {"GET": "campaigns.read", "POST": "campaigns.write"}
    serializer_class = CampaignSerializer
    filterset_class = CampaignFilters

    @extend_schema(request=CampaignInput, responses={201: CampaignSerializer})
    def create(self, request: Request) -> Response:
        """Makes a draft. Without a template and content it begins with a plain letter."""
        values = read(CampaignInput, request.data)
        campaign = services.campaign_create(
            merchant=self.merchant,
            name=values.pop("name"),
            template=values.pop("template", None),
            segment=values.pop("segment", None),
            values=values,
        )
        return Response(CampaignSerializer(campaign).data, status=201)

    @extend_schema(request=SendInput, responses={200: CampaignSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def send(self, request: Request, pk: str = "") -> Response:
        """Starts the campaign, or schedules it with `at`. Refused with everything that is still missing.

        The state is `preparing` while a big audience is written down, then `sending`.
        """
        campaign, at = self.get_object(), read(SendInput, request.data)["at"]
        if at is None:
            return self._shown(services.campaign_start(campaign=campaign))
        return self._shown(services.campaign_schedule(campaign=campaign, at=at))

    @extend_schema(request=None, responses={200: CampaignSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def pause(self, request: Request, pk: str = "") -> Response:
        """Holds the sending within a second."""
        return self._shown(services.campaign_pause(campaign=self.get_object()))

    @extend_schema(request=None, responses={200: CampaignSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def resume(self, request: Request, pk: str = "") -> Response:
        """Goes on after a pause."""
        return self._shown(services.campaign_resume(campaign=self.get_object()))

    @extend_schema(request=None, responses={200: CampaignSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def cancel(self, request: Request, pk: str = "") -> Response:
        """Who has not got it yet will not get it."""
        return self._shown(services.campaign_cancel(campaign=self.get_object()))

    @extend_schema(request=ResendInput, responses={200: ResentSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def resend(self, request: Request, pk: str = "") -> Response:
        """Sends mails once more of which nobody knows whether they arrived: some may get it twice."""
        values = read(ResendInput, request.data)
        count = services.deliveries_resend(
            campaign=self.get_object(), delivery_ids=None if values["all"] else values["deliveries"]
        )
        return Response({"resent": count})

    @extend_schema(
        parameters=[
            OpenApiParameter("model", str, enum=Model.values, description="How an order's worth is shared."),
            OpenApiParameter("days", int, description="Days that an order may come behind a look, 1–90."),
            OpenApiParameter("opens", str, enum=["0", "1"], description="1: opened mails count too."),
        ],
        responses={200: FiguresSerializer},
    )
    @action(detail=True, methods=["get"], filterset_class=None)
    def figures(self, request: Request, pk: str = "") -> Response:
        """What became of the mails. Revenue is counted by the shop's sending rules unless asked otherwise."""
        rule = rule_asked(request.query_params.dict(), policy_here())
        return Response(FiguresSerializer(selectors.funnel(self.get_object(), None, rule)).data)

    @extend_schema(methods=["get"], request=None, responses={200: StandingSerializer(many=True)})
    @extend_schema(methods=["post"], request=VersionInput, responses={201: VersionSerializer})
    @action(detail=True, methods=["get", "post"], filterset_class=None, pagination_class=None)
    def versions(self, request: Request, pk: str = "") -> Response:
        """How the versions stand, A first; POST adds one with the next letter to a draft."""
        campaign = self.get_object()
        if request.method == "POST":
            version = version_add(campaign=campaign, values=read(VersionInput, request.data))
            return Response(VersionSerializer(version).data, status=201)
        return Response(StandingSerializer(standings(campaign, None), many=True).data)

    @extend_schema(request=ChooseInput, responses={200: CampaignSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def choose(self, request: Request, pk: str = "") -> Response:
        """Ends the trial: those who wait get this version."""
        letter = read(ChooseInput, request.data)["version"]
        return self._shown(trial_decide(campaign=self.get_object(), letter=letter))

    def _shown(self, campaign: Campaign) -> Response:
        return Response(CampaignSerializer(campaign).data)


class DeliveryViewSet(ReadViewSet):
    """Each mail of each campaign, and why some were not sent."""

    model = Delivery
    scopes = {"GET": "campaigns.read"}
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilters


def read(kind: Any, data: Any) -> dict[str, Any]:
    """The validated values. Raises DRF's ValidationError."""
    reader = kind(data=data)
    reader.is_valid(raise_exception=True)
    values: dict[str, Any] = reader.validated_data
    return values


register("templates", TemplateViewSet)
register("campaigns", CampaignViewSet)
register("deliveries", DeliveryViewSet)
