"""Two become one, and two again: the story of one pair."""

from __future__ import annotations

import pytest

from crm.lib.errors import Rejected
from customers.consent import consent_now
from customers.merging.services import AlreadyMerged, customers_merge, merge_undo
from customers.models import Customer, Identity, Metrics
from customers.searching import search_rebuild
from customers.selectors import customer_for
from tests.customers.merging.support import dump, new_order
from tests.factories.accounts import make_member
from tests.factories.customers import make_address, make_consent, make_customer, make_note
from tests.factories.orders import make_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(scoped):
    """Ada twice: with orders, notes and an address each."""
    first = make_customer(scoped, "Ada Chen", email="ada@example.com", tags=["tea"])
    second = make_customer(scoped, "A. Chen", email="chen@example.org", phone="+8613800138000", tags=["vip"])
    for customer in (first, second):
        new_order(scoped, customer)
        make_note(customer)
        make_address(customer, is_default=True)
    search_rebuild([first.pk, second.pk])
    return first, second


def test_everything_stands_with_the_survivor(scoped, pair):
    survivor, absorbed = pair

    record = customers_merge(survivor=survivor, absorbed=absorbed)

    survivor.refresh_from_db()
    assert record.counts["orders.Order"] == 1
    assert survivor.orders.count() == 2
    assert absorbed.orders.count() == 0
    assert set(survivor.identities.values_list("value", flat=True)) == {
        "ada@example.com",
        "chen@example.org",
        "+8613800138000",
    }
    assert survivor.phone == "+8613800138000", "what the survivor lacked"
    assert survivor.name == "Ada Chen"
    assert survivor.tags == ["tea", "vip"]
    assert survivor.addresses.filter(is_default=True).count() == 1
    assert Metrics.objects.get(customer=survivor).orders_count == 2
    assert Metrics.objects.get(customer=absorbed).orders_count == 0


def test_the_absorbed_is_out_of_sight(scoped, pair, owner):
    survivor, absorbed = pair
    customers_merge(survivor=survivor, absorbed=absorbed)

    assert list(Customer.objects.present()) == [survivor]
    with pytest.raises(Exception, match=str(survivor.pk)) as refusal:
        customer_for(membership=owner, customer_id=absorbed.pk)
    assert refusal.value.status == 410
    assert refusal.value.fields["merged_into"] == [str(survivor.pk)]


def test_undone_both_are_as_before(scoped, pair):
    survivor, absorbed = pair
    before = dump(survivor), dump(absorbed)

    record = customers_merge(survivor=survivor, absorbed=absorbed, choices={"name": "absorbed"})
    assert dump(survivor) != before[0]
    merge_undo(record=record)

    assert (dump(survivor), dump(absorbed)) == before


def test_an_edited_field_stays_with_the_survivor(scoped, pair):
    from customers.services import customer_change

    survivor, absorbed = pair
    record = customers_merge(survivor=survivor, absorbed=absorbed, choices={"name": "absorbed"})
    survivor.refresh_from_db()
    customer_change(customer=survivor, source="staff", name="Ada Lovelace Chen")

    merge_undo(record=record)

    survivor.refresh_from_db()
    assert survivor.name == "Ada Lovelace Chen"
    assert survivor.phone == ""


@pytest.mark.parametrize(
    ("name", "words", "to_absorbed"),
    [
        ("by e-mail", {"email": "Chen@Example.org"}, True),
        ("by phone", {"phone": "138 0013 8000"}, True),
        ("by the survivor's e-mail", {"email": "ada@example.com"}, False),
        ("the stronger key decides", {"email": "ada@example.com", "phone": "138 0013 8000"}, False),
    ],
)
def test_an_order_since_goes_where_its_identity_says(scoped, pair, name, words, to_absorbed):
    survivor, absorbed = pair
    record = customers_merge(survivor=survivor, absorbed=absorbed)
    order = new_order(scoped, **words)
    assert order.customer_id == survivor.pk, "while they are one"

    merge_undo(record=record)

    order.refresh_from_db()
    assert order.customer_id == (absorbed.pk if to_absorbed else survivor.pk)
    assert order.lines.get().customer_id == order.customer_id
    counted = Metrics.objects.get(customer=order.customer_id)
    assert counted.orders_count == 2


def test_a_new_phone_goes_with_the_order_that_brought_it(scoped, pair):
    survivor, absorbed = pair
    record = customers_merge(survivor=survivor, absorbed=absorbed)
    new_order(scoped, email="chen@example.org", phone="+447911123456")
    later = new_order(scoped, phone="+447911123456", name="Ada Chen")
    assert later.customer_id == survivor.pk

    merge_undo(record=record)

    later.refresh_from_db()
    assert Identity.objects.get(value="+447911123456").customer_id == absorbed.pk
    assert later.customer_id == absorbed.pk


def test_a_refund_since_follows_its_order(scoped, pair):
    from tests.customers.merging.support import refund

    survivor, absorbed = pair
    order = absorbed.orders.get()
    record = customers_merge(survivor=survivor, absorbed=absorbed)
    refund(scoped, order)

    merge_undo(record=record)

    assert order.refunds.get().customer_id == absorbed.pk
    assert Metrics.objects.get(customer=absorbed).refunded == order.refunds.get().base_amount
    assert Metrics.objects.get(customer=survivor).refunded == 0


def test_doing_it_again_is_the_same_merge(scoped, pair):
    survivor, absorbed = pair

    first = customers_merge(survivor=survivor, absorbed=absorbed)

    assert customers_merge(survivor=survivor, absorbed=absorbed) == first
    assert merge_undo(record=merge_undo(record=first)).state == "undone"


def test_who_was_absorbed_is_not_merged_again(scoped, pair):
    survivor, absorbed = pair
    third = make_customer(scoped)
    customers_merge(survivor=survivor, absorbed=absorbed)

    with pytest.raises(AlreadyMerged) as refusal:
        customers_merge(survivor=third, absorbed=absorbed)
    assert refusal.value.fields["merged_into"] == [str(survivor.pk)]
    with pytest.raises(AlreadyMerged):
        customers_merge(survivor=absorbed, absorbed=third)


def test_a_rivals_customer_is_not_there(scoped, rival, pair):
    stranger = make_customer(rival)

    with pytest.raises(Rejected):
        customers_merge(survivor=pair[0], absorbed=stranger)
    assert pair[0].merges.count() == 0


def test_old_ids_lead_to_the_last_of_a_chain(scoped, pair):
    survivor, absorbed = pair
    third = make_customer(scoped, "Ada C.")
    customers_merge(survivor=survivor, absorbed=absorbed)

    customers_merge(survivor=third, absorbed=survivor)

    assert set(Customer.objects.filter(merged_into=third)) == {survivor, absorbed}
    assert third.orders.count() == 2


@pytest.mark.parametrize("inner_first", [True, False])
def test_a_chain_is_undone_in_either_order(scoped, pair, inner_first):
    survivor, absorbed = pair
    third = make_customer(scoped, "Ada C.", email="")
    search_rebuild([third.pk])
    people = (survivor, absorbed, third)
    before = [dump(one) for one in people]
    records = [
        customers_merge(survivor=survivor, absorbed=absorbed),
        customers_merge(survivor=third, absorbed=survivor),
    ]

    for record in records if inner_first else reversed(records):
        merge_undo(record=record)

    assert [dump(one) for one in people] == before


def test_rows_of_one_who_left_a_chain_and_came_back_stay_theirs(scoped, pair):
    survivor, absorbed = pair
    third = make_customer(scoped, "Ada C.")
    inner = customers_merge(survivor=survivor, absorbed=absorbed)
    outer = customers_merge(survivor=third, absorbed=survivor)
    merge_undo(record=inner)
    customers_merge(survivor=third, absorbed=absorbed)

    merge_undo(record=outer)

    assert survivor.orders.count() == 1
    assert third.orders.count() == 1


@pytest.mark.parametrize("third_absorbs", [True, False])
def test_what_a_third_brought_stays_with_the_third(scoped, pair, third_absorbs):
    """A household's number on the order of somebody who was first seen after the merge that is undone."""
    survivor, absorbed = pair
    record = customers_merge(survivor=survivor, absorbed=absorbed)
    order = new_order(scoped, email="kim@example.net", phone=absorbed.phone, name="Kim Chen")
    third = order.customer
    assert third not in pair
    people = (third, survivor) if third_absorbs else (survivor, third)
    other = customers_merge(survivor=people[0], absorbed=people[1])

    merge_undo(record=record)
    merge_undo(record=other)

    order.refresh_from_db()
    assert order.customer_id == third.pk
    assert Identity.objects.get(value="kim@example.net").customer_id == third.pk


def test_nothing_is_left_half_done(scoped, pair, monkeypatch):
    from customers.merging import services

    before = dump(pair[0]), dump(pair[1])

    def die(*_args: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(services, "recount", die)
    with pytest.raises(RuntimeError, match="killed"):
        customers_merge(survivor=pair[0], absorbed=pair[1])

    assert (dump(pair[0]), dump(pair[1])) == before


class TestConsent:
    @pytest.mark.parametrize(
        ("mine", "theirs", "result"),
        [
            (True, True, True),
            (True, False, False),
            (False, True, False),
            (False, None, False),
            (None, False, False),
            (True, None, True),
            (None, None, None),
        ],
    )
    def test_the_stricter_side_holds_and_stays(self, scoped, mine, theirs, result):
        pair = [make_customer(scoped), make_customer(scoped)]
        for customer, said in zip(pair, (mine, theirs), strict=True):
            if said is not None:
                make_consent(customer, granted=said)

        record = customers_merge(survivor=pair[0], absorbed=pair[1])

        assert consent_now(customer=pair[0], channel="email") is result
        merge_undo(record=record)
        for customer, said in zip(pair, (mine, theirs), strict=True):
            now = consent_now(customer=customer, channel="email")
            assert now is (False if result is False else said)

    def test_an_address_never_asked_stays_unmailed(self, scoped):
        """Only the absorbed allowed it, at their address; staff choose the other address."""
        silent, willing = make_customer(scoped), make_customer(scoped)
        make_consent(willing)

        customers_merge(survivor=silent, absorbed=willing, choices={"email": "survivor"})

        assert consent_now(customer=silent, channel="email") is False

    def test_unchosen_the_permission_and_its_address_are_kept(self, scoped):
        silent, willing = make_customer(scoped), make_customer(scoped)
        make_consent(willing)

        customers_merge(survivor=silent, absorbed=willing)

        silent.refresh_from_db()
        assert silent.email == willing.email
        assert consent_now(customer=silent, channel="email") is True

    def test_a_withdrawal_under_the_old_id_counts(self, scoped, pair):
        survivor, absorbed = pair
        make_consent(survivor)
        make_consent(absorbed)
        customers_merge(survivor=survivor, absorbed=absorbed)

        make_consent(absorbed, granted=False)

        assert consent_now(customer=survivor, channel="email") is False


def test_the_journal_is_chunked(scoped, pair, monkeypatch):
    from customers.merging import moving

    monkeypatch.setattr(moving, "CHUNK", 2)
    survivor, absorbed = pair
    for _number in range(4):
        make_order(scoped, absorbed)
    before = dump(absorbed)

    record = customers_merge(survivor=survivor, absorbed=absorbed)

    sizes = [len(part.ids) for part in record.moves.filter(model="orders.Order", kind="moved")]
    assert sizes == [2, 2, 1]
    merge_undo(record=record)
    assert set(dump(absorbed)["orders.Order"]) == set(before["orders.Order"])


def test_staff_who_see_only_one_are_told_nothing(scoped, pair):
    survivor, absorbed = pair
    member = make_member(scoped, "agent", visibility="own")
    Customer.objects.filter(pk=absorbed.pk).update(owner=member)
    customers_merge(survivor=survivor, absorbed=absorbed, choices={"owner": "survivor"})

    from crm.lib.errors import NotFound

    with pytest.raises(NotFound):
        customer_for(membership=member, customer_id=absorbed.pk)
