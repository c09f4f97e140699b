"""Merging by REST: dry run, merge, undo, and the conflicts that wait for a decision."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import Q, QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import IdFilter
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer, TenantRelatedField
from crm.api.views import ReadViewSet
from crm.lib.errors import Rejected
from customers.conflicts import conflict_keep_apart
from customers.merged import MergedAway, survivor_id_of
from customers.merging.preview import Preview, UndoPreview, merge_preview, undo_preview
from customers.merging.selectors import asked
from customers.merging.services import customers_merge, merge_undo
from customers.models import Customer, IdentityConflict, MergeRecord

SIDES = ("survivor", "absorbed", "both")


class MergeSerializer(ApiModelSerializer):
    """One merge. `moved` counts the rows that went over, by kind."""

    survivor = serializers.IntegerField(source="survivor_id", read_only=True)
    absorbed = serializers.IntegerField(source="absorbed_id", read_only=True)
    moved = serializers.DictField(source="counts", child=serializers.IntegerField(), read_only=True)
    choices = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = MergeRecord
        fields = ["id", "survivor", "absorbed", "state", "choices", "moved", "merged_at", "undone_at"]
        read_only_fields = fields


class MergeInput(ApiSerializer):
    """`absorb` becomes a part of the customer in the address. `choices` says by field whose value stays:
    "survivor" or "absorbed", for tags and attributes also "both". With `dry_run` nothing is written."""

    absorb = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    choices = serializers.DictField(child=serializers.ChoiceField(SIDES), required=False)
    dry_run = serializers.BooleanField(default=False)


class MergeFieldSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(source="name")
    survivor = serializers.JSONField()
    absorbed = serializers.JSONField()
    result = serializers.JSONField()
    kept = serializers.CharField(source="side")


class MergeMoveSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(source="model")
    rows = serializers.IntegerField(source="count")
    set_aside = serializers.IntegerField(source="staying")


class MergeConsentSerializer(serializers.Serializer[Any]):
    """null: never asked."""

    channel = serializers.CharField()
    purpose = serializers.CharField()
    survivor = serializers.BooleanField(allow_null=True)
    absorbed = serializers.BooleanField(allow_null=True)
    result = serializers.BooleanField(allow_null=True)


class MergeWarningSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    text = serializers.CharField()


class MergeAnswerSerializer(serializers.Serializer[Any]):
    """What the merge does, or with `dry_run` would do; `merge` is null then. Fields where both differ."""

    dry_run = serializers.BooleanField()
    merge = MergeSerializer(allow_null=True)
    fields_kept = MergeFieldSerializer(many=True)
    moves = MergeMoveSerializer(many=True)
    consents = MergeConsentSerializer(many=True)
    warnings = MergeWarningSerializer(many=True)


def _answer(preview: Preview, record: MergeRecord | None) -> dict[str, Any]:
    differing = [one for one in preview.fields if one.differs]
    shown = {
        "dry_run": record is None,
        "merge": record,
        "fields_kept": differing,
        "moves": preview.moves,
        "consents": preview.consents,
        "warnings": preview.warnings,
    }
    answer: dict[str, Any] = MergeAnswerSerializer(shown).data
    return answer


class MergeMixin:
    """The customer's `merge`, and 410 for whoever was merged away."""

    may_be_merged = True
    rows: Any
    kwargs: dict[str, Any]
    get_serializer_context: Any
    get_queryset: Any
    api_key: Any

    def get_object(self) -> Any:
        try:
            return super().get_object()  # type: ignore[misc]
        except Http404:
            survivor_id = survivor_id_of(int(self.kwargs["pk"]))
            if survivor_id is not None and self._may_know(survivor_id):
                raise MergedAway(survivor_id) from None
            raise

    def _may_know(self, survivor_id: int) -> bool:
        """A key for a part of the shop is told of nobody outside of it."""
        return not self.api_key.bound or self.get_queryset().filter(pk=survivor_id).exists()

    @extend_schema(request=MergeInput, responses={200: MergeAnswerSerializer})
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Merges another customer into this one, or tells what that would do. The same again changes nothing
        and answers with the merge alone."""
        survivor = self.get_object()
        reader = MergeInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        said = reader.validated_data
        absorbed = Customer.objects.select_related("merchant").filter(pk=said["absorb"]).first()
        if absorbed is None:
            raise Rejected(
                "There is no such customer.", code="unknown_customer", fields={"absorb": ["Unknown."]}
            )
        choices = said.get("choices") or {}
        record, is_again = None, absorbed.merged_into_id == survivor.pk and not said["dry_run"]
        preview = (
            Preview(survivor, absorbed, [], [], [], [])
            if is_again
            else merge_preview(survivor=survivor, absorbed=absorbed, choices=choices)
        )
        if not said["dry_run"]:
            record = customers_merge(survivor=survivor, absorbed=absorbed, choices=choices)
        return Response(_answer(preview, record))


# --- merges -------------------------------------------------------------------------------------------------


class MergeFilterSet(django_filters.FilterSet):
    customer = IdFilter(method="of", label="Merges in which this customer survived or was absorbed")
    state = django_filters.ChoiceFilter(choices=MergeRecord.State.choices)

    def of(self, rows: QuerySet[MergeRecord], _name: str, value: int) -> QuerySet[MergeRecord]:
        return rows.filter(Q(survivor_id=value) | Q(absorbed_id=value))


class UndoInput(ApiSerializer):
    dry_run = serializers.BooleanField(default=False)


class UndoPartSerializer(serializers.Serializer[Any]):
    what = serializers.CharField(source="label")
    rows = serializers.IntegerField(source="count")


class UndoAnswerSerializer(serializers.Serializer[Any]):
    """`back` went over with the merge and returns, `since` came afterwards and is the absorbed one's."""

    dry_run = serializers.BooleanField()
    merge = MergeSerializer()
    back = UndoPartSerializer(many=True)
    since = UndoPartSerializer(many=True)


class MergeViewSet(ReadViewSet):
    """Merges and undone merges, newest first."""

    model = MergeRecord
    scopes: ClassVar[dict[str, str]] = {"GET": "customers.read", "POST": "customers.write"}
    serializer_class = MergeSerializer
    filterset_class = MergeFilterSet
    ordering = ("-merged_at", "-id")

    def rows(self) -> QuerySet[MergeRecord]:
        rows: QuerySet[MergeRecord] = MergeRecord.objects.select_related("merchant")
        return rows

    @extend_schema(request=UndoInput, responses={200: UndoAnswerSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Takes the merge apart, or tells what that would do. Doing it again changes nothing."""
        record = self.get_object()
        reader = UndoInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        is_rehearsal = reader.validated_data["dry_run"]
        preview = undo_preview(record=record) if record.is_active else UndoPreview(record, [], [], [])
        if not is_rehearsal:
            record = merge_undo(record=record)
        shown = {"dry_run": is_rehearsal, "merge": record, "back": preview.back, "since": preview.since}
        return Response(UndoAnswerSerializer(shown).data)


# --- conflicts ----------------------------------------------------------------------------------------------


class ConflictSerializer(ApiModelSerializer):
    """Two customers whom something named at once. `first` and `second` are who they are now."""

    first = serializers.SerializerMethodField()
    second = serializers.SerializerMethodField()

    class Meta:
        model = IdentityConflict
        fields = ["id", "first", "second", "kinds", "source", "times", "state", "seen_at", "decided_at"]
        read_only_fields = fields

    def get_first(self, row: IdentityConflict) -> int:
        return int(asked(row).first.pk)

    def get_second(self, row: IdentityConflict) -> int:
        return int(asked(row).second.pk)


class ConflictFilterSet(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=IdentityConflict.State.choices)


class ResolveInput(ApiSerializer):
    """`keep_apart`, or `merge` with the `survivor` of the two."""

    decision = serializers.ChoiceField(("keep_apart", "merge"))
    survivor = TenantRelatedField(model=Customer, required=False)


class ConflictViewSet(ReadViewSet):
    """Identity conflicts, last seen first."""

    model = IdentityConflict
    scopes: ClassVar[dict[str, str]] = {"GET": "customers.read", "POST": "customers.write"}
    serializer_class = ConflictSerializer
    filterset_class = ConflictFilterSet
    ordering = ("-seen_at", "-id")

    def rows(self) -> QuerySet[IdentityConflict]:
        rows: QuerySet[IdentityConflict] = IdentityConflict.objects.select_related(
            "first__merged_into", "second__merged_into", "first__merchant", "second__merchant"
        )
        return rows

    @extend_schema(request=ResolveInput, responses={200: ConflictSerializer})
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Decides the conflict; a decided one stays as it is."""
        conflict = self.get_object()
        reader = ResolveInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        said = reader.validated_data
        if conflict.state == IdentityConflict.State.OPEN:
            if said["decision"] == "merge":
                self._merge(conflict, said.get("survivor"))
            else:
                conflict_keep_apart(conflict=conflict, by=None)
        return Response(ConflictSerializer(self.rows().get(pk=conflict.pk)).data)

    def _merge(self, conflict: IdentityConflict, survivor: Customer | None) -> None:
        pair = asked(conflict)
        people = {pair.first.pk: pair.second, pair.second.pk: pair.first}
        if survivor is None or survivor.pk not in people:
            text = "Name the one of the two who survives."
            raise Rejected(text, code="bad_survivor", fields={"survivor": [text]})
        customers_merge(survivor=survivor, absorbed=people[survivor.pk])


register("merges", MergeViewSet)
register("identity-conflicts", ConflictViewSet)
