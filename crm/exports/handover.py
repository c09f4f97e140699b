"""Whoever leaves takes nothing along: their exports end with their access."""

from crm.accounts.leaving import on_leaving
from crm.accounts.models import Membership

from . import events
from .models import Export
from .services import announce, end


@on_leaving
def end_exports(membership: Membership) -> None:
    """Those waiting, being written and ready; files go with the commit."""
    theirs = Export.objects.select_for_update(of=("self",)).alive().filter(requested_by=membership)
    for export in theirs:
        end(export, Export.State.EXPIRED)
        announce(events.EXPORT_WITHDRAWN, export)
