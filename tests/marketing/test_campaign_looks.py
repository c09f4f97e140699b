"""Seeing a mail before and after: as somebody, in the dark, as text, with its clicks; what counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from marketing.campaigns import services
from marketing.campaigns.attribution import attribute
from marketing.campaigns.checklist import checklist
from marketing.campaigns.spam_words import shouts, spam_words
from marketing.models import Campaign, Delivery, Engagement, Link
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.factories.orders import make_order

BODY = '<html><body><p>Hello {{ customer.first_name }}</p><a href="https://shop.example/tea">Tea</a></body></html>'


@pytest.fixture
def campaign(merchant: Merchant) -> Campaign:
    with merchant_scope(merchant):
        return make_campaign(merchant, subject="Tea for {{ customer.first_name }}", body=BODY)


def test_the_frame_says_for_whom_and_with_which_subject(
    campaign: Campaign, merchant: Merchant, member_client: Callable[..., Client]
) -> None:
    client = member_client("marketer")
    with merchant_scope(merchant):
        person = make_subscriber(merchant, "Xiaomei Wang")
    path = f"/campaigns/{campaign.pk}/preview/"
    found = client.get(path, {"customer": str(person.pk)}).content.decode()
    assert "Tea for Xiaomei" in found and "as Xiaomei Wang gets it" in found
    lost = client.get(path, {"customer": "nobody<b>"}).content.decode()
    assert "nobody is found by “nobody&lt;b&gt;”" in lost and "Hello Mei" in lost
    text = client.get(path, {"part": "text"}).content.decode()
    assert "https://shop.example/tea" in text and "<a href" not in text
    dark = client.get(path, {"part": "dark"}).content.decode()
    assert "invert(" in dark and "Hello Mei" in dark


def test_a_mail_with_dark_colours_of_its_own_is_not_turned(
    merchant: Merchant, member_client: Callable[..., Client]
) -> None:
    style = "<style>@media (prefers-color-scheme: dark){p{color:#eee}}</style>"
    own = f"<html><head>{style}</head><body><p>Hi</p></body></html>"
    with merchant_scope(merchant):
        campaign = make_campaign(merchant, body=own)
    page = member_client("marketer").get(f"/campaigns/{campaign.pk}/preview/?part=dark").content.decode()
    assert "(min-width: 0)" in page and "invert(" not in page


def test_each_link_says_how_many_clicked_it(
    campaign: Campaign, merchant: Merchant, member_client: Callable[..., Client]
) -> None:
    client = member_client("marketer")
    with merchant_scope(merchant):
        make_subscriber(merchant, "Mei")
        services.campaign_start(campaign=campaign)
        link = Link.objects.create(
            merchant=merchant, campaign=campaign, number=0, target="https://shop.example/tea"
        )
        row = Delivery.objects.get()
        for _ in range(2):
            Engagement.objects.create(
                merchant=merchant, delivery=row, link=link, kind="click", device="phone"
            )
        Engagement.objects.create(merchant=merchant, delivery=row, link=link, kind="click", waits=True)
    page = client.get(f"/campaigns/{campaign.pk}/preview/?links=1").content.decode()
    assert "guanxi-link-0']::after{content:'1 · 100" in page
    assert 'href="#guanxi-link-0"' in page
    record = client.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "Phone" in record and 'data-look="links"' in record


def test_the_report_is_looked_at_under_another_rule(
    campaign: Campaign, merchant: Merchant, member_client: Callable[..., Client]
) -> None:
    client = member_client("marketer")
    now = timezone.now()
    with merchant_scope(merchant):
        person = make_subscriber(merchant, "Mei")
        services.campaign_start(campaign=campaign)
        ago = now - dt.timedelta(days=10)
        Delivery.objects.update(state="sent", sent_at=ago, opened_at=ago, clicked_at=ago)
        attribute(make_order(merchant, person, lines=[("Tea", 1, "4321")], placed_at=now))
    path = f"/campaigns/{campaign.pk}/figures/"
    assert "4,321" not in client.get(path).content.decode()
    page = client.get(path, {"days": "14"}).content.decode()
    assert "4,321" in page and "differs from the shop" in page
    assert client.get(path, {"days": "1e9", "model": "x", "opens": "maybe"}).status_code == 200


def test_words_that_filters_know() -> None:
    assert spam_words("FREE gift, act now", "免费领取大奖") == ["free gift", "act now", "免费领取", "大奖"]
    assert spam_words("Spring tea is here") == []
    assert shouts("SPRING SALE TODAY") and shouts("Tea!!") and shouts("好茶！！")
    assert not shouts("Spring tea, 清明前采摘!")


def test_the_check_list_warns_of_junk(scoped: Merchant) -> None:
    loud = make_campaign(
        scoped, subject="ACT NOW AND WIN", body=BODY.replace("Hello", "Free gift, guaranteed")
    )
    said = {str(point.title): point.text for point in checklist(campaign=loud, merchant=scoped, people=1)}
    assert "act now, free gift, guaranteed" in str(said["Words"])
    calm = make_campaign(scoped, subject="Spring tea", body=BODY)
    assert "Words" not in {str(point.title) for point in checklist(campaign=calm, merchant=scoped, people=1)}
