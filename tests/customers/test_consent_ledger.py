"""The consent ledger: the newest entry holds, saying the same twice writes nothing."""

import threading

import pytest
from django.db import connection

from crm.events.models import Event
from crm.lib.tenancy import merchant_scope
from customers.consent import consent_now, consent_record, is_suppressed, suppress
from customers.models import Consent
from tests.factories.customers import make_customer


@pytest.mark.usefixtures("scoped")
def test_nobody_asked_means_unknown(merchant):
    assert consent_now(customer=make_customer(merchant), channel="email") is None


@pytest.mark.usefixtures("scoped")
def test_the_newest_entry_holds_and_each_change_is_announced(merchant):
    customer = make_customer(merchant)

    for granted in (True, True, False, False, True):
        consent_record(merchant=merchant, customer=customer, channel="email", granted=granted, source="form")

    assert consent_now(customer=customer, channel="email") is True
    assert consent_now(customer=customer, channel="sms") is None
    assert list(Consent.objects.order_by("id").values_list("granted", flat=True)) == [True, False, True]
    names = list(Event.objects.filter(customer_id=customer.pk).order_by("id").values_list("name", flat=True))
    assert names == [
        "customers.consent_granted",
        "customers.consent_withdrawn",
        "customers.consent_granted",
    ]


def test_a_suppressed_address_stays_so_in_its_own_shop_only(merchant, rival):
    for _twice in range(2):
        with merchant_scope(merchant):
            suppress(merchant=merchant, channel="email", value="a@b.cn", reason="bounce")

    with merchant_scope(merchant):
        assert is_suppressed(channel="email", value="a@b.cn")
        assert not is_suppressed(channel="sms", value="a@b.cn")
    with merchant_scope(rival):
        assert not is_suppressed(channel="email", value="a@b.cn")


@pytest.mark.django_db(transaction=True)
def test_a_yes_and_a_no_at_once_are_two_entries_and_the_later_one_holds(merchant):
    customer = make_customer(merchant)
    gate = threading.Barrier(2)

    def say(granted: bool) -> None:
        gate.wait(30)
        try:
            with merchant_scope(merchant):
                consent_record(
                    merchant=merchant, customer=customer, channel="email", granted=granted, source="form"
                )
        finally:
            connection.close()

    threads = [threading.Thread(target=say, args=(granted,)) for granted in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    with merchant_scope(merchant):
        first, second = Consent.objects.order_by("id")
        assert first.granted is not second.granted and first.recorded_at < second.recorded_at
        assert consent_now(customer=customer, channel="email") is second.granted
