"""Customers and their consents for programs."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.bulk import Saved, UpsertMixin
from crm.api.filters import ChangedFilterSet, IdFilter, InstantFilter, TextFilter
from crm.api.registry import register
from crm.api.schema import upsert_schema
from crm.api.views import ReadViewSet
from crm.events.actor import current_actor
from crm.lib.errors import Conflict
from customers import api_serializers as shapes
from customers import consent_api
from customers.address_api import AddressViewSet
from customers.belongings import company_named
from customers.bulk_changes import api as bulk_api
from customers.bulk_changes.services import bulk_preview, bulk_start
from customers.companies.api import CompanyViewSet, ContactViewSet
from customers.duplicates import api as _duplicates  # noqa: F401 - registers /duplicates/
from customers.fields import api as field_api
from customers.files import api as file_api
from customers.merging.api import MergeMixin
from customers.models import Customer, Erasure, Identity
from customers.my_data import api as my_data_api
from customers.normalising import normalise_email, normalise_phone
from customers.note_api import NoteViewSet
from customers.privacy.erasing import erasure_ask
from customers.regions import api as region_api
from customers.retention import api as retention_api
from customers.searching import customer_ids_found
from customers.services import customer_change, customer_create
from customers.suppressions import api as suppression_api
from customers.todos.api import TaskViewSet
from customers.visits import api as visit_api


class CustomerFilterSet(ChangedFilterSet):
    q = TextFilter(method="search", label="Name, e-mail, phone, company or id, as staff search")
    email = TextFilter(method="by_email")
    phone = TextFilter(method="by_phone")
    kind = django_filters.ChoiceFilter(choices=Customer.Kind.choices)
    stage = django_filters.ChoiceFilter(choices=Customer.Stage.choices)
    country = TextFilter()
    tag = TextFilter(field_name="tags", method="tagged")
    created_after = InstantFilter(field_name="created_at", lookup_expr="gte")
    created_before = InstantFilter(field_name="created_at", lookup_expr="lt")

    def search(self, rows: QuerySet[Customer], _name: str, value: str) -> QuerySet[Customer]:
        return rows.filter(pk__in=customer_ids_found(value))

    def by_email(self, rows: QuerySet[Customer], _name: str, value: str) -> QuerySet[Customer]:
        """Any of the person's addresses, not only the one in use."""
        return rows.filter(identities__kind=Identity.Kind.EMAIL, identities__value=normalise_email(value))

    def by_phone(self, rows: QuerySet[Customer], _name: str, value: str) -> QuerySet[Customer]:
        return rows.filter(identities__kind=Identity.Kind.PHONE, identities__value=value)

    def tagged(self, rows: QuerySet[Customer], _name: str, value: str) -> QuerySet[Customer]:
        return rows.filter(tags__contains=[value])


class CustomerViewSet(MergeMixin, visit_api.VisitorMixin, UpsertMixin, ReadViewSet):
    """Customers, newest first; erased ones are left out, merged ones answer 410 with who they are now."""

    model = Customer
    narrows = True
    scopes = {
        "GET": "customers.read",
        "POST": "customers.write",
        "PATCH": "customers.write",
        "POST erase": "customers.erase",
    }
    serializer_class = shapes.CustomerSerializer
    filterset_class = CustomerFilterSet
    ordering = ("-created_at", "-id")
    bulk_name = "customers"
    input_class = shapes.CustomerInput
    outcome_class = shapes.CustomerUpsertedSerializer

    def rows(self) -> QuerySet[Customer]:
        related = Customer.objects.present().select_related("company", "owner__user", "metrics", "merchant")
        rows: QuerySet[Customer] = related.prefetch_related("identities")
        return rows

    @transaction.atomic
    def save_row(self, data: dict[str, Any]) -> Saved:
        known = self._known(data)
        values = self._with_company(data)
        if known is None:
            created = customer_create(merchant=self.merchant, source="api", **values)
            return Saved(self.rows().get(pk=created.pk), "created")
        changed = customer_change(customer=known, source="api", **values)
        return Saved(self.rows().get(pk=known.pk), "updated" if changed else "unchanged")

    def _known(self, data: dict[str, Any]) -> Customer | None:
        """Whose e-mail it is, else whose phone. Both of two people are a conflict, never a merge."""
        owners = [
            self._owner(Identity.Kind.EMAIL, normalise_email(data.get("email"))),
            self._owner(
                Identity.Kind.PHONE,
                normalise_phone(data.get("phone"), data.get("country") or self.merchant.country),
            ),
        ]
        found = [owner for owner in owners if owner is not None]
        if len({owner.pk for owner in found}) > 1:
            ids = ", ".join(str(owner.pk) for owner in found)
            raise Conflict(
                f"The e-mail and the phone belong to two customers: {ids}.", code="identity_conflict"
            )
        return found[0] if found else None

    def _owner(self, kind: str, value: str) -> Customer | None:
        if not value:
            return None
        row = Identity.objects.filter(kind=kind, scope="", value=value).select_related("customer").first()
        return row.customer if row else None

    def _with_company(self, data: dict[str, Any]) -> dict[str, Any]:
        values = dict(data)
        if "company" in values:
            values["company"] = company_named(merchant=self.merchant, name=values["company"])
        return values

    @extend_schema(request=shapes.EraseInput, responses={202: shapes.ErasureSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def erase(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Has the customer erased everywhere within minutes, for good; the sums of the shop stay."""
        customer = self.get_object()
        reader = shapes.EraseInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        asked = erasure_ask(customer=customer, reason=reader.validated_data["reason"], by=current_actor())
        return Response(shapes.ErasureSerializer(asked).data, status=202)

    @upsert_schema(
        "Customer", plural="customers", reads=shapes.CustomerInput, shows=shapes.CustomerUpsertedSerializer
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Creates or updates one customer or up to 1,000, recognised by e-mail, else by phone."""
        return super().create(request, *args, **kwargs)

    @extend_schema(request=shapes.CustomerChange, responses={200: shapes.CustomerSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the fields sent; a new e-mail or phone becomes one more identity."""
        customer = self.get_object()
        reader = shapes.CustomerChange(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        with transaction.atomic():
            customer_change(customer=customer, source="api", **self._with_company(reader.validated_data))
        return Response(shapes.CustomerSerializer(self.rows().get(pk=customer.pk)).data)

    @extend_schema(
        request=bulk_api.BulkInput,
        responses={200: bulk_api.PreviewSerializer, 201: bulk_api.BulkChangeSerializer},
    )
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def bulk(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes up to 1,000 customers alike, in one go; 200 with the count for a dry run. The change can be
        undone for 24 hours."""
        reader = bulk_api.BulkInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        said = reader.validated_data
        target = {"merchant": self.merchant, "member": None, "ids": said["ids"], "changes": said["changes"]}
        if said.get("dry_run"):
            return Response(bulk_api.PreviewSerializer(bulk_preview(**target)).data)
        return Response(bulk_api.BulkChangeSerializer(bulk_start(**target)).data, status=201)


class ErasureFilterSet(django_filters.FilterSet):
    customer = IdFilter(field_name="customer_id")
    state = django_filters.ChoiceFilter(choices=Erasure.State.choices)
    requested_after = InstantFilter(field_name="requested_at", lookup_expr="gt")


class ErasureViewSet(ReadViewSet):
    """Who was erased or asked to be, newest first."""

    model = Erasure
    scopes = {"GET": "customers.read"}
    serializer_class = shapes.ErasureSerializer
    filterset_class = ErasureFilterSet


register("customers", CustomerViewSet)
register("erasures", ErasureViewSet)
consent_api.serve()
field_api.serve()
register("addresses", AddressViewSet)
register("notes", NoteViewSet)
register("companies", CompanyViewSet)
register("company-contacts", ContactViewSet)
register("tasks", TaskViewSet)
bulk_api.serve()
region_api.serve()
file_api.serve()
visit_api.serve()
my_data_api.serve()
retention_api.serve()
suppression_api.serve()
