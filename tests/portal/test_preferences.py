"""The preference centre by the link of a mail: no sign-in, one person, one address; a GET changes nothing."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from crm.lib.tenancy import merchant_scope
from customers.consent import consent_now
from customers.merging.services import customers_merge
from customers.models import Consent, Customer, Identity
from customers.models.consent import Purpose
from customers.preferences.links import preferences_url, way_out_headers
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


@pytest.fixture
def way_out(merchant, mei) -> str:
    make_consent(mei)
    make_consent(mei, purpose="reviews")
    header = way_out_headers(mei.pk, merchant, mei.email, Purpose.REVIEWS)["List-Unsubscribe"]
    return re.sub(r"^<https?://[^/]+|>$", "", header)


def reviews_allowed(merchant, mei):
    with merchant_scope(merchant):
        return consent_now(customer=mei, channel="email", purpose="reviews")


def test_looking_at_the_way_out_of_a_mail_leads_to_all_choices(way_out, merchant, mei):
    answer = Client().get(way_out)
    assert answer.status_code == 302 and way_out.startswith(answer["Location"])
    assert "m••@example.com" in Client().get(answer["Location"]).content.decode()
    assert reviews_allowed(merchant, mei) is True


@pytest.mark.parametrize("body", [{"List-Unsubscribe": "One-Click"}, {}])
def test_the_mail_programs_button_needs_no_login_and_is_not_sent_on(way_out, merchant, mei, body):
    client = Client(enforce_csrf_checks=True)
    for _ in range(2):
        assert client.post(way_out, body).status_code == 200
    assert (reviews_allowed(merchant, mei), allowed(merchant, mei)) == (False, True)
    with merchant_scope(merchant):
        entry = Consent.objects.get(granted=False)
    assert (entry.source, entry.proof["one_click"]) == ("unsubscribe", bool(body))


@pytest.mark.parametrize("case", ["changed", "of the rival's shop", "no such purpose"])
def test_a_way_out_that_is_none(way_out, merchant, rival, mei, case):
    changed = {
        "changed": way_out.replace("/out/", "AA/out/"),
        "of the rival's shop": way_out.replace(f"/{merchant.slug}/", f"/{rival.slug}/"),
        "no such purpose": way_out.replace("/reviews/", "/everything/"),
    }
    assert changed[case] != way_out
    for answer in (Client().get(changed[case]), Client().post(changed[case])):
        assert answer.status_code == 404
    assert reviews_allowed(merchant, mei) is True


def test_an_old_mail_is_a_way_out_still_but_shows_nothing(way_out, merchant, mei):
    with merchant_scope(merchant):
        Customer.objects.filter(pk=mei.pk).update(email="new@example.com")
        Identity.objects.filter(customer=mei, kind="email").delete()
    assert Client().get(way_out, follow=True).status_code == 404
    assert Client().post(way_out).status_code == 200
    assert reviews_allowed(merchant, mei) is False


def test_the_way_out_keeps_nothing_about_an_erased_person(way_out, merchant, mei):
    with merchant_scope(merchant):
        customer_erase(customer=mei, reason="asked", by="")
        before = Consent.objects.count()
        assert Client().post(way_out).status_code == 200
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
