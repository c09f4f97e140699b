"""Invitations: everybody alike, nobody who said no, nobody who waits for help."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.integrations.models.outbox import OutboundMail
from customers.care import holds_on
from customers.consent import consent_now, consent_record, suppress
from customers.models import Customer
from marketing.campaigns.services import campaign_start
from marketing.models import SendingPolicy
from marketing.sending.runner import Runner
from orders.models import Order, Product
from reviews import services
from reviews.inviting import GIVE_UP_DAYS, invite, sweep
from reviews.models import ReviewRequest
from tests.factories.customers import make_consent
from tests.factories.marketing_mail import make_campaign
from tests.factories.orders import make_order
from tests.support.smtp import SmtpSink

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


def test_nobody_beyond_the_shops_own_cap(
    scoped: Merchant, request_due: ReviewRequest, buyer: Customer, smtp_sink: SmtpSink
) -> None:
    make_consent(buyer)
    policy = SendingPolicy.objects.create(merchant=scoped, cap_count=1, cap_days=7)
    campaign = make_campaign(scoped)
    campaign_start(campaign=campaign)
    campaign.refresh_from_db()
    Runner(merchant=scoped, campaign=campaign, connections=1).run()
    assert len(smtp_sink.mails) == 1
    assert invite(request_due.pk) == "held"
    request_due.refresh_from_db()
    assert request_due.reason == "frequency_cap" and request_due.due_at > timezone.now()
    policy.cap_count = 2
    policy.save()
    assert invite(request_due.pk) == "sent"


def test_nobody_in_the_quiet_hours_where_they_live(
    scoped: Merchant, request_due: ReviewRequest, buyer: Customer
) -> None:
    now = timezone.now()
    start, end = (now - timedelta(hours=1)).time(), (now + timedelta(hours=1)).time()
    SendingPolicy.objects.create(merchant=scoped, quiet_from=start, quiet_until=end)
    Customer.objects.filter(pk=buyer.pk).update(time_zone="UTC")
    # Even an order that is too old to wait for anything else waits for the morning.
    Order.objects.update(placed_at=now - timedelta(days=GIVE_UP_DAYS + 1))
    assert invite(request_due.pk) == "held"
    request_due.refresh_from_db()
    assert (request_due.reason, request_due.due_at.time()) == ("quiet_hours", end)
    Customer.objects.filter(pk=buyer.pk).update(time_zone="Asia/Tokyo")
    assert invite(request_due.pk) == "sent"


def test_the_mail_programs_button_ends_invitations_and_nothing_else(
    scoped: Merchant, request_due: ReviewRequest, buyer: Customer
) -> None:
    make_consent(buyer)
    invite(request_due.pk)
    headers = OutboundMail.objects.get().headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    way_out = headers["List-Unsubscribe"].strip("<>")
    answer = Client(enforce_csrf_checks=True).post(way_out, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert consent_now(customer=buyer, channel="email", purpose="reviews") is False
    assert consent_now(customer=buyer, channel="email", purpose="marketing") is True


def test_a_bad_rating_elsewhere_changes_nothing(
    scoped: Merchant, request_due: ReviewRequest, product: Product, buyer: Customer
) -> None:
    services.review_submit(merchant=scoped, product=product, customer=buyer, rating=1)
    assert [hold.code for hold in holds_on(buyer.pk)] == ["bad_review"]  # holds promotions alone
    assert invite(request_due.pk) == "sent"


def test_who_has_reviewed_is_not_asked(
    scoped: Merchant, request_due: ReviewRequest, delivered: Order
) -> None:
    line = delivered.lines.get()
    services.review_submit(
        merchant=scoped, product=line.product, order_line=line, customer=delivered.customer, rating=4
    )
    assert invite(request_due.pk) == "skipped"
