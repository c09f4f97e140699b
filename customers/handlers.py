"""What customers do when something is announced."""

from functools import partial

from django.db import transaction

from crm.events.handling import on
from crm.events.models import Event
from crm.imports.events import BATCH_IMPORTED
from customers import events
from customers.assigning import customer_assign_by_rule
from customers.duplicates import merging as _declared  # noqa: F401 - says what a merge does to pairs
from customers.duplicates.touching import customers_compare
from customers.fields.services import field_strip
from customers.merging.gathering import gather_all, stragglers_gather
from customers.models import FieldDefinition, MergeRecord
from customers.models.consent import Purpose
from customers.searching import search_rebuild
from customers.tasks import place_shop
from customers.visits.services import visitors_forget


@on(
    events.CUSTOMER_CREATED,
    events.CUSTOMER_CHANGED,
    events.IDENTITY_ADDED,
    events.IDENTITY_REMOVED,
    events.MERGED,
    events.UNMERGED,
    name="customers.search",
)
def keep_findable(event: Event) -> None:
    """The search follows whatever door the news came by; imports rebuild theirs set-based."""
    if event.customer_id:
        search_rebuild([event.customer_id])


@on(events.CUSTOMER_CREATED, name="customers.assign")
def assign(event: Event) -> None:
    """By the rules under Settings → Assignment. Imported history is nobody's news: it stays as it came."""
    if event.customer_id:
        customer_assign_by_rule(customer_id=event.customer_id)


@on(events.FIELD_DELETED, name="customers.strip_field")
def forget_values(event: Event) -> None:
    """The values of a deleted field go; done already when the definition is gone."""
    rows = FieldDefinition.objects.filter(pk=event.subject_id or 0)
    gone = rows.filter(deleting_at__isnull=False).first()
    if gone is not None:
        field_strip(definition=gone)


@on(
    events.CUSTOMER_CREATED,
    events.CUSTOMER_CHANGED,
    events.IDENTITY_ADDED,
    events.IDENTITY_REMOVED,
    events.MERGED,
    events.UNMERGED,
    name="customers.duplicates",
)
def look_for_duplicates(event: Event) -> None:
    """Only against those who share a key; the night's pass compares everybody, imports included."""
    if event.customer_id:
        customers_compare([event.customer_id])


@on(events.MERGED, name="customers.gather")
def gather(event: Event) -> None:
    """What somebody was writing for the absorbed one at that moment."""
    record = MergeRecord.objects.select_related("merchant").filter(pk=event.data["merge"]).first()
    if record is not None:
        stragglers_gather(record=record)


@on(BATCH_IMPORTED, name="customers.gather_all")
def gather_imported(event: Event) -> None:
    """An import recognises its people long before it writes their orders."""
    gather_all()


@on(events.REGIONS_CHANGED, name="customers.place")
def place(event: Event) -> None:
    """Customers and companies are put into the changed tree by a worker; the night's round finds what is
    left."""
    transaction.on_commit(partial(place_shop.delay, event.merchant_id))


@on(events.CONSENT_WITHDRAWN, name="customers.forget_visitors")
def follow_nobody(event: Event) -> None:
    """Who doesn't want to be profiled is not recognised by their browser any more."""
    if event.customer_id and event.data.get("purpose") == Purpose.PROFILING:
        visitors_forget(customer_id=event.customer_id)
