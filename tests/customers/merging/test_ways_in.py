"""Who comes in how: numbers and addresses brought to one form, and who comes late to a merge."""

from __future__ import annotations

import csv
import threading
import time
from pathlib import Path

import pytest
from django.db import close_old_connections, transaction

from crm.lib.tenancy import merchant_scope
from customers.identities import Contact, keys_of, resolve
from customers.merging.gathering import gather_all, gather_recent, stragglers_gather
from customers.merging.services import customers_merge, merge_undo
from customers.models import CompanyContact, Customer, MergeRecord, Note
from customers.normalising import normalise_email, normalise_phone
from orders.models import Order
from tests.customers.merging.support import new_order
from tests.factories.customers import make_address, make_company, make_customer, make_note
from tests.factories.orders import make_order

# Beside the repository where the project's public data lies; absent in a bare clone.
VECTORS = Path(__file__).resolve().parents[4] / "shared" / "data" / "identity" / "phone_vectors.csv"


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared data isn't here")
def test_every_phone_vector_is_right():
    with VECTORS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    wrong = [
        (row["region"], column)
        for row in rows
        for column in ("national_input", "international_input")
        if normalise_phone(row[column], row["region"]) != (row["e164"] if row["valid"] == "True" else "")
    ]

    assert len(rows) == 375
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "typed", "stored"),
    [
        ("case", "Ada@Example.COM", "ada@example.com"),
        ("IDN", "ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("Chinese domain", "li@例子.测试", "li@xn--fsqu00a.xn--0zwm56d"),
        ("full width", "ａｄａ＠example.com", "ada@example.com"),
        ("plus tags are kept", "ada+tea@example.com", "ada+tea@example.com"),
        ("dots are kept", "a.da@gmail.com", "a.da@gmail.com"),
        ("no address", "ada at example", ""),
    ],
)
def test_an_address_has_one_form(name, typed, stored):
    assert normalise_email(typed) == stored


@pytest.mark.django_db
@pytest.mark.parametrize(
    "contact",
    [
        Contact(phone="138****5678"),
        Contact(email="x7f@privaterelay.appleid.com"),
        Contact(email="abc@marketplace.amazon.com"),
    ],
)
def test_masked_and_relay_values_recognise_nobody(merchant, contact):
    assert keys_of(merchant, contact) == []


@pytest.mark.django_db
def test_what_was_written_for_the_absorbed_meanwhile_is_carried_after_them(scoped):
    survivor, absorbed = make_customer(scoped), make_customer(scoped)
    record = customers_merge(survivor=survivor, absorbed=absorbed)
    note, order = make_note(absorbed), make_order(scoped, absorbed)

    assert stragglers_gather(record=record) >= 3  # the order's line too
    assert stragglers_gather(record=record) == 0

    assert Note.objects.get(pk=note.pk).customer_id == survivor.pk
    merge_undo(record=record)
    order.refresh_from_db()
    assert order.customer_id == absorbed.pk


@pytest.mark.django_db
def test_an_imports_late_orders_are_carried_too(scoped):
    survivor, absorbed = make_customer(scoped), make_customer(scoped)
    customers_merge(survivor=survivor, absorbed=absorbed)
    order = make_order(scoped, absorbed)

    gather_all()

    order.refresh_from_db()
    assert order.customer_id == survivor.pk


@pytest.mark.django_db
def test_what_comes_late_to_a_chain_comes_apart_with_it(scoped):
    """Each merge's journal knows the row: whichever is undone first, it goes back to its own."""
    first, second, third = (make_customer(scoped) for _number in range(3))
    inner = customers_merge(survivor=second, absorbed=first)
    outer = customers_merge(survivor=third, absorbed=second)
    note = make_note(first)

    gather_recent()

    note.refresh_from_db()
    assert note.customer_id == third.pk
    merge_undo(record=outer)
    note.refresh_from_db()
    assert note.customer_id == second.pk
    merge_undo(record=inner)
    note.refresh_from_db()
    assert note.customer_id == first.pk


@pytest.mark.django_db
def test_what_comes_late_keeps_the_rules_of_a_merge(scoped):
    """One default address, one contact of a firm: also when the twin is with the third of a chain."""
    first, second, third = (make_customer(scoped) for _number in range(3))
    customers_merge(survivor=second, absorbed=first)
    customers_merge(survivor=third, absorbed=second)
    company = make_company(scoped)
    for customer in (third, first):
        make_address(customer, is_default=True)
        CompanyContact.objects.create(merchant=scoped, company=company, customer=customer)

    gather_recent()

    assert third.addresses.count() == 2
    assert third.addresses.filter(is_default=True).count() == 1
    assert CompanyContact.objects.filter(customer=third).count() == 1


# --- at the same time ---------------------------------------------------------------------------------------


def _together(*jobs) -> list[object]:
    """Runs the jobs in threads of their own; what each returned or raised."""
    found: list[object] = [None] * len(jobs)

    def run(place: int) -> None:
        try:
            found[place] = jobs[place]()
        except Exception as error:  # noqa: BLE001 - handed to the test, which says what it may be
            found[place] = error
        finally:
            close_old_connections()
            from django.db import connection

            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


@pytest.mark.django_db(transaction=True)
def test_two_colleagues_merging_one_pair_make_one_merge(merchant):
    first, second = make_customer(merchant), make_customer(merchant)

    def merge() -> int:
        with merchant_scope(merchant):
            return customers_merge(survivor=first, absorbed=second).pk

    found = _together(merge, merge)

    with merchant_scope(merchant):
        assert found == [MergeRecord.objects.get().pk] * 2


@pytest.mark.django_db(transaction=True)
def test_two_colleagues_merging_crosswise_leave_one_merge(merchant):
    """One wants A to stay, the other B: the second is told that it has happened."""
    first, second = make_customer(merchant), make_customer(merchant)

    def merge(survivor: Customer, absorbed: Customer):
        def job() -> int:
            with merchant_scope(merchant):
                return customers_merge(survivor=survivor, absorbed=absorbed).pk

        return job

    found = _together(merge(first, second), merge(second, first))

    assert sorted(type(one).__name__ for one in found) == ["AlreadyMerged", "int"]


@pytest.mark.django_db(transaction=True)
def test_an_order_at_the_same_moment_is_not_left_behind(merchant):
    """Its way in has recognised the absorbed and not committed: the merge waits for it."""
    first, second = make_customer(merchant), make_customer(merchant)
    recognised = threading.Event()

    def order() -> None:
        with merchant_scope(merchant), transaction.atomic():
            resolve(merchant=merchant, contact=Contact(email=second.email), source="shop")
            recognised.set()
            time.sleep(0.5)  # long enough for the merge to come to the lock; a shorter wait tests less
            new_order(merchant, email=second.email)

    def merge() -> None:
        assert recognised.wait(30)
        with merchant_scope(merchant):
            customers_merge(survivor=first, absorbed=second)

    assert _together(order, merge) == [None, None]
    with merchant_scope(merchant):
        assert Order.objects.get().customer_id == first.pk


@pytest.mark.django_db
def test_an_order_after_the_merge_lands_with_the_survivor(scoped):
    survivor, absorbed = make_customer(scoped), make_customer(scoped)
    customers_merge(survivor=survivor, absorbed=absorbed)

    assert new_order(scoped, email=absorbed.email).customer_id == survivor.pk


@pytest.mark.django_db
def test_a_portal_session_follows_the_merge_and_ends_with_the_undo(scoped, rf):
    from customers.portal_door import PortalPerson, person_of, sign_in

    survivor, absorbed = make_customer(scoped), make_customer(scoped)
    request = rf.get("/")
    from django.contrib.sessions.backends.db import SessionStore

    request.session = SessionStore()
    sign_in(request, scoped, person=PortalPerson(absorbed.email, absorbed, {}))
    record = customers_merge(survivor=survivor, absorbed=absorbed)

    assert person_of(request, scoped).customer == survivor

    merge_undo(record=record)
    assert person_of(request, scoped) is None
