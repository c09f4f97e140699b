"""Companies and who speaks for them, for programs; customers/api.py registers them."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db import transaction
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.accounts.models import Team
from crm.api.bulk import OutcomeField, Saved, UpsertMixin
from crm.api.filters import ChangedFilterSet, FlagFilter, IdFilter, TextFilter
from crm.api.schema import upsert_schema
from crm.api.serializers import ApiModelSerializer, ApiSerializer, MoneyField, TenantRelatedField
from crm.api.views import ReadViewSet
from customers.api_fields import CustomerField
from customers.companies.contacts import contact_add, contact_change, contact_remove
from customers.companies.joining import company_merge
from customers.companies.searching import matching
from customers.companies.services import (
    LONGEST_TERM_DAYS,
    company_archive,
    company_change,
    company_delete,
    company_restore,
    company_upsert,
)
from customers.filters import members
from customers.models import Company, CompanyContact
from customers.services import LONGEST_TAG, MOST_TAGS, fault


def text(most: int) -> serializers.CharField:
    return serializers.CharField(max_length=most, required=False, allow_blank=True)


class CompanySerializer(ApiModelSerializer):
    """`credit_limit` is in `currency`; an empty one means the currency of the books."""

    parent = serializers.IntegerField(source="parent_id", read_only=True, allow_null=True)  # type: ignore[assignment]  # as DRF's own `parent`
    owner = serializers.CharField(source="owner.user.email", default="", read_only=True)
    team = serializers.IntegerField(source="team_id", read_only=True, allow_null=True)
    located_in = serializers.IntegerField(source="located_in_id", read_only=True, allow_null=True)
    merged_into = serializers.IntegerField(source="merged_into_id", read_only=True, allow_null=True)
    credit_limit = MoneyField(read_only=True, allow_null=True)
    attributes = serializers.DictField(read_only=True)

    class Meta:
        model = Company
        fields = [
            *("id", "kind", "name", "external_id", "parent", "tax_number", "registration_number", "website"),
            *("email", "phone", "country", "region", "city", "located_in", "price_group", "credit_limit"),
            *("currency", "payment_days", "tags", "attributes", "owner", "team", "source", "merged_into"),
            *("archived_at", "created_at", "updated_at"),
        ]
        read_only_fields = fields


class CompanyUpsertedSerializer(CompanySerializer):
    outcome = OutcomeField()

    class Meta(CompanySerializer.Meta):
        fields = [*CompanySerializer.Meta.fields, "outcome"]
        read_only_fields = fields


class CompanyChange(ApiSerializer):
    """What a PATCH may set; a field left out stays. `owner` is a colleague's e-mail address, "" for
    nobody."""

    kind = serializers.ChoiceField(Company.Kind.choices, required=False)
    name = serializers.CharField(max_length=200, required=False)
    external_id = text(100)
    parent = TenantRelatedField(model=Company, required=False, allow_null=True)  # type: ignore[assignment]
    tax_number, registration_number = text(40), text(60)
    website, email, phone = text(300), text(320), text(40)
    country = serializers.RegexField(r"^[A-Z]{2}$", required=False, allow_blank=True)
    region, city, price_group = text(100), text(100), text(60)
    credit_limit = MoneyField(required=False, allow_null=True, min_value=0)
    currency = serializers.RegexField(r"^[A-Z]{3}$", required=False, allow_blank=True)
    payment_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=LONGEST_TERM_DAYS
    )
    tags = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_TAG), max_length=MOST_TAGS, required=False
    )
    attributes = serializers.DictField(required=False)
    owner = text(320)
    team = TenantRelatedField(model=Team, required=False, allow_null=True)


class CompanyInput(CompanyChange):
    """Recognised by `external_id`; without one it is always a new company."""

    name = serializers.CharField(max_length=200)


class CompanyMergeInput(ApiSerializer):
    """`absorbed` is the id of the company that ends here."""

    absorbed = TenantRelatedField(model=Company)


class CompanyMergedSerializer(ApiSerializer):
    """How many rows of each kind moved."""

    moved = serializers.DictField(child=serializers.IntegerField())


class CompanyArchiveInput(ApiSerializer):
    archived = serializers.BooleanField()


class CompanyFilterSet(ChangedFilterSet):
    q = TextFilter(method="search", label="Name, pinyin, tax number, phone, e-mail or id, as staff search")
    kind = django_filters.ChoiceFilter(choices=Company.Kind.choices)
    country = TextFilter()
    external_id = TextFilter()
    tax_number = TextFilter()
    price_group = TextFilter()
    tag = TextFilter(field_name="tags", method="tagged")
    parent = IdFilter(field_name="parent_id")
    archived = FlagFilter(field_name="archived_at", lookup_expr="isnull", exclude=True)

    def search(self, rows: QuerySet[Company], _name: str, value: str) -> QuerySet[Company]:
        return matching(rows, value)

    def tagged(self, rows: QuerySet[Company], _name: str, value: str) -> QuerySet[Company]:
        return rows.filter(tags__contains=[value])


class CompanyViewSet(UpsertMixin, ReadViewSet):
    """Companies, newest first; archived ones too, unless `archived=false`."""

    model = Company
    narrows = True
    scopes = {
        "GET": "companies.read",
        "POST": "companies.write",
        "PATCH": "companies.write",
        "DELETE": "companies.write",
    }
    serializer_class = CompanySerializer
    filterset_class = CompanyFilterSet
    ordering = ("-created_at", "-id")
    bulk_name = "companies"
    input_class = CompanyInput
    outcome_class = CompanyUpsertedSerializer

    def rows(self) -> QuerySet[Company]:
        rows: QuerySet[Company] = Company.objects.select_related("owner__user", "merchant")
        return rows

    @transaction.atomic
    def save_row(self, data: dict[str, Any]) -> Saved:
        company, outcome = company_upsert(merchant=self.merchant, source="api", **_with_owner(data))
        return Saved(self.rows().get(pk=company.pk), outcome)

    @upsert_schema("Company", plural="companies", reads=CompanyInput, shows=CompanyUpsertedSerializer)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Creates or updates one company or up to 1,000, recognised by `external_id`."""
        return super().create(request, *args, **kwargs)

    @extend_schema(request=CompanyChange, responses={200: CompanySerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the fields sent."""
        company = self.get_object()
        said = self._read(CompanyChange, request)
        with transaction.atomic():
            company_change(company=company, source="api", **_with_owner(said))
        return Response(CompanySerializer(self.rows().get(pk=company.pk)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Deletes a company that nothing hangs on; 422 otherwise: archive it."""
        company_delete(company=self.get_object())
        return Response(status=204)

    @extend_schema(request=CompanyMergeInput, responses={200: CompanyMergedSerializer})
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Merges another company into this one. There is no way back."""
        company = self.get_object()
        said = self._read(CompanyMergeInput, request)
        return Response({"moved": company_merge(survivor=company, absorbed=said["absorbed"])})

    @extend_schema(request=CompanyArchiveInput, responses={200: CompanySerializer})
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Puts the company into the archive (`archived: true`) or takes it out."""
        company = self.get_object()
        said = self._read(CompanyArchiveInput, request)
        (company_archive if said["archived"] else company_restore)(company=company)
        return Response(CompanySerializer(self.rows().get(pk=company.pk)).data)

    def _read(self, kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
        reader = kind(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        found: dict[str, Any] = reader.validated_data
        return found


def _with_owner(data: dict[str, Any]) -> dict[str, Any]:
    """The colleague of that address in place of the address. Raises Rejected when nobody works here by it."""
    values = dict(data)
    if "owner" in values:
        address = values["owner"].strip().lower()
        known = {one.user.email.lower(): one for one in members()} if address else {}
        if address and address not in known:
            raise fault("owner", "Nobody who works here has this e-mail address.")
        values["owner"] = known.get(address)
    return values


class ContactSerializer(ApiModelSerializer):
    company = serializers.IntegerField(source="company_id", read_only=True)
    customer = serializers.IntegerField(source="customer_id", read_only=True)
    name = serializers.CharField(source="customer.name", read_only=True)
    roles = serializers.ListField(child=serializers.ChoiceField(CompanyContact.Role.choices), read_only=True)

    class Meta:
        model = CompanyContact
        fields = ["id", "company", "customer", "name", "roles", "title", "is_primary", "created_at"]
        read_only_fields = fields


class ContactChange(ApiSerializer):
    roles = serializers.ListField(
        child=serializers.ChoiceField(CompanyContact.Role.choices), max_length=8, required=False
    )
    title = text(120)
    is_primary = serializers.BooleanField(required=False)


class ContactInput(ContactChange):
    """The same pair again changes its roles."""

    company = TenantRelatedField(model=Company)
    customer = CustomerField()


class ContactFilterSet(django_filters.FilterSet):
    company = IdFilter(field_name="company_id")
    customer = IdFilter(field_name="customer_id")
    role = django_filters.ChoiceFilter(choices=CompanyContact.Role.choices, method="in_role")

    def in_role(self, rows: QuerySet[CompanyContact], _name: str, value: str) -> QuerySet[CompanyContact]:
        return rows.filter(Q(roles__contains=[value]))


class ContactViewSet(ReadViewSet):
    """Who speaks for which company and in what."""

    model = CompanyContact
    scopes = CompanyViewSet.scopes
    serializer_class = ContactSerializer
    filterset_class = ContactFilterSet

    def rows(self) -> QuerySet[CompanyContact]:
        return CompanyContact.objects.select_related("customer", "company")

    @extend_schema(request=ContactInput, responses={201: ContactSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Lets a customer speak for a company."""
        reader = ContactInput(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        contact = contact_add(source="api", **reader.validated_data)
        return Response(ContactSerializer(self.rows().get(pk=contact.pk)).data, status=201)

    @extend_schema(request=ContactChange, responses={200: ContactSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the fields sent."""
        contact = self.get_object()
        reader = ContactChange(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        contact_change(contact=contact, **reader.validated_data)
        return Response(ContactSerializer(self.rows().get(pk=contact.pk)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The customer no longer speaks for the company; both stay."""
        contact = self.get_object()
        contact_remove(company=contact.company, customer=contact.customer)
        return Response(status=204)
