"""The worker's half: one worker writes a package, a dead one's is written anew, its end is told by mail."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.actor import acting
from crm.events.emitting import emit
from crm.events.ringing import ring_task
from crm.integrations import mail
from crm.lib.private_files import delete_file, digest_of, fresh_path, full_path, orphans
from crm.lib.tenancy import all_merchants, merchant_scope
from customers import events
from customers.merging.registry import when_undone
from customers.models import Customer, DataPackage, MergeRecord
from customers.my_data.services import KEEP
from customers.my_data.writing import write_package

log = structlog.get_logger()
State = DataPackage.State
FOLDER = "my-data"
# 50,000 events take under a minute; whoever was not done by then is dead.
LEASE = timedelta(minutes=10)
# What kills its worker every time must not do so for ever.
MAX_ATTEMPTS = 3
ORPHAN_SECONDS = 3600


def work_on(*, merchant_id: int, package_id: int) -> bool:
    """Writes the file. False when another worker does, or it is not wanted any more. An unexpected error
    leaves it to the sweeper, three times, and is raised."""
    merchant = Merchant.objects.get(pk=merchant_id)
    with ExitStack() as stack:
        stack.enter_context(merchant_scope(merchant))
        stack.enter_context(timezone.override(merchant.zone))
        package = _claim(package_id)
        if package is None:
            return False
        package.merchant = merchant
        stack.enter_context(acting(package.requested_by))
        try:
            write_package(package, full_path(package.file_path))
        except BaseException:
            delete_file(package.file_path)
            raise
        return _finish(package)


def _claim(package_id: int) -> DataPackage | None:
    now = timezone.now()
    with transaction.atomic():
        free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
        rows = DataPackage.objects.select_for_update(skip_locked=True, of=("self",)).select_related(
            "customer"
        )
        waiting = rows.filter(free, pk=package_id, state__in=DataPackage.WORKING)
        package: DataPackage | None = waiting.first()
        if package is None:
            return None
        left_behind = package.file_path
        package.attempts += 1
        if package.attempts > MAX_ATTEMPTS:
            package.state, package.file_path = State.FAILED, ""
            package.finished_at = now
        else:
            package.state, package.claimed_until = State.RUNNING, now + LEASE
            package.file_path = fresh_path(FOLDER, package.merchant_id)
        package.save()
    if left_behind:
        delete_file(left_behind)
    return package if package.state == State.RUNNING else None


def _finish(package: DataPackage) -> bool:
    size, digest = digest_of(full_path(package.file_path))
    with transaction.atomic():
        rows = DataPackage.objects.select_for_update(of=("self",))
        locked = rows.filter(pk=package.pk, state=State.RUNNING, file_path=package.file_path).first()
        if locked is None:  # erased meanwhile, or another worker's by now
            delete_file(package.file_path)
            return False
        now = timezone.now()
        locked.state, locked.claimed_until = State.READY, None
        locked.file_size, locked.sha256 = size, digest
        locked.finished_at, locked.expires_at = now, now + KEEP
        locked.save()
        data = {"way": locked.way, "bytes": size}
        emit(
            events.DATA_READY,
            merchant=locked.merchant_id,
            customer=locked.customer_id,
            subject=locked,
            data=data,
        )
        if locked.way == DataPackage.Way.PORTAL and locked.address:
            _tell(package.merchant, locked)
    return True


def _tell(merchant: Merchant, package: DataPackage) -> None:
    """The mail leads to the portal, which asks who it is: nothing personal stands in it."""
    with translation.override(package.language):
        link = settings.PUBLIC_URL + reverse("portal_data", args=[merchant.slug])
        facts = {"shop": merchant, "link": link, "days": KEEP.days}
        mail.post(
            merchant=merchant,
            to=package.address,
            purpose="my_data",
            subject=_("Your data from %(shop)s are ready") % {"shop": merchant.name},
            text=render_to_string("portal/mail/my_data.txt", facts),
            html=render_to_string("portal/mail/my_data.html", facts),
            dedupe_key=f"my-data:{package.pk}",
            expires_at=package.expires_at,
        )


def sweep() -> int:
    """Rings for every package that nobody writes, and deletes files whose days are over; how many ended."""
    now = timezone.now()
    with all_merchants(reason="beat looks for work of every merchant"):
        free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
        waiting = DataPackage.objects.filter(free, state__in=DataPackage.WORKING)
        left = list(waiting.values_list("merchant_id", "pk"))
        over = DataPackage.objects.filter(state=State.READY, expires_at__lte=now)
        ended = list(over.values_list("merchant_id", "pk"))
    for merchant_id, package_id in left:
        ring_task("customers.write_data", [merchant_id, package_id])
    for merchant_id, package_id in ended:
        with merchant_scope(merchant_id):
            _expire(package_id)
    with all_merchants(reason="beat tidies up for every merchant"):
        known = set(DataPackage.objects.exclude(file_path="").values_list("file_path", flat=True))
    for path in orphans(FOLDER, known, time.time() - ORPHAN_SECONDS):
        log.info("orphaned package removed", path=path.name)
        path.unlink(missing_ok=True)
    return len(ended)


@when_undone
def forget_copies(record: MergeRecord) -> None:
    """No copy of two people as one is handed to either: what was written since the merge goes, what is being
    written is written anew. In the transaction of the undo."""
    holder = Customer.objects.values_list("merged_into_id", flat=True).get(pk=record.survivor_id)
    people = {record.survivor_id, record.absorbed_id, holder}
    copies = DataPackage.objects.select_for_update(of=("self",)).filter(customer_id__in=people - {None})
    for package in copies.order_by("pk"):
        if package.state == State.READY and package.finished_at and package.finished_at >= record.merged_at:
            _expire(package.pk)
    running = DataPackage.objects.filter(customer_id__in=people - {None}, state=State.RUNNING)
    running.update(state=State.QUEUED, claimed_until=None, file_path="")


@transaction.atomic
def _expire(package_id: int) -> None:
    package = DataPackage.objects.select_for_update(of=("self",)).filter(pk=package_id).first()
    if package is None or package.state != State.READY:
        return
    path, package.file_path, package.state = package.file_path, "", State.EXPIRED
    package.save(update_fields=["file_path", "state"])
    transaction.on_commit(lambda: delete_file(path))
