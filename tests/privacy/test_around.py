"""What colleagues kept around an erased person: gone where it is theirs, nameless where it isn't."""

from __future__ import annotations

import pytest
from django.db import transaction

from crm.accounts.models import Notice
from crm.exports.models import Export
from crm.lib.privacy import ErasureWaits
from crm.lib.tenancy import merchant_scope
from customers.merging.services import customers_merge
from customers.models import (
    Company,
    CompanyContact,
    Customer,
    DuplicatePair,
    IdentityConflict,
    MatchKeys,
    MergeMove,
    Note,
    Task,
)
from customers.privacy.erasing import customer_erase
from tests.factories.accounts import make_member
from tests.factories.customers import make_customer
from tests.privacy.conftest import Known
from tests.privacy.grep import found_anywhere


def erase(known: Known) -> None:
    with merchant_scope(known.merchant):
        customer_erase(customer=known.customer, reason="asked", by="")


def test_the_firm_stays_and_nobody_speaks_for_it(known: Known) -> None:
    erase(known)
    with merchant_scope(known.merchant):
        firm = Company.objects.get(name="Qinghe Trading")
        assert (firm.email, firm.tags) == ("", ["reseller"])
        assert "qinghe" in firm.document and known.word not in firm.document
        assert not CompanyContact.objects.exists()


def test_their_tasks_go_and_a_firm_s_task_loses_their_name(known: Known) -> None:
    erase(known)
    with merchant_scope(known.merchant):
        left = Task.objects.order_by("title").values_list("title", "text", "customer_id")
        assert list(left) == [("Ask … for terms", "…", None), ("Count the tea", "", None)]


def test_notices_of_their_tasks_and_notes_go(known: Known) -> None:
    """Also those of a task whose title names nobody."""
    with merchant_scope(known.merchant):
        kinds = sorted(Notice.objects.values_list("kind", flat=True))
        assert kinds == ["mention", "mention", "task", "task"]
    erase(known)
    with merchant_scope(known.merchant):
        assert not Notice.objects.exists()
        assert Note.objects.get().text == "@Bo Mate … decides"


def test_nobody_is_asked_about_a_twin_any_more(known: Known) -> None:
    erase(known)
    with merchant_scope(known.merchant):
        assert not DuplicatePair.objects.filter(low=known.customer).exists()
        assert not DuplicatePair.objects.filter(high=known.customer).exists()
        assert not IdentityConflict.objects.exists()
        assert not MatchKeys.objects.filter(customer=known.customer).exists()
        assert Customer.objects.present().filter(name="Somebody Else").exists()


# --- exports --------------------


def test_every_exported_file_goes_and_reasons_lose_the_name(known: Known, settings) -> None:
    erase(known)
    with merchant_scope(known.merchant):
        told = Export.objects.order_by("pk").values_list("state", "file_path", "query", "reason")
        assert list(told) == [("expired", "", "", "…"), ("expired", "", "", "Everybody's cards")]
    assert [path for path in (settings.MEDIA_ROOT / "exports").rglob("*") if path.is_file()] == []


@pytest.mark.django_db
def test_an_export_being_written_is_waited_for(merchant) -> None:
    person, member = make_customer(merchant), make_member(merchant)
    with merchant_scope(merchant):
        export = Export.objects.create(
            merchant=merchant, kind="customers", reason="Cards", requested_by=member, state="running"
        )
        with pytest.raises(ErasureWaits):
            customer_erase(customer=person, reason="asked", by="")
        person.refresh_from_db()
        assert person.erased_at is None
        Export.objects.filter(pk=export.pk).update(state="queued")
        customer_erase(customer=person, reason="asked", by="")
        export.refresh_from_db()
        assert export.state == "queued"


@pytest.mark.django_db(transaction=True)
def test_a_file_begun_while_the_person_was_still_there_goes_too(merchant) -> None:
    person, member = make_customer(merchant), make_member(merchant)
    with merchant_scope(merchant), transaction.atomic():
        customer_erase(customer=person, reason="asked", by="")
        late = Export.objects.create(
            merchant=merchant, kind="customers", reason="Cards", requested_by=member, state="running"
        )
    with merchant_scope(merchant):
        late.refresh_from_db()
        assert late.state == "expired"


# --- merges --------------------


@pytest.mark.django_db(transaction=True)
def test_who_was_merged_before_is_erased_as_one(merchant, places) -> None:
    stays = make_customer(merchant, "Mei Zqlongname", email="zqmerged1@example.com")
    other = make_customer(merchant, "Mei Zqothername", email="zqmerged2@example.com")
    member = make_member(merchant)
    with merchant_scope(merchant):
        customers_merge(survivor=stays, absorbed=other, by=member)
        assert MergeMove.objects.exists()
        customer_erase(customer=Customer.objects.get(pk=stays.pk), reason="asked", by="")
        assert not MergeMove.objects.exists()
    for word in ("zqlongname", "zqothername", "zqmerged1", "zqmerged2"):
        assert found_anywhere(word) == {}
