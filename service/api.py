"""Tickets by REST: list, read, open, answer, write down a customer's words."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import FlagFilter, IdFilter, InstantFilter
from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer, ApiSerializer, TenantRelatedField
from crm.api.views import ReadViewSet
from customers.api_fields import CustomerField
from orders.models import Order
from service import tickets
from service.models import Entry, Ticket
from service.models.entry import BODY_CHARS
from service.models.ticket import Priority
from service.tickets import Stranger, Words


class EntrySerializer(ApiModelSerializer):
    """`kind`: inbound (the customer's words), outbound (an answer), note (for colleagues)."""

    class Meta:
        model = Entry
        fields = ["id", "kind", "channel", "author_name", "text", "created_at"]


class TicketSerializer(ApiModelSerializer):
    class Meta:
        model = Ticket
        fields = [
            *(
                "id",
                "number",
                "subject",
                "channel",
                "cause",
                "status",
                "priority",
                "assignee",
                "customer",
                "order",
            ),
            *(
                "contact_name",
                "contact_email",
                "language",
                "preview",
                "opened_at",
                "last_at",
                "last_inbound_at",
            ),
            *("first_response_due_at", "first_responded_at", "resolve_due_at", "due_at", "snoozed_until"),
            *("solved_at", "updated_at"),
        ]


class TicketDetailSerializer(TicketSerializer):
    """With everything that was said, oldest first; at most the newest 200."""

    entries = serializers.SerializerMethodField()

    class Meta(TicketSerializer.Meta):
        fields = [*TicketSerializer.Meta.fields, "entries"]

    @extend_schema_field(EntrySerializer(many=True))
    def get_entries(self, ticket: Ticket) -> list[dict[str, Any]]:
        newest = Entry.objects.filter(ticket=ticket).order_by("-created_at", "-id")[:200]
        return list(EntrySerializer(reversed(newest), many=True).data)


class TicketInput(ApiSerializer):
    """A question in the words of who asks. Say who by `customer`, `order` or `email`."""

    text = serializers.CharField(max_length=BODY_CHARS)
    subject = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    customer = CustomerField(required=False, allow_null=True, default=None)
    order = TenantRelatedField(model=Order, required=False, allow_null=True, default=None)
    name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    email = serializers.EmailField(max_length=320, required=False, default="", allow_blank=True)
    language = serializers.CharField(max_length=10, required=False, default="", allow_blank=True)


class ReplyInput(ApiSerializer):
    """`kind` outbound answers and mails the customer; inbound writes their words down."""

    text = serializers.CharField(max_length=BODY_CHARS)
    kind = serializers.ChoiceField(choices=["outbound", "inbound"], required=False, default="outbound")
    author_name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    solve = serializers.BooleanField(required=False, default=False)


class TicketFilters(FilterSet):
    status = ChoiceFilter(choices=Ticket.Status.choices)
    priority = ChoiceFilter(choices=Priority.choices)
    customer = IdFilter(field_name="customer_id")
    order = IdFilter(field_name="order_id")
    number = IdFilter(field_name="number")
    unread = FlagFilter(field_name="unread")
    changed_since = InstantFilter(field_name="last_at", lookup_expr="gte")


class TicketViewSet(ReadViewSet):
    """Tickets, the newest first."""

    model = Ticket
    narrows = True
    scopes = {"GET": "tickets.read", "POST": "tickets.write"}
    serializer_class = TicketSerializer
    filterset_class = TicketFilters
    ordering = ("-id",)

    def rows(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = Ticket.objects.all()
        return rows

    @extend_schema(responses={200: TicketDetailSerializer})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(TicketDetailSerializer(self.get_object()).data)

    @extend_schema(request=TicketInput, responses={201: TicketDetailSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        values = self._read(TicketInput)
        opened = tickets.ticket_open(
            merchant=self.merchant,
            subject=values["subject"],
            words=Words(values["text"]),
            channel=Ticket.Channel.API,
            customer=values["customer"],
            order=values["order"],
            contact=Stranger(name=values["name"], email=values["email"]),
            language=values["language"],
        )
        return Response(TicketDetailSerializer(opened).data, status=201)

    @extend_schema(request=ReplyInput, responses={200: TicketDetailSerializer})
    @action(detail=True, methods=["post"])
    def reply(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        values = self._read(ReplyInput)
        ticket: Ticket = self.get_object()
        words = Words(values["text"])
        if values["kind"] == Entry.Kind.INBOUND:
            tickets.ticket_receive(
                merchant=self.merchant, ticket=ticket, words=words, channel=Ticket.Channel.API
            )
        else:
            tickets.ticket_answer(
                merchant=self.merchant,
                ticket=ticket,
                words=words,
                author=None,
                author_name=values["author_name"] or str(self.api_key.name),
                solve=values["solve"],
            )
        return Response(TicketDetailSerializer(self.rows().get(pk=ticket.pk)).data)

    @extend_schema(request=None, responses={200: TicketDetailSerializer})
    @action(detail=True, methods=["post"])
    def solve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        solved = tickets.ticket_solve(merchant=self.merchant, ticket=self.get_object())
        return Response(TicketDetailSerializer(solved).data)

    def _read(self, kind: type[ApiSerializer]) -> dict[str, Any]:
        reader = kind(data=self.request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        values: dict[str, Any] = dict(reader.validated_data)
        return values


register("tickets", TicketViewSet)
