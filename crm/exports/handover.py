"""Whoever leaves takes nothing along: their exports end with their access. Nor does whoever sees less from
now on keep a file of what they saw before."""

from crm.accounts.leaving import on_leaving, on_other_eyes
from crm.accounts.models import Membership

from . import events
from .models import Export, ExportQuerySet
from .services import announce, end


@on_leaving
def end_exports(membership: Membership) -> None:
    """Those waiting, being written and ready; files go with the commit."""
    _withdraw(Export.objects.alive(), membership)


@on_other_eyes
def end_files(membership: Membership) -> None:
    """Those ready, and those of which a worker may have read rows. What still waits is read with the new
    eyes."""
    _withdraw(Export.objects.filter(state__in=[Export.State.RUNNING, Export.State.READY]), membership)


def _withdraw(rows: ExportQuerySet, membership: Membership) -> None:
    for export in rows.select_for_update(of=("self",)).filter(requested_by=membership):
        end(export, Export.State.EXPIRED)
        announce(events.EXPORT_WITHDRAWN, export)
