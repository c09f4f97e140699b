"""Segments as programs read and write them."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.api.serializers import ApiModelSerializer, ApiSerializer, TenantRelatedField
from marketing.models import Segment, SegmentMember, SegmentPin
from marketing.segments import building, pinning, selectors


class DefinitionField(serializers.JSONField):
    """A tree of groups and conditions."""


extend_schema_field(OpenApiTypes.OBJECT)(DefinitionField)


class SegmentSerializer(ApiModelSerializer):
    """`kind` is "rule" or "list" (people by hand alone, without a definition). `building` is what is going
    on: "idle", "waiting", "counting" or "stopping"; `trouble` why the last build failed, "" when it went
    well."""

    definition = DefinitionField(read_only=True)
    sentence = serializers.SerializerMethodField()
    building = serializers.SerializerMethodField()
    trouble = serializers.SerializerMethodField()

    class Meta:
        model = Segment
        fields = [
            *("id", "name", "kind", "definition", "sentence", "members_count", "pinned_in", "pinned_out"),
            *("built_at", "build_seconds", "building", "trouble", "created_at", "updated_at"),
        ]
        read_only_fields = fields

    def get_sentence(self, segment: Segment) -> str:
        return selectors.segment_sentence(segment, None)

    def get_building(self, segment: Segment) -> str:
        return building.build_state(segment).code

    def get_trouble(self, segment: Segment) -> str:
        return building.trouble_text(segment)


class SegmentInput(ApiSerializer):
    """A list has no definition."""

    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(Segment.Kind.choices, required=False)
    definition = DefinitionField(required=False)


class SegmentCountSerializer(ApiSerializer):
    count = serializers.IntegerField(read_only=True)


class SegmentMemberSerializer(ApiModelSerializer):
    customer = serializers.IntegerField(source="customer_id", read_only=True)

    class Meta:
        model = SegmentMember
        fields = ["customer", "entered_at"]
        read_only_fields = fields


class MembersInput(ApiSerializer):
    """`state`: "in" puts them in, "out" keeps them out, "rule" leaves them to the rule again."""

    customers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        min_length=1,
        max_length=pinning.MOST_AT_ONCE,
    )
    state = serializers.ChoiceField([(one, one) for one in pinning.STATES], default=pinning.IN)


class PinnedSerializer(ApiSerializer):
    """`found` are the shop's among the customers named, `changed` those who were not so already."""

    found = serializers.IntegerField(read_only=True)
    changed = serializers.IntegerField(read_only=True)


class PinSerializer(ApiModelSerializer):
    """Somebody put in by hand (`state` "in") or kept out ("out")."""

    customer = serializers.IntegerField(source="customer_id", read_only=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = SegmentPin
        fields = ["id", "customer", "state", "created_at"]
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField([(one, one) for one in (pinning.IN, pinning.OUT)]))
    def get_state(self, pin: SegmentPin) -> str:
        return pinning.IN if pin.is_in else pinning.OUT


class OverlapSerializer(ApiSerializer):
    """`count` people here, `other_count` there, `both` in both, counted now."""

    count = serializers.IntegerField(read_only=True)
    other_count = serializers.IntegerField(read_only=True)
    both = serializers.IntegerField(read_only=True)


class ReasonSerializer(ApiSerializer):
    """`match` is "all", "any" or "none" for a group, "segment" for a segment that the line above names, and
    "" for a condition; what belongs to it follows one level deeper."""

    text = serializers.CharField(read_only=True)
    holds = serializers.BooleanField(read_only=True)
    level = serializers.IntegerField(read_only=True)
    match = serializers.CharField(read_only=True)


class AnswerSerializer(ApiSerializer):
    """`by_hand` is "in" or "out" when that was done by hand, which outweighs the rule, else ""."""

    inside = serializers.BooleanField(read_only=True)
    by_hand = serializers.CharField(read_only=True)
    rule_holds = serializers.BooleanField(read_only=True)
    reasons = ReasonSerializer(many=True, read_only=True)


class PreviewInput(ApiSerializer):
    """`anyway` counts a rule that is expected to take long, for up to 25 seconds."""

    definition = DefinitionField()
    overlap = TenantRelatedField(model=Segment, required=False)
    anyway = serializers.BooleanField(required=False)


class PreviewSerializer(ApiSerializer):
    """What a definition finds now, unsaved. `sample` are ids of up to eight of them."""

    count = serializers.IntegerField(read_only=True)
    total = serializers.IntegerField(read_only=True)
    sentence = serializers.CharField(read_only=True)
    sample = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    overlap = OverlapSerializer(read_only=True, allow_null=True)


class FieldSerializer(ApiSerializer):
    """An input of a condition. `options` are pairs of value and label; a searched one has none here."""

    name = serializers.CharField(read_only=True)
    kind = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]  # DRF keeps its own `label` there
    default = serializers.JSONField(read_only=True)
    minimum = serializers.IntegerField(read_only=True)
    maximum = serializers.IntegerField(read_only=True)
    options = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField()), read_only=True
    )
    search = serializers.BooleanField(read_only=True)


class DetailSerializer(ApiSerializer):
    """More that a condition may say: all of its fields, or none."""

    name = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]  # DRF keeps its own `label` there
    clause = serializers.CharField(read_only=True)
    fields = FieldSerializer(many=True, read_only=True)  # type: ignore[assignment]


class ConditionSerializer(ApiSerializer):
    """A condition that a definition may name by its key, {"if": key, …fields}; `phrase` is its sentence with
    {field} where values go."""

    key = serializers.CharField(read_only=True)
    group = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]  # DRF keeps its own `label` there
    phrase = serializers.CharField(read_only=True)
    fields = FieldSerializer(many=True, read_only=True)  # type: ignore[assignment]
    details = DetailSerializer(many=True, read_only=True)
