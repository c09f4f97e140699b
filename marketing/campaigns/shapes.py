"""What programs send and read of templates, campaigns and their mails."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from crm.api.serializers import (
    ApiModelSerializer,
    ApiSerializer,
    ClockField,
    MoneyField,
    TenantRelatedField,
)
from crm.integrations.asking import Finding
from customers.models.consent import Channel
from marketing.campaigns import selectors
from marketing.campaigns.links import LATE
from marketing.campaigns.trials.standing import Standing
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


class TemplateChange(ContentInput):
    """What a PATCH may set; a field left out stays."""

    name = serializers.CharField(max_length=120, required=False)


class FiguresSerializer(serializers.Serializer[Any]):
    """How many mails stand where; `reasons` says why some were not sent. `until`: about when the last of
    those goes that limits of pace or a warm-up plan make wait."""

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
    until = serializers.DateTimeField(allow_null=True)
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


class CampaignChange(ContentInput, TrialInput):
    """What a PATCH may set in a draft; a field left out stays. An SMS is its `text`; carriers with their own
    templates (Aliyun, WeChat) take `carrier_template` and `carrier_values` (place → Liquid)."""

    name = serializers.CharField(max_length=120, required=False)
    carrier_template = serializers.CharField(max_length=100, required=False, allow_blank=True)
    carrier_values = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True), required=False
    )
    carrier_url = serializers.URLField(max_length=500, required=False, allow_blank=True)
    audience = serializers.ChoiceField(choices=Campaign.Audience.choices, required=False)
    segment = TenantRelatedField(model=Segment, required=False, allow_null=True)
    sender_name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    sender_email = serializers.EmailField(required=False, allow_blank=True)
    reply_to = serializers.EmailField(required=False, allow_blank=True)
    tracks = serializers.BooleanField(required=False)


class CampaignInput(CampaignChange):
    """`channel` and `template` are decided when it is made."""

    name = serializers.CharField(max_length=120)
    channel = serializers.ChoiceField(choices=Channel.choices, required=False)
    template = TenantRelatedField(model=Template, required=False, allow_null=True)


class PointSerializer(serializers.Serializer[Any]):
    """A line of the check list. `state`: good, warn (think again) or bad (can't be sent)."""

    state = serializers.CharField()
    title = serializers.CharField()
    text = serializers.CharField()


class LinkSerializer(serializers.Serializer[Any]):
    """A link as an invented person gets it. `finding` is empty until it was asked; `versions` are the letters
    of those that hold it, `target` where it leads on to."""

    url = serializers.CharField()
    versions = serializers.CharField(source="letters")
    finding = serializers.ChoiceField(choices=["", *Finding, LATE])
    status = serializers.IntegerField(help_text="Of the last answer; 0 without one.")
    target = serializers.CharField()
    broken = serializers.BooleanField(source="is_broken")
    text = serializers.CharField(source="words")
    asked_at = serializers.DateTimeField(allow_null=True)


class LinksSerializer(serializers.Serializer[Any]):
    running = serializers.BooleanField()
    links = LinkSerializer(many=True)


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


class TestInput(ApiSerializer):
    """A mail's test goes to addresses of people who work in the shop, an SMS's to any number; five at most.
    `version` is the letter of the one to try, A when left out."""

    to = serializers.ListField(child=serializers.CharField(max_length=254), min_length=1, max_length=5)
    version = serializers.CharField(max_length=1, required=False, allow_blank=True, default="")


class TestedSerializer(serializers.Serializer[Any]):
    to = serializers.ListField(child=serializers.CharField(), help_text="Where it goes.")


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
