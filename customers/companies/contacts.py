"""Who speaks for a company, and in what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils.translation import gettext as _

from crm.events.emitting import emit
from crm.lib.errors import NotFound
from customers.companies import events
from customers.models import Company, CompanyContact, Customer
from customers.normalising import normalise_name
from customers.searching import search_rebuild
from customers.services import fault


def contacts_of(company: Company) -> QuerySet[Customer]:
    """Everyone who belongs to the company or speaks for it, the first contact first; each has `links`: its
    CompanyContact here, or none. Two queries."""
    mine = CompanyContact.objects.filter(company=company)
    return (
        Customer.objects.present()
        .filter(Q(company=company) | Q(pk__in=mine.values("customer_id")))
        .prefetch_related(Prefetch("company_links", queryset=mine, to_attr="links"))
        .order_by(Exists(mine.filter(customer=OuterRef("pk"), is_primary=True)).desc(), "name", "pk")
    )


@transaction.atomic
def contact_add(
    *,
    company: Company,
    customer: Customer,
    roles: Iterable[str] = (),
    title: str = "",
    is_primary: bool = False,
    source: str = "staff",
) -> CompanyContact:
    """The person speaks for the company from now on; the same again changes the roles. Who belongs to no
    company
    yet belongs to this one. Raises Rejected for a role that there isn't, or an erased person."""
    if customer.merchant_id != company.merchant_id:
        raise NotFound()
    if customer.erased_at is not None:
        raise fault("customer", _("This person was erased."))
    Company.objects.select_for_update(of=("self",)).get(pk=company.pk)
    known = CompanyContact.objects.filter(company=company, customer=customer).first()
    if known is not None:
        contact_change(contact=known, roles=roles, title=title, is_primary=is_primary or known.is_primary)
        return known
    if is_primary:
        _make_room(company)
    contact: CompanyContact = CompanyContact.objects.create(
        merchant_id=company.merchant_id,
        company=company,
        customer=customer,
        roles=clean_roles(roles),
        title=normalise_name(title)[:120],
        is_primary=is_primary,
    )
    stored = Customer.objects.select_for_update(of=("self",)).get(pk=customer.pk)
    if stored.company_id is None:
        stored.company = customer.company = company
        stored.save(update_fields=["company", "updated_at"])
        search_rebuild([stored.pk])
    _announce(events.CONTACT_ADDED, contact, source=source)
    return contact


@transaction.atomic
def contact_change(*, contact: CompanyContact, **fields: Any) -> list[str]:
    """Names of what changed of roles, title, is_primary. A new first contact takes the old one's place.

    Locks the company. Raises NotFound for a contact that is gone.
    """
    Company.objects.select_for_update(of=("self",)).get(pk=contact.company_id)
    stored = CompanyContact.objects.filter(pk=contact.pk).select_related("company").first()
    if stored is None:
        raise NotFound()
    values = {name: value for name, value in fields.items() if name in ("roles", "title", "is_primary")}
    if "roles" in values:
        values["roles"] = clean_roles(values["roles"])
    if "title" in values:
        values["title"] = normalise_name(values["title"])[:120]
    changed = [name for name, value in values.items() if getattr(stored, name) != value]
    if not changed:
        return []
    if "is_primary" in changed and values["is_primary"]:
        _make_room(stored.company)
    for name in changed:
        setattr(stored, name, values[name])
        setattr(contact, name, values[name])
    stored.save(update_fields=changed)
    _announce(events.CONTACT_CHANGED, stored, changes=", ".join(changed))
    return changed


@transaction.atomic
def contact_remove(*, company: Company, customer: Customer) -> None:
    """The person no longer speaks for the company. Who belonged to it belongs to the next company they speak
    for, or to none; the person themself stays. Raises NotFound when they had nothing to do with it."""
    link = CompanyContact.objects.filter(company=company, customer=customer).first()
    stored = Customer.objects.select_for_update(of=("self",)).get(pk=customer.pk)
    if link is None and stored.company_id != company.pk:
        raise NotFound()
    if link is not None:
        link.delete()
    if stored.company_id == company.pk:
        other = (
            CompanyContact.objects.filter(customer=stored).select_related("company").order_by("pk").first()
        )
        stored.company = other.company if other else None
        stored.save(update_fields=["company", "updated_at"])
        search_rebuild([stored.pk])
    emit(
        events.CONTACT_REMOVED,
        merchant=company.merchant_id,
        customer=stored,
        subject=company,
        data={"company": company.name},
    )


def clean_roles(roles: Iterable[str]) -> list[str]:
    """Each once, in the order of the list. Raises Rejected for one that there isn't."""
    asked = set(roles)
    known = [str(role) for role in CompanyContact.Role.values]
    if unknown := asked - set(known):
        raise fault("roles", _("There is no role “%(role)s”.") % {"role": sorted(unknown)[0]})
    return [role for role in known if role in asked]


def _make_room(company: Company) -> None:
    CompanyContact.objects.filter(company=company, is_primary=True).update(is_primary=False)


def _announce(kind: Any, contact: CompanyContact, **more: str) -> None:
    emit(
        kind,
        merchant=contact.merchant_id,
        customer=contact.customer_id,
        subject=contact.company,
        data={"company": contact.company.name, "roles": ", ".join(contact.roles), **more},
    )
