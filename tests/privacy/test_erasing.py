"""An erased person is nowhere, their sums are where they were, and nothing old brings them back."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone

from crm.events.models import Event
from crm.imports.models import ImportBatch
from crm.integrations.models import InboundHook, OutboundMail
from crm.lib.errors import Conflict, Rejected
from crm.lib.privacy import ErasureWaits
from crm.lib.tenancy import merchant_scope
from crm.local import postgres
from crm.local.place import ROOT
from customers.consent import is_suppressed
from customers.merging.preview import merge_preview
from customers.merging.services import customers_merge
from customers.models import Customer, Erasure, Identity, Metrics
from customers.privacy import erasing, ledger
from customers.privacy.erasing import customer_erase, erasure_ask, erasure_cancel, erasure_work
from orders.models import Order
from reviews.ledger import verify
from reviews.models import Review
from tests.conftest import environment_of_run
from tests.factories.customers import make_customer
from tests.orders.import_support import imported
from tests.privacy.conftest import Known
from tests.privacy.grep import found_anywhere, found_in_database


def erase(known: Known) -> Erasure:
    with merchant_scope(known.merchant):
        return customer_erase(customer=known.customer, reason="asked", by="")


def nobody_came_back() -> bool:
    """The one who looked like them is all there is."""
    present = set(Customer.objects.present().values_list("name", flat=True))
    return present == set(Identity.objects.values_list("customer__name", flat=True)) == {"Somebody Else"}


def test_the_person_is_nowhere_and_the_books_are_as_they_were(known: Known) -> None:
    assert set(found_anywhere(known.word)) == {"database", "sessions", "files", "redis"}
    with merchant_scope(known.merchant):
        before = Metrics.objects.values("orders_count", "gross", "net").get(customer=known.customer)
        orders = list(Order.objects.order_by("pk").values("number", "total", "placed_at", "customer_id"))

    erasure = erase(known)

    assert found_anywhere(known.word) == {}
    with merchant_scope(known.merchant):
        row = Customer.objects.get(pk=known.customer.pk)
        assert (row.name, row.email, row.tags, row.attributes) == ("", "", [], {}) and row.erased_at
        assert Metrics.objects.values("orders_count", "gross", "net").get(customer=row) == before
        assert (
            list(Order.objects.order_by("pk").values("number", "total", "placed_at", "customer_id")) == orders
        )
        review = Review.objects.get()
        assert (review.author_name, review.body) == ("", "Write to … for more.")
        assert verify().is_intact
        assert erasure.counts["orders"] == len(orders) and erasure.state == "done"
        assert Event.objects.filter(name="customers.customer_erased", customer_id=row.pk).count() == 1


def test_their_addresses_are_never_written_to_again(known: Known) -> None:
    erase(known)
    with merchant_scope(known.merchant):
        assert is_suppressed(channel="email", value=known.email)
        assert not is_suppressed(channel="email", value="somebody@example.com")


def test_the_store_telling_the_old_order_anew_brings_nobody_back(known: Known) -> None:
    erase(known)
    known.tell(
        "orders/updated",
        known.order_body(
            updated_at="2026-11-20T08:00:00+08:00", fulfillment_status="fulfilled", total_price="300.00"
        ),
    )
    with merchant_scope(known.merchant):
        order = Order.objects.get(external_id="450789469")
        assert (order.fulfilment, str(order.total)) == ("shipped", "300.0000")
        assert (order.contact_name, order.email, order.shipping_address) == ("", "", {})
        assert order.customer_id == known.customer.pk
        InboundHook.objects.update(body=b"")
        assert nobody_came_back()
    assert found_in_database(known.word) == []


def test_an_old_order_that_was_never_told_counts_for_the_nameless_row(known: Known) -> None:
    erase(known)
    known.tell("orders/create", known.order_body(id=1, name="#900", created_at="2026-01-01T08:00:00Z"))
    with merchant_scope(known.merchant):
        order = Order.objects.get(number="#900")
        assert (order.customer_id, order.email) == (known.customer.pk, "")
        assert nobody_came_back()


def test_a_new_order_is_a_new_relation_without_marketing(known: Known) -> None:
    erase(known)
    placed = (timezone.now() + timedelta(minutes=1)).isoformat()
    known.tell("orders/create", known.order_body(id=2, name="#2000", created_at=placed, updated_at=placed))
    with merchant_scope(known.merchant):
        newcomer = Order.objects.get(number="#2000").customer
        assert newcomer.pk != known.customer.pk and newcomer.email == known.email
        assert is_suppressed(channel="email", value=newcomer.email)


def test_importing_the_old_file_again_brings_nobody_back(known: Known) -> None:
    erase(known)
    head = "Order number,Order date,Order total,E-mail,Customer name,Note"
    rows = [f"A{number},2025-01-0{number},50,{known.email},Mei {known.word},hi" for number in (1, 3)]
    batch = imported(known.merchant, "\n".join([head, *rows]), date_order="dmy", decimal_sign=".")
    assert batch.state == "done", batch.error
    with merchant_scope(known.merchant):
        new = Order.objects.get(external_id="A3")
        assert (new.customer_id, new.email, new.contact_name, new.note) == (known.customer.pk, "", "", "")
        assert nobody_came_back()


def test_everybody_else_stays(known: Known) -> None:
    other = make_customer(known.merchant, "Anna Other", email="anna@example.com", tags=["kept"])
    erase(known)
    with merchant_scope(known.merchant):
        row = Customer.objects.get(pk=other.pk)
        assert (row.name, row.email, row.tags) == ("Anna Other", "anna@example.com", ["kept"])
        assert Identity.objects.filter(customer=other).exists()


# --- waiting --------------------


def test_a_store_s_unread_news_is_read_first(known: Known) -> None:
    with merchant_scope(known.merchant):
        hook = InboundHook.objects.first()
        assert hook is not None
        InboundHook.objects.filter(pk=hook.pk).update(state="failed")
        with pytest.raises(ErasureWaits):
            customer_erase(customer=known.customer, reason="asked", by="")
        known.customer.refresh_from_db()
        assert known.customer.email == known.email

        erasure = erasure_ask(customer=known.customer, reason="asked", by="")
        assert not erasure_work(erasure_id=erasure.pk)
        erasure.refresh_from_db()
        assert erasure.state == "waiting" and erasure.trouble and erasure.due_at > timezone.now()

        InboundHook.objects.filter(pk=hook.pk).update(state="done")
        Erasure.objects.filter(pk=erasure.pk).update(due_at=timezone.now())
        assert erasure_work(erasure_id=erasure.pk)
    assert found_anywhere(known.word) == {}


def test_a_running_import_is_waited_for(known: Known) -> None:
    with merchant_scope(known.merchant):
        ImportBatch.objects.filter(state="done").update(state="running")
        with pytest.raises(ErasureWaits):
            customer_erase(customer=known.customer, reason="asked", by="")


@pytest.mark.django_db
def test_a_request_can_be_taken_back_until_it_is_done(merchant) -> None:
    person = make_customer(merchant)
    with merchant_scope(merchant):
        asked = erasure_ask(customer=person, reason="asked", by="", wait=timedelta(days=7))
        assert erasure_ask(customer=person, reason="asked", by="", wait=timedelta(days=7)).pk == asked.pk
        assert not erasure_work(erasure_id=asked.pk)
        erasure_cancel(erasure=asked)
        with pytest.raises(Conflict):
            erasure_cancel(erasure=asked)
        Erasure.objects.update(due_at=timezone.now())
        assert not erasure_work(erasure_id=asked.pk)
        person.refresh_from_db()
        assert person.erased_at is None
        again = erasure_ask(customer=person, reason="asked", by="")
        assert again.pk != asked.pk and erasure_work(erasure_id=again.pk)


@pytest.mark.django_db
def test_mail_that_waits_for_them_is_not_sent(merchant) -> None:
    person = make_customer(merchant)
    with merchant_scope(merchant):
        mail = OutboundMail.objects.create(
            merchant=merchant, to=person.email, subject="x", text="y", message_id="<1@x>", purpose="return"
        )
        customer_erase(customer=person, reason="asked", by="")
        mail.refresh_from_db()
        assert (mail.to, mail.text, mail.state) == ("", "", "failed")


# --- backups --------------------


def tool(name: str, *words: str) -> None:
    subprocess.run([str(postgres.binaries() / name), *words], check=True, env=dict(os.environ))


def test_a_restored_backup_is_erased_again(known: Known, tmp_path) -> None:
    url = environment_of_run()["DATABASE_URL"]
    dump, copy = tmp_path / "database.dump", f"{connection.settings_dict['NAME']}_restored"
    tool("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={url}")
    erase(known)
    ledger.record_all()
    assert known.word not in ledger.path().read_text()

    restored = f"{url.rpartition('/')[0]}/{copy}"
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{copy}" TEMPLATE template0')
    try:
        tool("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={restored}", str(dump))
        assert found_in_database(known.word, restored)
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "erasures_replay"],
            env={
                **environment_of_run(),
                "DATABASE_URL": restored,
                "ERASURE_LEDGER": str(ledger.path()),
                "MEDIA_ROOT": str(tmp_path / "media"),
            },
            check=True,
            capture_output=True,
            text=True,
        )
        assert "Erased again: 1." in done.stdout
        assert found_in_database(known.word, restored) == []
    finally:
        connections.close_all()
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')


@pytest.mark.django_db
def test_a_replay_spares_who_came_back_and_remembers_who_is_not_there(merchant, places) -> None:
    person = make_customer(merchant, email="back@example.com")
    with merchant_scope(merchant):
        customer_erase(customer=person, reason="asked", by="")
    assert ledger.record_all() == 1
    assert ledger.record_all() == 0
    back = make_customer(merchant, email="back@example.com")
    with merchant_scope(merchant):
        Customer.objects.filter(pk=person.pk).delete()
        Erasure.objects.all().delete()

    assert ledger.replay() == ledger.Replay(erased=0, remembered=1, strangers=0)

    with merchant_scope(merchant):
        back.refresh_from_db()
        assert back.erased_at is None and back.email == "back@example.com"
        assert is_suppressed(channel="email", value="back@example.com")
        early = erasing.timezone.now() - timedelta(days=1)
        from customers.identities import Key, erased_owners

        assert erased_owners([Key("email", "", "back@example.com")], at=early)
    assert ledger.replay().remembered == 0


@pytest.mark.django_db
def test_a_broken_ledger_is_refused_whole(merchant, places) -> None:
    from crm.lib.errors import Rejected

    ledger.path().write_text('{"merchant": 1}\n')
    with pytest.raises(Rejected):
        ledger.replay()


@pytest.mark.parametrize("who", ["survivor", "absorbed"])
def test_who_waits_to_be_erased_is_merged_with_nobody(scoped, who):
    sides = {"survivor": make_customer(scoped), "absorbed": make_customer(scoped)}
    waiting = erasure_ask(customer=sides[who], reason="asked", by="", wait=timedelta(days=7))
    for attempt in (merge_preview, customers_merge):
        with pytest.raises(Rejected, match=f"#{sides[who].pk}") as refusal:
            attempt(**sides)
        assert refusal.value.code_name == "erasure_waits"
    erasure_cancel(erasure=waiting)
    assert customers_merge(**sides).absorbed == sides["absorbed"]
