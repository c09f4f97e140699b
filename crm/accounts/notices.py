"""Notices to members: the bell's list. Who writes one decides whether a mail goes as well."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from crm.accounts.models import Membership, Notice
from crm.lib import live

MOST_SHOWN = 100


def notice_add(
    *, member: Membership, kind: str, title: str, href: str, dedupe_key: str, line: str = ""
) -> Notice | None:
    """The new notice, or None when `dedupe_key` was noticed before. Open pages of the member learn of it
    after the
    commit. Must be called in the transaction of what it tells."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("a notice commits with what it tells")
    notice, is_new = Notice.objects.get_or_create(
        merchant_id=member.merchant_id,
        dedupe_key=dedupe_key[:120],
        defaults={
            "member": member,
            "kind": kind,
            "title": title[:200],
            "line": line[:300],
            "href": href[:300],
        },
    )
    if not is_new:
        return None
    _nudge(member)
    return notice


def notices_of(member: Membership) -> QuerySet[Notice]:
    """Newest first."""
    return Notice.objects.filter(member=member).order_by("-created_at", "-pk")


def unread_count(member: Membership) -> int:
    """One indexed query."""
    return Notice.objects.filter(member=member, read_at__isnull=True).count()


@transaction.atomic
def notices_read(*, member: Membership, ids: Iterable[int] | None = None) -> int:
    """These of the member's notices, or all, are read; how many became so."""
    rows = Notice.objects.filter(member=member, read_at__isnull=True)
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    changed = rows.update(read_at=timezone.now())
    if changed:
        _nudge(member)
    return changed


def _nudge(member: Membership) -> None:
    transaction.on_commit(partial(live.publish, member.merchant_id, [f"notices:{member.pk}"]), robust=True)
