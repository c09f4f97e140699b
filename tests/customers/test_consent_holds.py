"""The database knows which entry of the ledger holds, however entries come, move and go."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from crm.lib.copying import copy_rows
from customers.models import Consent
from tests.factories.customers import make_customer

NOW = timezone.now()


def newest() -> set[int]:
    """Read from the ledger itself."""
    keys = ("merchant_id", "customer_id", "channel", "purpose")
    rows = Consent.objects.order_by(*keys, "-recorded_at", "-id").distinct(*keys)
    return set(rows.values_list("pk", flat=True))


def holding() -> set[int]:
    return set(Consent.objects.filter(holds=True).values_list("pk", flat=True))


@pytest.mark.parametrize("seed", range(5))
def test_entries_come_move_and_go(scoped, seed):
    choose = random.Random(seed)
    people = [make_customer(scoped) for _ in range(3)]

    def entry() -> Consent:
        return Consent(
            merchant=scoped,
            customer=choose.choice(people),
            channel=choose.choice(["email", "sms"]),
            purpose=choose.choice(["marketing", "profiling"]),
            granted=choose.random() < 0.5,
            source="test",
            recorded_at=NOW - timedelta(days=choose.randrange(4)),
        )

    for _ in range(30):
        kept = list(Consent.objects.order_by("pk"))
        match choose.choice(["one", "many", "move", "back", "later", "delete"]):
            case "one":
                entry().save()
            case "many":
                Consent.objects.bulk_create(entry() for _ in range(5))
            case "move" if kept:  # as a merge does it, and its undoing
                Consent.objects.filter(customer=people[0]).update(customer=people[1])
            case "back" if kept:
                ids = [one.pk for one in choose.sample(kept, k=min(3, len(kept)))]
                Consent.objects.filter(pk__in=ids).update(customer=people[0])
            case "later" if kept:
                Consent.objects.filter(pk=choose.choice(kept).pk).update(recorded_at=NOW)
            case "delete" if kept:
                Consent.objects.filter(pk=choose.choice(kept).pk).delete()
        assert holding() == newest()
    assert Consent.objects.exists()


def test_entries_that_are_copied_in(scoped):
    mei, bo = make_customer(scoped, "Mei"), make_customer(scoped, "Bo")
    columns = ("merchant_id", "customer_id", "channel", "purpose", "granted", "source", "recorded_at")
    fixed = (scoped.pk, "email", "marketing", True, "import")
    rows = [(who.pk, NOW - timedelta(days=days)) for who in (mei, bo, mei) for days in (3, 1, 2)]
    told = ((fixed[0], who, *fixed[1:], at) for who, at in rows)
    copy_rows(Consent, columns, told)
    assert holding() == newest()
    assert len(holding()) == 2
