"""Two people named at once by one way in: asked of staff once, and their answer remembered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.accounts.models import Membership, Merchant
from crm.events.emitting import emit
from customers import events
from customers.models import Customer, IdentityConflict

State = IdentityConflict.State


def conflicts_note(
    *, merchant: Merchant, customer: Customer, other_ids: Sequence[int], kinds: Iterable[str], source: str
) -> None:
    """A row for each pair; seen again it only counts. Staff are told of a pair once, and never again of one
    that they keep apart. In the caller's transaction."""
    names = sorted({str(kind) for kind in kinds})
    for other_id in other_ids:
        first, second = sorted((int(customer.pk), other_id))
        row, is_new = IdentityConflict.objects.get_or_create(
            merchant=merchant,
            first_id=first,
            second_id=second,
            defaults={"kinds": names, "source": source[:40]},
        )
        if is_new:
            emit(
                events.IDENTITY_CONFLICT,
                merchant=merchant,
                customer=customer,
                subject=row,
                data={"kind": ", ".join(names), "others": [other_id], "source": source},
            )
            continue
        IdentityConflict.objects.filter(pk=row.pk).update(
            times=F("times") + 1,
            seen_at=timezone.now(),
            source=source[:40],
            kinds=sorted({*row.kinds, *names}),
        )


@transaction.atomic
def conflict_keep_apart(*, conflict: IdentityConflict, by: Membership | None) -> IdentityConflict:
    """These two are two people: nobody is asked about them again. Doing it again changes nothing."""
    row: IdentityConflict = IdentityConflict.objects.select_for_update().get(pk=conflict.pk)
    if row.state == State.OPEN:
        row.state, row.decided_at, row.decided_by = State.KEPT_APART, timezone.now(), by
        row.save(update_fields=["state", "decided_at", "decided_by"])
    return row
