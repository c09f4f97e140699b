"""A worker dies in the middle of a handler: nothing half done stays, and the sweeper has it done, once."""

import time

import pytest

from crm.events.models import Delivery, Event
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.searching import customer_ids_found
from customers.services import customer_create
from tests.support.locks import waiting_sessions
from tests.support.processes import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
HANDLER = "customers.search"


def states():
    with all_merchants(reason="the test looks at every delivery"):
        return list(Delivery.objects.filter(handler=HANDLER).values_list("state", "attempts"))


def test_kill_in_mid_handler(merchant, start_worker):
    """The handler is held up inside by a lock on the row that it writes; there the worker is killed."""
    import psycopg2
    from django.db import connection, transaction

    holder = psycopg2.connect(**{**connection.get_connection_params(), "cursor_factory": None})
    with merchant_scope(merchant):
        made = customer_create(merchant=merchant, source="test", name="Li Wei", email="li@example.com")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE customers_searchdocument SET document = 'stale' WHERE customer_id = %s", [made.pk]
            )
    with holder.cursor() as cursor:
        cursor.execute("SELECT 1 FROM customers_searchdocument WHERE customer_id = %s FOR UPDATE", [made.pk])
    worker = start_worker(queues="default")

    wait_until(waiting_sessions, what="the worker is inside the handler")
    worker.kill()
    holder.close()

    wait_until(lambda: not waiting_sessions(), what="PostgreSQL noticed that the worker is gone")
    assert states() == [("pending", 0)]
    with merchant_scope(merchant):
        assert customer_ids_found("li@example.com") == []

    start_worker(queues="default")
    _ring_until_done()

    assert states() == [("done", 0)]
    with merchant_scope(merchant):
        assert customer_ids_found("li@example.com") == [made.pk]
        assert Event.objects.filter(name="customers.customer_created").count() == 1


def _ring_until_done() -> None:
    """What beat does every 30 s."""
    from crm.events.delivering import sweep

    deadline = time.monotonic() + 60
    while states() != [("done", 0)] and time.monotonic() < deadline:
        sweep()
        time.sleep(1)
