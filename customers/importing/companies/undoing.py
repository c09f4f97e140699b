"""Taking a batch of companies back: contacts first, then the people and firms that it made, unless somebody
has touched them since; what it changed is as before."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.events.backfilling import history
from crm.imports.models import Change, ImportBatch, KeptRow
from crm.imports.registry import Step
from crm.imports.rows import once
from crm.imports.undoing import forget_events, keep, pointed_at, raw_delete, restore
from crm.lib.errors import CrmError
from customers.companies.searching import document_for
from customers.companies.services import announce
from customers.companies.tree import check_parent, lock_tree
from customers.importing.companies.contacts import CONTACT, companies_lock, facts_of
from customers.importing.companies.writing import COMPANY
from customers.importing.undoing import CHUNK, top_change, top_customer, undo_changes, undo_customers
from customers.models import Company, CompanyContact, Customer
from customers.searching import search_rebuild


def steps(_batch: ImportBatch) -> Sequence[Step]:
    return [
        Step("undo_contacts", gettext_lazy("Taking back contacts"), 20, top_change, undo_contacts),
        Step("undo_people", gettext_lazy("Restoring changed customers"), 20, top_change, undo_changes),
        Step("undo_made", gettext_lazy("Taking back customers"), 20, top_customer, undo_customers),
        Step("undo_changed", gettext_lazy("Restoring changed companies"), 20, top_change, undo_changed),
        Step("undo_companies", gettext_lazy("Taking back companies"), 20, once, undo_companies),
    ]


def _next(batch: ImportBatch, model: str, cursor: int) -> list[Change]:
    rows = Change.objects.filter(batch=batch, model=model, pk__gt=cursor)
    return list(rows.order_by("pk")[:CHUNK])


def undo_contacts(batch: ImportBatch, cursor: int) -> int | None:
    """Contacts as they were. Whose first place somebody else has by now stays as they are."""
    changes = _next(batch, CONTACT, cursor)
    if not changes:
        return None
    ids = [change.object_id for change in changes]
    companies_lock(CompanyContact.objects.filter(pk__in=ids).values_list("company_id", flat=True))
    links = CompanyContact.objects.select_for_update(of=("self",)).select_related("company", "customer")
    found = {one.pk: one for one in links.filter(pk__in=ids).order_by("pk")}
    for change in sorted(changes, key=_was_first):  # the place is free once the others are as they were
        link, told = found.get(change.object_id), change.before or {}
        if link is None:
            continue
        if told.get("left") != facts_of(link) or (_was_first(change) and _has_other_first(link)):
            label = f"{link.customer} · {link.company}"
            keep(batch, CONTACT, link.pk, label, _("changed since by somebody else"))
        elif told.get("was") is None:
            link.delete()
        else:
            restore(link, told["was"])
            link.save()
    return int(changes[-1].pk)


def _was_first(change: Change) -> bool:
    return bool(((change.before or {}).get("was") or {}).get("is_primary"))


def _has_other_first(link: CompanyContact) -> bool:
    others = CompanyContact.objects.filter(company=link.company_id, is_primary=True)
    return bool(others.exclude(pk=link.pk).exists())


def undo_changed(batch: ImportBatch, cursor: int) -> int | None:
    """Companies that were here before get back what they had."""
    changes = _next(batch, COMPANY, cursor)
    if not changes:
        return None
    lock_tree()
    by_id = {change.object_id: change for change in changes if change.before is not None}
    rows = Company.objects.select_for_update(of=("self",)).filter(pk__in=by_id).order_by("pk")
    renamed: list[int] = []
    with history():
        for company in rows:
            change = by_id[company.pk]
            before = change.before or {}
            if company.updated_at != change.stamp or not _restored(company, before):
                keep(batch, COMPANY, company.pk, company.name, _("changed since by somebody else"))
                continue
            announce(company, sorted(before), source="import undone")
            renamed += [company.pk] if "name" in before else []
    search_rebuild(list(Customer.objects.filter(company__in=renamed).values_list("pk", flat=True)))
    return int(changes[-1].pk)


def _restored(company: Company, before: dict[str, object]) -> bool:
    """False when its old place in the tree is below itself by now, or its old external id another's."""
    restore(company, before)
    try:
        with transaction.atomic():
            check_parent(company, company.parent)
            if _id_taken(company):
                return False
            company.document = document_for(company)
            company.save()
    except CrmError:
        return False
    return True


def _id_taken(company: Company) -> bool:
    others = Company.objects.exclude(pk=company.pk).exclude(external_id="")
    return others.filter(external_id=company.external_id).exists()


def undo_companies(batch: ImportBatch, cursor: int) -> int | None:
    """Removes companies that the batch made, the lowest of the tree first, as far as nothing of any app hangs
    on them since."""
    lock_tree()
    made = _made_and_left(batch)
    below = Company.objects.filter(merchant=OuterRef("merchant"), parent=OuterRef("pk"))
    stamps = dict(
        Change.objects.filter(batch=batch, model=COMPANY, before__isnull=True).values_list(
            "object_id", "stamp"
        )
    )
    lowest = list(made.exclude(Exists(below)).order_by("pk")[:CHUNK])
    chosen = lowest or list(made.order_by("pk")[:CHUNK])
    if not chosen:
        return None
    ids = [one.pk for one in chosen]
    reasons = pointed_at(Company, ids, besides=set())
    for company in chosen:
        if company.updated_at != stamps[company.pk]:
            reasons[company.pk] = _("changed since by somebody else")
        if company.pk in reasons:
            keep(batch, COMPANY, company.pk, company.name, reasons[company.pk])
    gone = [pk for pk in ids if pk not in reasons]
    forget_events(batch, COMPANY, gone)
    raw_delete(Company.objects.filter(pk__in=gone))
    return cursor + 1


def _made_and_left(batch: ImportBatch) -> QuerySet[Company]:
    """Those that are still here and of which nothing was decided yet."""
    made = Change.objects.filter(batch=batch, model=COMPANY, before__isnull=True).values("object_id")
    kept = KeptRow.objects.filter(batch=batch, model=COMPANY).values("object_id")
    rows: QuerySet[Company] = Company.objects.select_for_update(of=("self",)).filter(pk__in=made)
    return rows.exclude(pk__in=kept)
