"""The pages: staff, public, portal's forms; who may, who may not, and what the public never sees."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from orders.models import Order, Product
from reviews import services
from reviews.models import Review

pytestmark = pytest.mark.django_db


@pytest.fixture
def review(merchant: Merchant, delivered: Order) -> Review:
    with merchant_scope(merchant):
        line = delivered.lines.get()
        return services.review_submit(
            merchant=merchant,
            product=line.product,
            order_line=line,
            customer=delivered.customer,
            rating=1,
            title="</script><script>alert(1)</script>",
            body="<b>bad</b>",
        )


def state_of(review: Review) -> str:
    with merchant_scope(review.merchant_id):
        return str(Review.objects.get(pk=review.pk).state)


def test_the_list_shows_what_waits(member_client: Callable[..., Client], review: Review) -> None:
    page = member_client("agent").get(reverse("review_list")).content.decode()
    assert "李*" in page
    assert "<script>alert(1)" not in page


@pytest.mark.parametrize(
    ("role", "allowed"), [("agent", True), ("manager", True), ("viewer", False), ("marketer", False)]
)
def test_who_may_publish(
    member_client: Callable[..., Client], review: Review, role: str, allowed: bool
) -> None:
    response = member_client(role).post(reverse("review_publish", args=[review.pk]))
    assert response.status_code == (302 if allowed else 403)
    assert state_of(review) == ("published" if allowed else "pending")


def test_the_rival_finds_nothing(rival_client: Client, review: Review) -> None:
    for name in ("review_detail", "review_publish", "review_withhold", "review_reply"):
        call = rival_client.get if name == "review_detail" else rival_client.post
        assert call(reverse(name, args=[review.pk])).status_code == 404
    assert state_of(review) == "pending"


def test_withholding_needs_a_reason(member_client: Callable[..., Client], review: Review) -> None:
    client = member_client("agent")
    assert client.post(reverse("review_withhold", args=[review.pk]), {"reason": ""}).status_code == 422
    assert state_of(review) == "pending"
    assert client.post(reverse("review_withhold", args=[review.pk]), {"reason": "insult"}).status_code == 302
    assert state_of(review) == "withheld"


def test_the_public_sees_only_what_is_published(
    client: Client, merchant: Merchant, product: Product, review: Review
) -> None:
    url = reverse("public_product_reviews", args=[merchant.slug, product.pk])
    assert "<b>bad</b>" not in client.get(url).content.decode()
    assert "&lt;b&gt;bad" not in client.get(url).content.decode()
    with merchant_scope(merchant):
        services.review_publish(review=review)
    page = client.get(url).content.decode()
    assert "&lt;b&gt;bad" in page
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.S)
    assert block is not None
    markup = json.loads(block[1])
    assert markup["aggregateRating"] == {"@type": "AggregateRating", "ratingValue": "1.00", "reviewCount": 1}
    assert markup["review"][0]["author"]["name"] == "李*"


def test_json_for_the_shop(client: Client, merchant: Merchant, product: Product, review: Review) -> None:
    with merchant_scope(merchant):
        services.review_publish(review=review)
        services.review_reply(review=review, body="Sorry!")
    response = client.get(reverse("public_product_reviews_json", args=[merchant.slug, product.pk]))
    assert response["Access-Control-Allow-Origin"] == "*"
    found = response.json()
    assert found["rating"]["stars"]["1"] == 1
    assert found["reviews"][0]["verified_purchase"] is True
    assert found["reviews"][0]["reply"]["body"] == "Sorry!"
    assert "李晓梅" not in response.content.decode()
    assert "li@example.com" not in response.content.decode()


def test_another_shops_product_is_unknown(client: Client, rival: Merchant, product: Product) -> None:
    assert client.get(reverse("public_product_reviews", args=[rival.slug, product.pk])).status_code == 404


def test_the_report_says_what_happened_by_star(client: Client, merchant: Merchant, review: Review) -> None:
    with merchant_scope(merchant):
        services.review_withhold(review=review, reason="spam")
    page = client.get(reverse("public_integrity", args=[merchant.slug])).content.decode()
    assert "100.0\u202f%" in page
    assert "Advertising or spam" in page


def test_the_staff_report_verifies_the_ledger(member_client: Callable[..., Client], review: Review) -> None:
    page = member_client("viewer").get(reverse("review_integrity")).content.decode()
    assert "The ledger verifies" in page
