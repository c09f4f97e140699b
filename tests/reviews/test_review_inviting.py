"""Invitations: everybody alike, nobody who said no, nobody who waits for help."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.integrations.models.outbox import OutboundMail
from customers.consent import consent_now, consent_record, suppress
from customers.models import Customer
from orders.models import Order, Product
from reviews import services
from reviews.inviting import invite, sweep
from reviews.models import ReviewRequest
from tests.factories.orders import make_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_due(scoped: Merchant, delivered: Order, buyer: Customer) -> ReviewRequest:
    consent_record(
        merchant=scoped, customer=buyer, channel="email", purpose="reviews", granted=True, source="checkout"
    )
    return ReviewRequest.objects.create(
        merchant=scoped, order=delivered, customer=buyer, due_at=timezone.now()
    )


def test_a_buyer_is_asked_once_and_leaves_by_the_mails_link(
    scoped: Merchant, request_due: ReviewRequest, buyer: Customer
) -> None:
    assert invite(request_due.pk) == "sent"
    assert invite(request_due.pk) == ""
    mail = OutboundMail.objects.get()
    assert mail.to == "li@example.com"
    assert "/portal/qinghe/" in mail.text
    (link,) = re.findall(r"/portal/qinghe/p/\S+/", mail.text)
    assert Client().post(link, {"channel": "email", "purpose": "reviews", "granted": "no"}).status_code == 302
    assert consent_now(customer=buyer, channel="email", purpose="reviews") is False


def test_the_sweeper_finds_who_is_due(scoped: Merchant, request_due: ReviewRequest) -> None:
    assert sweep() == 1
    assert OutboundMail.objects.count() == 1


def test_nobody_without_consent(scoped: Merchant, request_due: ReviewRequest, buyer: Customer) -> None:
    consent_record(
        merchant=scoped, customer=buyer, channel="email", purpose="reviews", granted=False, source="portal"
    )
    assert invite(request_due.pk) == "skipped"
    request_due.refresh_from_db()
    assert request_due.reason == "no_consent"
    assert not OutboundMail.objects.exists()


def test_nobody_suppressed(scoped: Merchant, request_due: ReviewRequest) -> None:
    suppress(merchant=scoped, channel="email", value="li@example.com", reason="complaint")
    assert invite(request_due.pk) == "skipped"
    assert not OutboundMail.objects.exists()


def test_who_waits_for_a_late_parcel_is_asked_later(
    scoped: Merchant, request_due: ReviewRequest, buyer: Customer, product: Product
) -> None:
    late = timezone.localdate() - timedelta(days=2)
    make_order(scoped, buyer, lines=[(product, 1, "10")], promised_on=late, fulfilment="shipped")
    assert invite(request_due.pk) == "held"
    request_due.refresh_from_db()
    assert request_due.reason == "late_parcel"
    assert request_due.due_at > timezone.now()
    assert not OutboundMail.objects.exists()


def test_a_bad_rating_elsewhere_changes_nothing(
    scoped: Merchant, request_due: ReviewRequest, product: Product, buyer: Customer
) -> None:
    services.review_submit(merchant=scoped, product=product, customer=buyer, rating=1)
    assert invite(request_due.pk) == "sent"


def test_who_has_reviewed_is_not_asked(
    scoped: Merchant, request_due: ReviewRequest, delivered: Order
) -> None:
    line = delivered.lines.get()
    services.review_submit(
        merchant=scoped, product=line.product, order_line=line, customer=delivered.customer, rating=4
    )
    assert invite(request_due.pk) == "skipped"
