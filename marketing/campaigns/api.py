"""Templates, campaigns and their mails by REST."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import ChoiceFilter, FilterSet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import ChangedFilterSet, IdFilter, TextFilter
from crm.api.registry import register
from crm.api.views import ReadViewSet
from marketing.campaigns import links, selectors, services, shapes, trying
from marketing.campaigns.checklist import checklist
from marketing.campaigns.revenue import Model, policy_here, rule_asked
from marketing.campaigns.trials.services import trial_decide, version_add
from marketing.campaigns.trials.standing import standings
from marketing.models import Campaign, Delivery, Template

WRITES = {
    "GET": "campaigns.read",
    "POST": "campaigns.write",
    "PATCH": "campaigns.write",
    "DELETE": "campaigns.write",
}


class TemplateViewSet(ReadViewSet):
    """Mails to start from; a campaign takes a copy."""

    model = Template
    scopes = WRITES
    serializer_class = shapes.TemplateSerializer
    filterset_class = ChangedFilterSet

    def rows(self) -> QuerySet[Template]:
        return Template.objects.filter(archived_at__isnull=True)

    @extend_schema(request=shapes.TemplateInput, responses={201: shapes.TemplateSerializer})
    def create(self, request: Request) -> Response:
        """Makes a template."""
        values = read(shapes.TemplateInput, request.data)
        saved = services.template_save(merchant=self.merchant, values=values)
        return Response(shapes.TemplateSerializer(saved).data, status=201)

    @extend_schema(request=shapes.TemplateChange, responses={200: shapes.TemplateSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the fields sent. Campaigns made from it keep their copy."""
        template = self.get_object()
        values = read(shapes.TemplateChange, request.data)
        saved = services.template_save(merchant=self.merchant, template=template, values=values)
        return Response(shapes.TemplateSerializer(saved).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Puts it away. Campaigns made from it keep their copy."""
        services.template_archive(template=self.get_object())
        return Response(status=204)


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
    scopes = WRITES
    serializer_class = shapes.CampaignSerializer
    filterset_class = CampaignFilters

    @extend_schema(request=shapes.CampaignInput, responses={201: shapes.CampaignSerializer})
    def create(self, request: Request) -> Response:
        """Makes a draft. Without a template and content it begins with a plain letter."""
        values = read(shapes.CampaignInput, request.data)
        campaign = services.campaign_create(
            merchant=self.merchant,
            name=values.pop("name"),
            template=values.pop("template", None),
            segment=values.pop("segment", None),
            values=values,
        )
        return Response(shapes.CampaignSerializer(campaign).data, status=201)

    @extend_schema(request=shapes.CampaignChange, responses={200: shapes.CampaignSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the fields sent of a draft; 409 once it is scheduled or out."""
        values = read(shapes.CampaignChange, request.data)
        return self._shown(services.campaign_edit(campaign=self.get_object(), values=values))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Deletes a draft; what was sent is part of the customers' history and answers 409."""
        services.campaign_delete(campaign=self.get_object())
        return Response(status=204)

    @extend_schema(responses={200: shapes.PointSerializer(many=True)})
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def checklist(self, request: Request, pk: str = "") -> Response:
        """What is looked at before the sending. One `bad` line keeps it from being sent. Links that were
        never asked are asked now; read it again for what was found."""
        campaign = self.get_object()
        links.links_check_unasked(campaign, links.links_of(campaign, self.merchant))
        points = checklist(campaign=campaign, merchant=self.merchant, people=None)
        return Response(shapes.PointSerializer(points, many=True).data)

    @extend_schema(methods=["get"], request=None, responses={200: shapes.LinksSerializer})
    @extend_schema(methods=["post"], request=None, responses={202: shapes.LinksSerializer})
    @action(detail=True, methods=["get", "post"], filterset_class=None, url_path="links")
    def links(self, request: Request, pk: str = "") -> Response:
        """The links of all versions and what was found when they were asked; POST has them all asked anew."""
        campaign = self.get_object()
        if request.method == "POST":
            links.links_check(campaign=campaign)
        found = links.links_of(campaign, self.merchant)
        shown = {"running": links.is_running(campaign), "links": found}
        status = 202 if request.method == "POST" else 200
        return Response(shapes.LinksSerializer(shown).data, status=status)

    @extend_schema(request=shapes.TestInput, responses={202: shapes.TestedSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def test(self, request: Request, pk: str = "") -> Response:
        """Sends a test as an invented person would get it, untracked, by the campaign's own way. The
        event `marketing.test_sent` tells that it was taken."""
        values = read(shapes.TestInput, request.data)
        goes = trying.campaign_try_soon(
            merchant=self.merchant,
            campaign=self.get_object(),
            to=values["to"],
            letter=values["version"],
        )
        return Response(shapes.TestedSerializer({"to": goes}).data, status=202)

    @extend_schema(request=None, responses={200: shapes.CampaignSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def unschedule(self, request: Request, pk: str = "") -> Response:
        """A draft again."""
        return self._shown(services.campaign_unschedule(campaign=self.get_object()))

    @extend_schema(request=shapes.SendInput, responses={200: shapes.CampaignSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def send(self, request: Request, pk: str = "") -> Response:
        """Starts the campaign, or schedules it with `at`. Refused with everything that is still missing.

        The state is `preparing` while a big audience is written down, then `sending`.
        """
        campaign, at = self.get_object(), read(shapes.SendInput, request.data)["at"]
        if at is None:
            return self._shown(services.campaign_start(campaign=campaign))
        return self._shown(services.campaign_schedule(campaign=campaign, at=at))

    @extend_schema(request=None, responses={200: shapes.CampaignSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def pause(self, request: Request, pk: str = "") -> Response:
        """Holds the sending within a second."""
        return self._shown(services.campaign_pause(campaign=self.get_object()))

    @extend_schema(request=None, responses={200: shapes.CampaignSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def resume(self, request: Request, pk: str = "") -> Response:
        """Goes on after a pause."""
        return self._shown(services.campaign_resume(campaign=self.get_object()))

    @extend_schema(request=None, responses={200: shapes.CampaignSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def cancel(self, request: Request, pk: str = "") -> Response:
        """Who has not got it yet will not get it."""
        return self._shown(services.campaign_cancel(campaign=self.get_object()))

    @extend_schema(request=shapes.ResendInput, responses={200: shapes.ResentSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def resend(self, request: Request, pk: str = "") -> Response:
        """Sends mails once more of which nobody knows whether they arrived: some may get it twice."""
        values = read(shapes.ResendInput, request.data)
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
        responses={200: shapes.FiguresSerializer},
    )
    @action(detail=True, methods=["get"], filterset_class=None)
    def figures(self, request: Request, pk: str = "") -> Response:
        """What became of the mails. Revenue is counted by the shop's sending rules unless asked otherwise."""
        rule = rule_asked(request.query_params.dict(), policy_here())
        return Response(shapes.FiguresSerializer(selectors.funnel(self.get_object(), None, rule)).data)

    @extend_schema(methods=["get"], request=None, responses={200: shapes.StandingSerializer(many=True)})
    @extend_schema(methods=["post"], request=shapes.VersionInput, responses={201: shapes.VersionSerializer})
    @action(detail=True, methods=["get", "post"], filterset_class=None, pagination_class=None)
    def versions(self, request: Request, pk: str = "") -> Response:
        """How the versions stand, A first; POST adds one with the next letter to a draft."""
        campaign = self.get_object()
        if request.method == "POST":
            version = version_add(campaign=campaign, values=read(shapes.VersionInput, request.data))
            return Response(shapes.VersionSerializer(version).data, status=201)
        return Response(shapes.StandingSerializer(standings(campaign, None), many=True).data)

    @extend_schema(request=shapes.ChooseInput, responses={200: shapes.CampaignSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def choose(self, request: Request, pk: str = "") -> Response:
        """Ends the trial: those who wait get this version."""
        letter = read(shapes.ChooseInput, request.data)["version"]
        return self._shown(trial_decide(campaign=self.get_object(), letter=letter))

    def _shown(self, campaign: Campaign) -> Response:
        return Response(shapes.CampaignSerializer(campaign).data)


class DeliveryViewSet(ReadViewSet):
    """Each mail of each campaign, and why some were not sent."""

    model = Delivery
    scopes = {"GET": "campaigns.read"}
    serializer_class = shapes.DeliverySerializer
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
