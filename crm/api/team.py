"""Who works here, what leavers held, and who gets what comes in, for programs."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.accounts.assignment import services as assignment
from crm.accounts.handover.asking import MOST_IDS, Ask, handover_assign
from crm.accounts.handover.selectors import held_by
from crm.accounts.handover.taking_back import handover_undo
from crm.accounts.models import AssignmentRule, Handover, HandoverMove, Membership, Team
from crm.api.filters import FlagFilter, IdFilter
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer, TenantRelatedField
from crm.api.views import ReadViewSet

READ, WRITE = "team.read", "team.write"
LARGEST_ID = 2**63 - 1


def ids_field(most: int, **more: Any) -> serializers.ListField:
    one = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    return serializers.ListField(child=one, max_length=most, **more)


# --- members ------------------------------------------------------------------------------------------------


class MemberSerializer(ApiModelSerializer):
    email = serializers.EmailField(source="user.email", read_only=True)
    name = serializers.CharField(source="user.name", read_only=True)
    team = serializers.IntegerField(source="team_id", read_only=True, allow_null=True)

    class Meta:
        model = Membership
        fields = [
            *("id", "email", "name", "role", "team", "region", "visibility", "is_active", "created_at"),
            "deactivated_at",
        ]
        read_only_fields = fields


class MemberFilterSet(django_filters.FilterSet):
    is_active = FlagFilter(field_name="is_active")


class MemberViewSet(ReadViewSet):
    """Who works or worked here: the ids that customers, tickets and rules name."""

    model = Membership
    scopes = {"GET": READ}
    serializer_class = MemberSerializer
    filterset_class = MemberFilterSet

    def rows(self) -> QuerySet[Membership]:
        return Membership.objects.select_related("user").filter(merchant=self.merchant)


# --- handovers ----------------------------------------------------------------------------------------------


class HandoverSerializer(ApiModelSerializer):
    member = serializers.IntegerField(source="member_id", read_only=True)

    class Meta:
        model = Handover
        fields = ["id", "member", "state", "opened_at", "closed_at"]
        read_only_fields = fields


class HandoverDetailSerializer(HandoverSerializer):
    """`held` is what nobody took over yet, by kind."""

    held = serializers.SerializerMethodField()

    class Meta(HandoverSerializer.Meta):
        fields = [*HandoverSerializer.Meta.fields, "held"]

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_held(self, handover: Handover) -> dict[str, int]:
        return held_by([handover.member_id]).get(handover.member_id, {}) if handover.is_open else {}


class LetterInput(ApiSerializer):
    """{{name}}, {{colleague}}, {{former}} and {{shop}} are filled in."""

    subject = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=5_000)


class AssignInput(ApiSerializer):
    """`ids` ({kind: [ids]}) are rows chosen by hand, of the kinds named; without it everything of them goes.
    `rest` gets what a rule by region or team finds nobody for. `letter` tells the customers by mail."""

    how = serializers.ChoiceField(HandoverMove.How.choices)
    kinds = serializers.ListField(child=serializers.CharField(max_length=20), min_length=1, max_length=10)
    people = ids_field(200, required=False)
    rest = serializers.IntegerField(
        min_value=1, max_value=LARGEST_ID, required=False, allow_null=True, default=None
    )
    ids = serializers.DictField(child=ids_field(MOST_IDS), required=False)
    letter = LetterInput(required=False, allow_null=True, default=None)


class MoveSerializer(ApiModelSerializer):
    """`receipt` is {kind: {member: rows}}; `stayed` counts what an undo left where it was."""

    handover = serializers.IntegerField(source="handover_id", read_only=True)
    by = serializers.IntegerField(source="by_id", read_only=True, allow_null=True)
    receipt = serializers.DictField(read_only=True)

    class Meta:
        model = HandoverMove
        fields = [
            *("id", "handover", "by", "how", "kinds", "people", "rest", "state", "total", "seen", "given"),
            *("returned", "stayed", "told", "receipt", "created_at", "finished_at", "undone_at"),
        ]
        read_only_fields = fields


class HandoverFilterSet(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Handover.State.choices)
    member = IdFilter(field_name="member_id")


class HandoverViewSet(ReadViewSet):
    """What leavers held: one transfer each time somebody who held something was deactivated."""

    model = Handover
    scopes = {"GET": READ, "POST": WRITE}
    serializer_class = HandoverSerializer
    filterset_class = HandoverFilterSet

    def get_serializer_class(self) -> type[Any]:
        return HandoverDetailSerializer if self.action == "retrieve" else HandoverSerializer

    @extend_schema(request=AssignInput, responses={201: MoveSerializer})
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Hands over. More than 500 rows go on in the background: `state` of the round is `running` then."""
        handover = self.get_object()
        reader = AssignInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        said = dict(reader.validated_data)
        letter = said.pop("letter")
        words = (letter["subject"], letter["text"]) if letter else None
        move = handover_assign(handover=handover, ask=Ask(**said, letter=words), by=None)
        return Response(MoveSerializer(move).data, status=201)


class MoveFilterSet(django_filters.FilterSet):
    handover = IdFilter(field_name="handover_id")


class MoveViewSet(ReadViewSet):
    """Rounds of handing over: who got how much."""

    model = HandoverMove
    scopes = {"GET": READ, "POST": WRITE}
    serializer_class = MoveSerializer
    filterset_class = MoveFilterSet

    @extend_schema(request=None, responses={200: MoveSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Gives back, within 30 days and to a member who came back, what nobody passed on or finished
        since."""
        move = handover_undo(move=self.get_object())
        return Response(MoveSerializer(move).data)


# --- assignment rules ---------------------------------------------------------------------------------------


class RuleSerializer(ApiModelSerializer):
    team = serializers.IntegerField(source="team_id", read_only=True, allow_null=True)
    conditions = serializers.DictField(read_only=True)

    class Meta:
        model = AssignmentRule
        fields = [
            *("id", "subject", "name", "position", "is_default", "is_active", "conditions", "team"),
            *("people", "method", "given_count", "created_at", "updated_at"),
        ]
        read_only_fields = fields


class RuleChange(ApiSerializer):
    """`conditions` is {key: [values]}: each must hold by one of its values. A rule names a team or people."""

    name = serializers.CharField(max_length=60, required=False)
    conditions = serializers.DictField(
        child=serializers.ListField(
            child=serializers.CharField(max_length=assignment.LONGEST_VALUE),
            max_length=assignment.MOST_VALUES,
        ),
        required=False,
    )
    team = TenantRelatedField(model=Team, required=False, allow_null=True)
    people = ids_field(200, required=False)
    method = serializers.ChoiceField(AssignmentRule.Method.choices, required=False)
    is_default = serializers.BooleanField(required=False)
    is_active = serializers.BooleanField(required=False)


class RuleInput(RuleChange):
    subject = serializers.CharField(max_length=20)
    name = serializers.CharField(max_length=60)


class RuleFilterSet(django_filters.FilterSet):
    subject = django_filters.CharFilter(field_name="subject")


class RuleViewSet(ReadViewSet):
    """Who gets new tickets and customers, asked by `position`, the default rule last."""

    model = AssignmentRule
    scopes = {"GET": READ, "POST": WRITE, "PATCH": WRITE, "DELETE": WRITE}
    serializer_class = RuleSerializer
    filterset_class = RuleFilterSet

    @extend_schema(request=RuleInput, responses={201: RuleSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new rule, asked after the others."""
        reader = RuleInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        rule = assignment.rule_create(merchant=self.merchant, **reader.validated_data)
        return Response(RuleSerializer(rule).data, status=201)

    @extend_schema(request=RuleChange, responses={200: RuleSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the properties sent."""
        rule = self.get_object()
        reader = RuleChange(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        assignment.rule_change(rule=rule, **reader.validated_data)
        return Response(RuleSerializer(self.rows().get(pk=rule.pk)).data)

    @extend_schema(request=None, responses={200: RuleSerializer})
    @action(detail=True, methods=["post"])
    def earlier(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Asked one place earlier."""
        return self._moved(up=True)

    @extend_schema(request=None, responses={200: RuleSerializer})
    @action(detail=True, methods=["post"])
    def later(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Asked one place later."""
        return self._moved(up=False)

    def _moved(self, *, up: bool) -> Response:
        rule = self.get_object()
        assignment.rule_move(rule=rule, up=up)
        return Response(RuleSerializer(self.rows().get(pk=rule.pk)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Deletes the rule; what it gave stays given."""
        assignment.rule_delete(rule=self.get_object())
        return Response(status=204)


register("members", MemberViewSet)
register("handovers", HandoverViewSet)
register("handover-moves", MoveViewSet)
register("assignment-rules", RuleViewSet)
