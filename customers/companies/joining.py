"""Two companies that are one: everything that names the second names the first from then on."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.events.emitting import emit
from customers.companies import events
from customers.companies.searching import document_for
from customers.companies.tree import MOST_LEVELS, ancestor_ids, check_parent, lock_tree
from customers.fields.services import references_move
from customers.models import Company, CompanyContact, Customer, FieldDefinition
from customers.searching import search_rebuild
from customers.services import MOST_TAGS, fault

# What the survivor takes over where it has nothing itself.
FILLED = (
    *("tax_number", "registration_number", "website", "email", "phone", "country", "region", "city"),
    *("price_group", "credit_limit", "currency", "payment_days", "owner_id", "team_id", "external_id"),
)


@transaction.atomic
def company_merge(*, survivor: Company, absorbed: Company) -> dict[str, int]:
    """How many rows of each kind moved. What names `absorbed`, in whichever app or field of the shop's own,
    names `survivor`; empty facts of the survivor are filled; `absorbed` stays as an archived row that leads
    on to it.

    Locks both rows and the tree. Raises Rejected when they are the same, or one was merged already, or the
    moved
    branches would make the tree too deep.
    """
    if survivor.pk == absorbed.pk:
        raise fault("absorbed", _("Choose another company."))
    lock_tree()
    ids = [survivor.pk, absorbed.pk]
    rows = {
        one.pk: one
        for one in Company.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk")
    }
    kept, gone = rows[survivor.pk], rows[absorbed.pk]
    if kept.merged_into_id or gone.merged_into_id:
        raise fault("absorbed", _("One of them was merged into another company already."))
    people = list(Customer.objects.filter(company=gone).values_list("pk", flat=True))
    _rehang(kept, gone)
    moved = _move_contacts(kept, gone) | _move_others(kept, gone)
    Company.objects.filter(merged_into=gone).update(merged_into=kept)
    _take_over(kept, gone)
    references_move(merchant=kept.merchant, type=FieldDefinition.Type.COMPANY, old=gone.pk, new=kept.pk)
    search_rebuild(people)
    data = {"company": kept.name, "other": gone.name, "other_id": gone.pk, "moved": moved}
    emit(events.COMPANY_MERGED, merchant=kept.merchant_id, subject=kept, data=data)
    return moved


def _rehang(kept: Company, gone: Company) -> None:
    """A survivor that stood somewhere below the other one takes its place, or the tree would bite its
    tail."""
    if gone.pk in ancestor_ids(kept.pk):
        Company.objects.filter(pk=kept.pk).update(parent=gone.parent_id)
        kept.parent_id = gone.parent_id
    for child in Company.objects.filter(parent=gone).exclude(pk=kept.pk):
        check_parent(child, kept)
    if len(ancestor_ids(kept.pk)) > MOST_LEVELS:
        raise fault("absorbed", _("The tree would be deeper than %(most)s levels.") % {"most": MOST_LEVELS})


def _move_contacts(kept: Company, gone: Company) -> dict[str, int]:
    """Who spoke for both keeps one entry with the roles of both."""
    known = {one.customer_id: one for one in CompanyContact.objects.filter(company=kept)}
    has_first = any(one.is_primary for one in known.values())
    moved = 0
    for link in CompanyContact.objects.filter(company=gone).order_by("pk"):
        mine = known.get(link.customer_id)
        if mine is not None:
            mine.roles = [one for one in CompanyContact.Role.values if one in {*mine.roles, *link.roles}]
            mine.title = mine.title or link.title
            mine.save(update_fields=["roles", "title"])
            link.delete()
        else:
            link.company, link.is_primary = kept, link.is_primary and not has_first
            link.save(update_fields=["company", "is_primary"])
        moved += 1
    return {"customers.companycontact": moved}


def _move_others(kept: Company, gone: Company) -> dict[str, int]:
    """Rows of every app by their foreign key to a company; nobody has to register."""
    moved: dict[str, int] = {}
    for relation in Company._meta.related_objects:
        model: Any = relation.related_model
        if model is CompanyContact:
            continue
        rows = model._base_manager.filter(merchant_id=kept.merchant_id, **{relation.field.name: gone.pk})
        if model is Company:
            rows = rows.exclude(pk=kept.pk)
        count = rows.update(**{relation.field.name: kept.pk})
        name = "parent of" if relation.field.name == "parent" else model._meta.label_lower
        moved[name] = moved.get(name, 0) + count
    return {name: count for name, count in moved.items() if count}


def _take_over(kept: Company, gone: Company) -> None:
    now = timezone.now()
    gone.merged_into, gone.parent = kept, None
    gone.archived_at, gone.document = gone.archived_at or now, ""
    external, taken = gone.external_id, kept.external_id == "" and gone.external_id != ""
    if taken:  # the id moves; the absorbed row must let go of it first
        gone.external_id = ""
    gone.save(update_fields=["merged_into", "parent", "archived_at", "document", "external_id", "updated_at"])
    for name in FILLED:
        value = external if name == "external_id" else getattr(gone, name)
        if getattr(kept, name) in ("", None) and value not in ("", None):
            setattr(kept, name, value)
    kept.tags = list(dict.fromkeys([*kept.tags, *gone.tags]))[:MOST_TAGS]
    kept.attributes = {**gone.attributes, **kept.attributes}
    kept.document = document_for(kept)
    kept.save()
