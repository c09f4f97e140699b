"""Tasks for programs; customers/api.py registers them."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.accounts.models import Membership
from crm.api.filters import ChangedFilterSet, FlagFilter, IdFilter, InstantFilter, TextFilter
from crm.api.serializers import ApiModelSerializer, ApiSerializer, TenantRelatedField
from crm.api.views import ReadViewSet
from customers.api_fields import CustomerField
from customers.filters import members
from customers.models import Company, Task
from customers.services import fault
from customers.todos.services import task_add, task_change, task_delete, task_done, task_reopen


class TaskSerializer(ApiModelSerializer):
    """`due_at` is the instant from which the task is late; a task of a whole day has the day in `due_on`."""

    customer = serializers.IntegerField(source="customer_id", read_only=True, allow_null=True)
    company = serializers.IntegerField(source="company_id", read_only=True, allow_null=True)
    assignee = serializers.CharField(source="assignee.user.email", default="", read_only=True)
    creator = serializers.CharField(source="creator.user.email", default="", read_only=True)

    class Meta:
        model = Task
        fields = [
            *("id", "title", "text", "customer", "company", "subject_type", "subject_id", "assignee"),
            *("creator", "priority", "due_on", "due_at", "zone", "remind_at", "rule", "number", "done_at"),
            *("created_at", "updated_at"),
        ]
        read_only_fields = fields


class TaskChange(ApiSerializer):
    """`due_on` for a whole day or `due_at` for an instant. `assignee` is a colleague's e-mail address.
    `rule` is an
    RRULE of RFC 5545: DAILY, WEEKLY with BYDAY, MONTHLY with BYMONTHDAY, with INTERVAL and UNTIL."""

    title = serializers.CharField(max_length=200, required=False)
    text = serializers.CharField(max_length=5_000, required=False, allow_blank=True)
    customer = CustomerField(required=False, allow_null=True)
    company = TenantRelatedField(model=Company, required=False, allow_null=True)
    assignee = serializers.CharField(max_length=320, required=False, allow_blank=True)
    priority = serializers.ChoiceField(Task.Priority.choices, required=False)
    due_on = serializers.DateField(required=False, allow_null=True)
    due_at = serializers.DateTimeField(required=False, allow_null=True)
    remind_at = serializers.DateTimeField(required=False, allow_null=True)
    rule = serializers.CharField(max_length=120, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("due_on") and attrs.get("due_at"):
            raise serializers.ValidationError({"due_at": ["Send due_on or due_at, not both."]})
        return attrs


class TaskInput(TaskChange):
    title = serializers.CharField(max_length=200)


class TaskFilterSet(ChangedFilterSet):
    customer = IdFilter(field_name="customer_id")
    company = IdFilter(field_name="company_id")
    assignee = TextFilter(field_name="assignee__user__email", lookup_expr="iexact")
    priority = django_filters.ChoiceFilter(choices=Task.Priority.choices)
    done = FlagFilter(field_name="done_at", lookup_expr="isnull", exclude=True)
    due_before = InstantFilter(field_name="due_at", lookup_expr="lt")


class TaskViewSet(ReadViewSet):
    """Tasks, newest first."""

    model = Task
    narrows = True
    scopes = {
        "GET": "tasks.read",
        "POST": "tasks.write",
        "PATCH": "tasks.write",
        "DELETE": "tasks.write",
    }
    serializer_class = TaskSerializer
    filterset_class = TaskFilterSet

    def rows(self) -> QuerySet[Task]:
        rows: QuerySet[Task] = Task.objects.select_related("assignee__user", "creator__user", "merchant")
        return rows

    @extend_schema(request=TaskInput, responses={201: TaskSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Gives somebody a task, or leaves it to nobody yet."""
        said = self._read(TaskInput, request)
        said.setdefault("assignee", None)
        task = task_add(merchant=self.merchant, creator=None, **said)
        return Response(self._shown(task), status=201)

    @extend_schema(request=TaskChange, responses={200: TaskSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the fields sent."""
        task = self.get_object()
        task_change(task=task, **self._read(TaskChange, request))
        return Response(self._shown(task))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        task_delete(task=self.get_object())
        return Response(status=204)

    @extend_schema(request=None, responses={200: TaskSerializer})
    @action(detail=True, methods=["post"])
    def done(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Done; a repeating task's next one is made. Done already: nothing happens."""
        task = self.get_object()
        task_done(task=task, by=None)
        return Response(self._shown(task))

    @extend_schema(request=None, responses={200: TaskSerializer})
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Still to do."""
        task = self.get_object()
        task_reopen(task=task)
        return Response(self._shown(task))

    def _shown(self, task: Task) -> Any:
        return TaskSerializer(self.rows().get(pk=task.pk)).data

    def _read(self, kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
        reader = kind(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        said: dict[str, Any] = dict(reader.validated_data)
        if "assignee" in said:
            said["assignee"] = colleague_of(said["assignee"])
        return said


def colleague_of(address: str) -> Membership | None:
    """Who works here by that e-mail address, None for "". Raises Rejected (field "assignee") for a
    stranger."""
    address = address.strip().lower()
    if not address:
        return None
    found = next((one for one in members() if one.user.email.lower() == address), None)
    if found is None:
        raise fault("assignee", "Nobody who works here has this e-mail address.")
    return found
