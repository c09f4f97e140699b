"""Companies, and who speaks for them, as files that the importer of companies reads again."""

from __future__ import annotations

from django.db.models import Case, CharField, F, QuerySet, When
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.exports.registry import Ask, Column, Exporter, columns_of, listing_words
from crm.lib.errors import NotFound
from crm.lib.listing import Listing
from crm.lib.masking import mask_email, mask_phone
from customers.cards import contact_cards
from customers.companies.filters import listing_of
from customers.companies.selectors import companies_listed
from customers.fields.exporting import fields_of
from customers.models import Company, CompanyContact, Customer, FieldDefinition

# Named as the importer's fields are, so that a file comes back with its columns guessed.
KEYS: tuple[tuple[str, str], ...] = (
    *(("name", "name"), ("external_id", "external_id"), ("tax_number", "tax_number")),
)
FACTS: tuple[tuple[str, str], ...] = (
    *(("credit_limit", "credit_limit"), ("currency", "currency"), ("payment_days", "payment_days")),
    *(("price_group", "price_group"), ("website", "website"), ("email", "email"), ("phone", "phone")),
    *(("country", "country"), ("region", "region"), ("city", "city"), ("tags", "tags")),
    *(("owner", "owner__user__email"), ("source", "source"), ("created_at", "created_at")),
)
SPEAKS: tuple[tuple[str, str], ...] = (
    *(("contact_name", "customer__name"), ("contact_email", "customer__email")),
    *(("contact_phone", "customer__phone"), ("contact_roles", "roles"), ("contact_title", "title")),
    ("contact_first", "is_primary"),
)


def _listing(ask: Ask) -> Listing:
    return listing_of(ask.parameters, reverse("company_list"), ask.viewer).exactly()


def _companies(ask: Ask) -> QuerySet[Company]:
    """The parent by what an import recognises it by."""
    rows: QuerySet[Company] = ask.ticked(companies_listed(membership=ask.viewer, listing=_listing(ask)))
    named = Case(When(parent__external_id="", then=F("parent__name")), default=F("parent__external_id"))
    return rows.annotate(parent_named=Case(When(parent__isnull=False, then=named), output_field=CharField()))


def _contacts(ask: Ask) -> QuerySet[CompanyContact]:
    """Of one company (`company=<id>`), or of all that the list shows; people whom the asker sees. Raises
    NotFound for a company that isn't theirs."""
    companies: QuerySet[Company] = Company.objects.visible_to(ask.viewer).filter(pk=ask.number("company"))
    if "company" not in ask.parameters:
        companies = companies_listed(membership=ask.viewer, listing=_listing(ask))
    elif not companies.exists():
        raise NotFound()
    people = Customer.objects.present().visible_to(ask.viewer)
    rows = CompanyContact.objects.filter(company__in=companies.values("pk"), customer__in=people.values("pk"))
    return ask.ticked(rows, "customer")


def _contact_words(ask: Ask) -> list[str]:
    company = Company.objects.visible_to(ask.viewer).filter(pk=ask.number("company")).first()
    return [_("Company: %(name)s") % {"name": company}] if company else listing_words(_listing(ask))


COMPANIES = Exporter(
    key="companies",
    label=gettext_lazy("Companies"),
    icon="building",
    needs="companies.view",
    scope="companies.read",
    columns=(
        *columns_of(Company, (*KEYS, ("registration_number", "registration_number"), ("kind", "kind")), {}),
        Column("parent", "parent_named"),
        *columns_of(Company, FACTS, {}),
    ),
    select=_companies,
    words=lambda ask: listing_words(_listing(ask)),
    order=("name", "pk"),
    extra=fields_of(FieldDefinition.Subject.COMPANY),
)
CONTACTS = Exporter(
    key="company_contacts",
    label=gettext_lazy("Contacts of companies"),
    icon="address-book",
    needs="companies.view",
    scope="companies.read",
    columns=columns_of(
        CompanyContact,
        (*((name, f"company__{path}") for name, path in KEYS), *SPEAKS),
        {"contact_email": mask_email, "contact_phone": mask_phone},
    ),
    select=_contacts,
    words=_contact_words,
    order=("company__name", "company_id", "-is_primary", "pk"),
    cards=lambda rows, whole: contact_cards(rows, whole=whole),
)
