"""What leaves as a file comes back as it was, in another shop, with its columns guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from crm.accounts.models import Membership, Merchant
from crm.exports.files import full_path
from crm.exports.models import Export
from crm.lib.tenancy import merchant_scope
from customers.companies.contacts import contact_add
from customers.companies.services import company_archive
from customers.consent import consent_record
from customers.models import Company, CompanyContact, Consent
from tests.customers.import_steps import mapped, refusals, run
from tests.exports.steps import ask, write
from tests.factories.accounts import make_member, make_merchant
from tests.factories.customers import make_company, make_customer
from tests.factories.fields import make_field


@pytest.fixture
def member(merchant: Merchant) -> Membership:
    return make_member(merchant, "owner")


@pytest.fixture
def other(merchant: Merchant) -> Merchant:
    """A shop that holds nothing yet."""
    return make_merchant("other", base_currency=merchant.base_currency, country=merchant.country)


def exported(member: Membership, kind: str, **fields: Any) -> Export:
    export = write(ask(member, kind=kind, **fields))
    assert export.state == Export.State.READY, export.error
    return export


def taken_in(merchant: Merchant, export: Export, kind: str, **options: str) -> None:
    with merchant_scope(merchant):
        batch = run(mapped(merchant, full_path(export.file_path), kind=kind, **options))
        assert refusals(batch) == []


@pytest.mark.parametrize("format", ["csv", "xlsx", "parquet"])
def test_companies_and_their_contacts(
    merchant: Merchant, other: Merchant, member: Membership, format: str
) -> None:
    with merchant_scope(merchant):
        make_field(merchant, "Segment", applies_to="company")
        top = make_company(merchant, "=青禾集团", external_id="007")
        facts = {"credit_limit": Decimal("50000.50"), "currency": "EUR", "payment_days": 30, "city": "杭州"}
        more = {"phone": "+8657188888888", "tags": ["a", "b"], "kind": "distributor", "country": "CN"}
        shop = make_company(merchant, "青禾杭州", parent=top, attributes={"segment": "tea"}, **facts, **more)
        company_archive(company=make_company(merchant, "In the archive"))
        mei = make_customer(merchant, "李梅", email="mei@qinghe.cn", phone="+8613800138000")
        contact_add(company=shop, customer=mei, roles=["buyer", "payable"], title="采购经理", is_primary=True)
    with merchant_scope(other):
        make_field(other, "Segment", applies_to="company")
    companies = exported(member, "companies", format=format)
    contacts = exported(member, "company_contacts", format=format)

    taken_in(other, companies, "companies")
    taken_in(other, contacts, "companies")

    with merchant_scope(other):
        shop = Company.objects.get(name="青禾杭州")
        assert {name: getattr(shop, name) for name in facts | more} == facts | more
        assert (shop.parent.name, shop.parent.external_id) == ("=青禾集团", "007")
        assert shop.attributes == {"segment": "tea"}
        link = CompanyContact.objects.get(company=shop)
        assert (link.roles, link.title, link.is_primary) == (["buyer", "payable"], "采购经理", True)
        assert (link.customer.email, link.customer.phone) == ("mei@qinghe.cn", "+8613800138000")
        assert Company.objects.count() == 2


FACTS = ("channel", "purpose", "granted", "wording_version")


@pytest.mark.parametrize("kind, entries", [("consents", 2), ("consent_ledger", 4)])
def test_consents_that_hold_and_the_whole_ledger(
    merchant: Merchant, other: Merchant, member: Membership, kind: str, entries: int
) -> None:
    """By a clock that was put back: 00:30 UTC and 01:30 UTC are one wall time in London."""
    merchant.time_zone = "Europe/London"
    merchant.save()
    moment = datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    with merchant_scope(merchant):
        mei = make_customer(merchant, "李梅", email="mei@qinghe.cn", phone="+8613800138000")
        for hours, granted in enumerate([True, False, True]):
            told = {"wording_version": f"v{hours}", "proof": {"ip": "203.0.113.7"}, "source": "form"}
            consent_record(merchant=merchant, customer=mei, channel="email", granted=granted, **told)
            newest = Consent.objects.order_by("-pk")[:1].values("pk")
            Consent.objects.filter(pk__in=list(newest.values_list("pk", flat=True))).update(
                recorded_at=moment + timedelta(hours=hours)
            )
        consent_record(merchant=merchant, customer=mei, channel="sms", granted=False, source="portal")
        held = list(Consent.objects.order_by("recorded_at").values_list(*FACTS))
    with merchant_scope(other):
        there = make_customer(other, "Mei", email="mei@qinghe.cn")
    export = exported(member, kind)
    assert export.rows == entries

    with merchant_scope(other):
        options = {"legal_basis": "consent", "without": "number"}
        batch = run(mapped(other, full_path(export.file_path), kind="consents", **options))
        assert refusals(batch) == []
        rows = Consent.objects.filter(customer=there).order_by("recorded_at")
        assert list(rows.values_list(*FACTS)) == (held if kind == "consent_ledger" else held[-2:])
        assert (
            rows[0].proof["source"] in ("form", "portal") and rows.first().proof["legal_basis"] == "consent"
        )
        first = rows.filter(channel="email").last()
        assert (first.recorded_at, first.proof["ip"]) == (moment + timedelta(hours=2), "203.0.113.7")
