"""The merge page, the card on the customer page, the queue of conflicts, and old addresses."""

from __future__ import annotations

import pytest
from django.urls import reverse

from customers.identities import Contact, resolve
from customers.merging.services import customers_merge, merge_undo
from customers.models import Customer, IdentityConflict, MergeRecord
from tests.customers.merging.support import new_order
from tests.factories.customers import make_consent, make_customer, make_identity
from tests.factories.orders import make_channel

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(scoped):
    first = make_customer(scoped, "Ada Chen", email="ada@example.com", city="Shanghai")
    second = make_customer(scoped, "A. Chen", email="chen@example.org", city="Suzhou")
    return first, second


@pytest.fixture
def conflict(scoped, pair):
    """An order with the first one's member id and the second one's address."""
    channel = make_channel(scoped)
    make_identity(pair[0], kind="member", value="M-1", scope=f"channel:{channel.pk}")
    contact = Contact(member_id="M-1", channel_id=channel.pk, email="chen@example.org")
    resolve(merchant=scoped, contact=contact, source="shop")
    return IdentityConflict.objects.get()


def test_the_page_shows_both_sides_and_what_moves(member_client, scoped, pair):
    new_order(scoped, pair[1])

    page = member_client("manager").get(reverse("customer_merge", args=[pair[0].pk, pair[1].pk]))

    words = page.content.decode()
    assert "Suzhou" in words
    assert 'name="keep_city"' in words
    assert page.context["preview"].moves
    assert MergeRecord.objects.count() == 0, "looking merges nobody"


def test_the_outcome_follows_the_choices(member_client, scoped, pair):
    make_consent(pair[1])
    client, url = member_client("manager"), reverse("customer_merge", args=[pair[0].pk, pair[1].pk])

    kept = client.get(url, {"keep_email": "absorbed"}, headers={"HX-Request": "true"})
    lost = client.get(url, {"keep_email": "survivor"}, headers={"HX-Request": "true"})

    assert kept.context["preview"].consents[0].result is True
    assert lost.context["preview"].consents[0].result is False


def test_merging_by_the_page(member_client, pair):
    client = member_client("manager")

    answer = client.post(
        reverse("customer_merge", args=[pair[0].pk, pair[1].pk]), {"keep_city": "absorbed"}, follow=True
    )

    assert answer.redirect_chain[-1][0] == reverse("customer_record", args=[pair[0].pk])
    record = MergeRecord.objects.get()
    assert record.merged_by == client.membership
    assert Customer.objects.get(pk=pair[0].pk).city == "Suzhou"


def test_an_old_address_leads_to_the_survivor(member_client, pair):
    customers_merge(survivor=pair[0], absorbed=pair[1])
    client = member_client("agent")

    page = client.get(reverse("customer_record", args=[pair[1].pk]))
    card = client.get(reverse("customer_notes", args=[pair[1].pk]), headers={"HX-Request": "true"})

    assert page.status_code == 302
    assert page["Location"] == reverse("customer_record", args=[pair[0].pk])
    assert card.status_code == 410


@pytest.mark.parametrize("role", ["agent", "marketer", "analyst", "viewer"])
def test_others_may_not_merge(member_client, pair, role):
    client, url = member_client(role), reverse("customer_merge", args=[pair[0].pk, pair[1].pk])

    assert client.post(url).status_code == 403
    assert MergeRecord.objects.count() == 0


def test_a_manager_who_sees_only_their_own_merges_only_them(member_client, pair):
    client = member_client("manager", visibility="own")
    Customer.objects.filter(pk=pair[0].pk).update(owner=client.membership)

    answer = client.post(reverse("customer_merge", args=[pair[0].pk, pair[1].pk]))

    assert answer.status_code == 404
    assert MergeRecord.objects.count() == 0


def test_undo_tells_first_and_then_does(member_client, scoped, pair):
    record = customers_merge(survivor=pair[0], absorbed=pair[1])
    new_order(scoped, email="chen@example.org")
    client, url = member_client("manager"), reverse("merge_undo", args=[record.pk])

    told = client.get(url, headers={"HX-Request": "true"})
    assert ("Orders", 1) in [(one.label, one.count) for one in told.context["preview"].since]
    record.refresh_from_db()
    assert record.is_active, "telling undoes nothing"

    client.post(url)
    record.refresh_from_db()
    assert not record.is_active
    assert record.undone_by == client.membership


def test_the_card_lists_merges(member_client, pair):
    customers_merge(survivor=pair[0], absorbed=pair[1])

    card = member_client("manager").get(reverse("customer_merges", args=[pair[0].pk]))

    assert "A. Chen" in card.content.decode()


def test_the_search_finds_the_other_one(member_client, pair):
    from customers.searching import search_rebuild_all

    search_rebuild_all()
    page = member_client("manager").get(reverse("customer_merge_find", args=[pair[0].pk]), {"q": "chen"})

    assert [one.pk for one in page.context["found"]] == [pair[1].pk]


class TestConflicts:
    def test_a_pair_is_asked_about_once(self, scoped, pair, conflict):
        contact = Contact(member_id="M-1", channel_id=make_channel(scoped).pk, email="chen@example.org")

        resolve(merchant=scoped, contact=contact, source="shop")

        conflict.refresh_from_db()
        assert conflict.times == 2
        assert conflict.kinds == ["email", "member"]
        assert IdentityConflict.objects.count() == 1

    def test_the_queue_and_the_count_in_the_navigation(self, member_client, conflict):
        page = member_client("manager").get(reverse("conflict_list"))

        assert [one.conflict.pk for one in page.context["asked"]] == [conflict.pk]
        assert "Ada Chen" in page.content.decode()

    def test_kept_apart_is_remembered(self, member_client, scoped, pair, conflict):
        member_client("manager").post(reverse("conflict_apart", args=[conflict.pk]))
        contact = Contact(member_id="M-1", channel_id=make_channel(scoped).pk, email="chen@example.org")
        resolve(merchant=scoped, contact=contact, source="shop")

        conflict.refresh_from_db()
        assert conflict.state == "apart"
        assert member_client("manager").get(reverse("conflict_list")).context["asked"] == []

    def test_merging_answers_it_and_undoing_keeps_them_apart(self, pair, conflict):
        from customers.merging.services import merge_undo

        record = customers_merge(survivor=pair[0], absorbed=pair[1])
        conflict.refresh_from_db()
        assert (conflict.state, conflict.record_id) == ("merged", record.pk)

        merge_undo(record=record)
        conflict.refresh_from_db()
        assert conflict.state == "apart"

    def test_it_follows_who_they_are_now(self, member_client, scoped, pair, conflict):
        third = make_customer(scoped, "Third")
        customers_merge(survivor=third, absorbed=pair[1])

        page = member_client("manager").get(reverse("conflict_list"))

        assert {page.context["asked"][0].first.pk, page.context["asked"][0].second.pk} == {
            pair[0].pk,
            third.pk,
        }


def test_the_open_conflicts_are_looked_up_one_by_one(scoped, owner):
    """Not by reading every customer of the shop first, as two sub-selects joined by OR would."""
    from customers.merging.selectors import conflicts_open

    plan = conflicts_open(owner).explain()

    assert "hashed SubPlan" not in plan


def test_taken_apart_the_other_one_is_their_owners_alone_again(member_client, scoped, pair):
    client = member_client("manager", visibility="own")
    Customer.objects.filter(pk=pair[0].pk).update(owner=client.membership)
    record = customers_merge(survivor=pair[0], absorbed=pair[1], choices={})
    addresses = [reverse("customer_merges", args=[pair[0].pk]), reverse("merge_undo", args=[record.pk])]
    merged = [client.get(address).content.decode() for address in addresses]
    merge_undo(record=record)

    assert [str(pair[1]) in page for page in merged] == [True, True]
    card, panel = (client.get(address) for address in addresses)
    assert (str(pair[1]) in card.content.decode(), panel.status_code) == (False, 404)
    everybodys = member_client("manager").get(addresses[0])
    assert str(pair[1]) in everybodys.content.decode()
