"""The preference centre by the link of a mail: no sign-in, one person, one address; a GET changes nothing."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from crm.lib.tenancy import merchant_scope
from customers.consent import consent_now
from customers.merging.services import customers_merge
from customers.models import Consent, Customer, Identity
from customers.preferences.links import preferences_url
from customers.privacy.erasing import customer_erase
from customers.wordings.services import wording_write
from tests.factories.customers import make_consent, make_customer


@pytest.fixture
def path(merchant, mei) -> str:
    make_consent(mei)
    make_consent(mei, "sms")
    return re.sub(r"^https?://[^/]+", "", preferences_url(mei.pk, merchant, mei.email))


def allowed(merchant, mei, channel="email"):
    with merchant_scope(merchant):
        return consent_now(customer=mei, channel=channel)


def test_looking_changes_nothing_and_tells_nothing(path, merchant, mei):
    page = Client().get(path)
    assert page.status_code == 200
    text = page.content.decode()
    assert "mei@example.com" not in text and "m••@example.com" in text and "13800138000" not in text
    assert allowed(merchant, mei) is True


def test_each_way_off_and_on_again_and_all_at_once(path, merchant, mei):
    stranger = Client(REMOTE_ADDR="198.51.100.7")
    for granted in ("no", "yes"):
        stranger.post(path, {"channel": "email", "purpose": "marketing", "granted": granted})
        assert allowed(merchant, mei) is (granted == "yes")
    stranger.post(path, {"action": "none"})
    assert (allowed(merchant, mei), allowed(merchant, mei, "sms")) == (False, False)
    with merchant_scope(merchant):
        newest = Consent.objects.order_by("-id").first()
    assert (newest.source, newest.proof["ip"]) == ("mail_link", "198.51.100.7")


def test_the_language_too(path, merchant, mei):
    assert Client().post(path, {"action": "language", "language": "zh-hans"}).status_code == 302
    assert Client().post(path, {"action": "language", "language": "tlh"}).status_code == 422
    with merchant_scope(merchant):
        assert Customer.objects.get(pk=mei.pk).language == "zh-hans"


@pytest.mark.parametrize("case", ["changed", "of the rival's shop", "address gone", "erased"])
def test_a_link_that_opens_nothing(path, merchant, rival, mei, case):
    if case == "changed":
        path = path[:-3] + ("AA/" if path[-3:] != "AA/" else "BB/")
    elif case == "of the rival's shop":
        path = path.replace(f"/{merchant.slug}/", f"/{rival.slug}/")
    with merchant_scope(merchant):
        if case == "address gone":
            Customer.objects.filter(pk=mei.pk).update(email="new@example.com")
            Identity.objects.filter(customer=mei, kind="email").delete()
        elif case == "erased":
            customer_erase(customer=mei, reason="asked", by="")
        before = Consent.objects.count()
    for answer in (Client().get(path), Client().post(path, {"action": "none"})):
        assert answer.status_code == 404
    with merchant_scope(merchant):
        assert Consent.objects.count() == before


def test_after_a_merge_it_speaks_for_who_they_are_now(path, merchant, mei):
    with merchant_scope(merchant):
        other = make_customer(merchant, "Mei Li", email="other@example.com")
        make_consent(other)
        customers_merge(survivor=other, absorbed=mei)
    Client().post(path, {"action": "none"})
    assert allowed(merchant, other) is False


def test_a_text_that_changed_meanwhile_is_read_again_first(path, merchant, mei, buyer, portal):
    page = buyer.get(portal("preferences/")).content.decode()
    shown = re.search(r'value="reviews".*?name="wording" value="(\w{64})"', page, re.DOTALL)[1]
    with merchant_scope(merchant):
        wording_write(merchant=merchant, channel="email", purpose="reviews", language="en", text="New words")
    said = {"channel": "email", "purpose": "reviews", "granted": "yes", "wording": shown}
    again = buyer.post(portal("preferences/consent/"), said, follow=True).content.decode()
    assert "New words" in again
    with merchant_scope(merchant):
        assert consent_now(customer=mei, channel="email", purpose="reviews") is None
