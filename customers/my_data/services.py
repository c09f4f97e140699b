"""Asking for a package, and handing it over."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.actor import current_actor
from crm.events.emitting import emit
from crm.events.ringing import ring_task
from crm.lib.errors import Conflict, Rejected, TooMany
from customers import events
from customers.models import Customer, DataPackage

State = DataPackage.State
# Long enough to read the mail after a holiday; then the file is deleted and may be asked for again.
KEEP = timedelta(days=7)
# Writing a long life takes a worker some seconds: nobody heaps them up.
MOST_A_DAY = 5


@transaction.atomic
def package_ask(
    *,
    merchant: Merchant,
    customer: Customer | None,
    way: str,
    address: str = "",
    grants: dict[str, list[int]] | None = None,
    reason: str = "",
) -> DataPackage:
    """The package that a worker writes now; the one that is being written when there is one.

    `address` is where a mail says that it is ready; staff have none sent. Raises TooMany after five within
    24 hours, Rejected for somebody who was erased.
    """
    if customer is not None:
        locked = Customer.objects.select_for_update(of=("self",)).get(pk=customer.pk)
        if locked.erased_at is not None or locked.merged_into_id is not None:
            raise Rejected(_("There is nothing left of this customer to hand over."))
    theirs = packages_of(customer, address)
    working: DataPackage | None = theirs.filter(state__in=DataPackage.WORKING, way=way).first()
    if working is not None:
        return working
    if theirs.filter(way=way, created_at__gt=timezone.now() - timedelta(days=1)).count() >= MOST_A_DAY:
        raise TooMany(_("Five packages within a day are enough. Take one of those, or come back tomorrow."))
    language = get_language() or merchant.locale
    package = DataPackage.objects.create(
        merchant=merchant,
        customer=customer,
        address=address,
        grants=grants or {},
        way=way,
        requested_by=current_actor() or "system",
        reason=reason[:300],
        language=language if language in dict(settings.LANGUAGES) else merchant.locale,
    )
    data = {"way": way, "reason": package.reason}
    emit(events.DATA_ASKED, merchant=merchant, customer=customer, subject=package, data=data)
    ring = partial(ring_task, "customers.write_data", [merchant.pk, package.pk])
    transaction.on_commit(ring, robust=True)
    return package


def packages_of(customer: Customer | None, address: str) -> QuerySet[DataPackage]:
    """The person's, newest first; a guest's by the address that they proved."""
    rows = DataPackage.objects.order_by("-created_at", "-id")
    if customer is not None:
        return rows.filter(customer=customer)
    return rows.filter(customer=None, address=address).exclude(address="")


@transaction.atomic
def package_fetch(*, package: DataPackage) -> DataPackage:
    """The package whose file may leave now; that it did is on record before its first byte. Raises Conflict
    when there is no file (any more)."""
    locked = DataPackage.objects.select_for_update(of=("self",)).get(pk=package.pk)
    if not locked.is_ready:
        raise no_file()
    DataPackage.objects.filter(pk=locked.pk).update(downloads=F("downloads") + 1)
    emit(
        events.DATA_GIVEN,
        merchant=locked.merchant_id,
        customer=locked.customer_id,
        subject=locked,
        data={"way": locked.way},
    )
    return locked


def no_file() -> Conflict:
    return Conflict(_("There is no file any more. Ask for it anew."), code="no_file")
