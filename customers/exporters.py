"""The lists of customers, companies and consents as files."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy

from crm.exports.registry import Ask, Exporter, columns_of, listing_words, register
from crm.lib.listing import Listing
from crm.lib.masking import mask_email, mask_phone
from customers.cards import cards
from customers.companies.exporting import COMPANIES, CONTACTS
from customers.consent_exporting import CONSENTS, LEDGER
from customers.fields.exporting import fields_of
from customers.filters import listing_of
from customers.models import Customer, FieldDefinition
from customers.selectors import customers_listed

COLUMNS: tuple[tuple[str, str], ...] = (
    *(("id", "pk"), ("name", "name"), ("email", "email"), ("phone", "phone"), ("kind", "kind")),
    *(("stage", "stage"), ("company", "company__name"), ("country", "country"), ("region", "region")),
    *(("city", "city"), ("language", "language"), ("tags", "tags"), ("owner", "owner__user__email")),
    *(("orders", "metrics__orders_count"), ("gross", "metrics__gross"), ("refunded", "metrics__refunded")),
    *(("net", "metrics__net"), ("first_order_at", "metrics__first_order_at")),
    *(("last_order_at", "metrics__last_order_at"), ("points", "metrics__points"), ("tier", "metrics__tier")),
    *(("source", "source"), ("created_at", "created_at")),
)


def _listing(ask: Ask) -> Listing:
    return listing_of(ask.parameters, reverse("customer_list"), ask.viewer).exactly()


def _select(ask: Ask) -> QuerySet[Customer]:
    return ask.ticked(customers_listed(membership=ask.viewer, listing=_listing(ask)))


register(
    Exporter(
        key="customers",
        label=gettext_lazy("Customers"),
        icon="users",
        needs="customers.view",
        scope="customers.read",
        columns=columns_of(Customer, COLUMNS, {"email": mask_email, "phone": mask_phone}),
        select=_select,
        words=lambda ask: listing_words(_listing(ask)),
        order=("-created_at", "-pk"),
        extra=fields_of(FieldDefinition.Subject.CUSTOMER),
        cards=lambda rows, whole: cards(rows, whole=whole),
    )
)
for exporter in (COMPANIES, CONTACTS, CONSENTS, LEDGER):
    register(exporter)
