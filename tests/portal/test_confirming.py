"""Double opt-in: a yes is none until the owner of the address presses the button of the mail."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from crm.integrations.models import OutboundMail
from crm.lib.tenancy import merchant_scope
from customers.confirming.services import MOST_A_DAY
from customers.consent import consent_now, consent_record
from customers.merging.services import customers_merge
from customers.models import Consent, ConsentRequest
from customers.models.wording import digest_of
from customers.wordings.services import consent_settings_save
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key
from tests.factories.customers import make_customer

YES = {"channel": "email", "purpose": "marketing", "granted": "yes"}


@pytest.fixture
def asked(buyer, portal, merchant, mei) -> str:
    """Mei said yes in the portal; the path of the mail's link."""
    with merchant_scope(merchant):
        consent_settings_save(merchant=merchant, double_opt_in=True)
    buyer.post(portal("preferences/consent/"), YES)
    return link(merchant)


def link(merchant) -> str:
    with merchant_scope(merchant):
        mail = OutboundMail.objects.filter(purpose="consent_confirm").order_by("-id").first()
        found = re.search(r"https?://[^/\s]+(/portal/\S+/confirm/\S+/)", mail.text)
    return found[1]


def state(merchant, mei):
    with merchant_scope(merchant):
        return consent_now(customer=mei, channel="email")


def test_nothing_is_allowed_before_the_button(asked, buyer, portal, merchant, mei, member_client):
    assert state(merchant, mei) is None
    with merchant_scope(merchant):
        assert not Consent.objects.exists()
    assert "Nothing is sent yet" in buyer.get(portal("preferences/")).content.decode()
    owner = member_client("owner")
    assert "not confirmed" in owner.get(f"/customers/{mei.pk}/facts/").content.decode()
    assert "Mei" in owner.get("/customers/?consent=waiting").content.decode()
    assert "Mei" not in owner.get("/customers/?consent=granted").content.decode()


def test_a_scanner_changes_nothing_and_a_press_confirms_once(asked, merchant, mei):
    scanner = Client(headers={"user-agent": "Scanner"})
    for method in (scanner.get, scanner.head):
        assert method(asked).status_code == 200
    assert state(merchant, mei) is None

    owner = Client(REMOTE_ADDR="198.51.100.7", headers={"user-agent": "Mail 1"})
    for _twice in range(2):
        assert owner.post(asked).status_code == 200
    assert state(merchant, mei) is True
    with merchant_scope(merchant):
        entry = Consent.objects.select_related("wording").get()
    assert entry.source == "portal" and entry.wording is not None
    proof = entry.proof
    assert proof["double_opt_in"] is True and proof["text_sha256"] == entry.wording.digest
    assert proof["asked"]["ip"] == "127.0.0.1" and proof["confirmed"]["ip"] == "198.51.100.7"
    assert proof["asked"]["at"] < proof["confirmed"]["at"]


def test_asking_again_within_ten_minutes_sends_one_mail(asked, buyer, portal, merchant):
    def mails() -> int:
        with merchant_scope(merchant):
            return OutboundMail.objects.filter(purpose="consent_confirm").count()

    buyer.post(portal("preferences/consent/"), YES)
    assert mails() == 1
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        buyer.post(portal("preferences/consent/"), YES)
        assert mails() == 2
        assert Client().post(asked).status_code == 410, "the newer mail's link took its place"
        assert Client().post(link(merchant)).status_code == 200


def test_yes_and_no_in_turns_fill_no_mailbox(asked, buyer, portal, merchant):
    no = YES | {"granted": "no"}
    answers = []
    for _turn in range(7):
        buyer.post(portal("preferences/consent/"), no)
        answers.append(buyer.post(portal("preferences/consent/"), YES).status_code)
    assert answers[-1] == 429
    with merchant_scope(merchant):
        assert OutboundMail.objects.filter(purpose="consent_confirm").count() == MOST_A_DAY
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        assert buyer.post(portal("preferences/consent/"), YES).status_code != 429


@pytest.mark.parametrize("case", ["seven days later", "changed", "of the rival's portal", "address moved"])
def test_a_link_that_confirms_nothing(asked, merchant, rival, mei, case):
    path, later = asked, timedelta()
    if case == "seven days later":
        later = timedelta(days=7, minutes=1)
    elif case == "changed":
        path = asked[:-4] + "AAA/"
    elif case == "of the rival's portal":
        path = asked.replace(f"/{merchant.slug}/", f"/{rival.slug}/")
    else:
        with merchant_scope(merchant):
            type(mei).objects.filter(pk=mei.pk).update(email="new@example.com")
    with time_machine.travel(timezone.now() + later):
        for answer in (Client().get(path), Client().post(path)):
            assert answer.status_code in (200, 410)
    assert state(merchant, mei) is None


def test_who_says_no_meanwhile_stays_out(asked, buyer, portal, merchant, mei):
    buyer.post(portal("preferences/none/"))
    assert Client().post(asked).status_code == 410
    assert state(merchant, mei) is False


def test_a_merge_gives_no_address_the_yes_of_another(merchant, asked, mei):
    with merchant_scope(merchant):
        other = make_customer(merchant, "Mei Li", email="other@example.com")
        customers_merge(survivor=other, absorbed=mei)
    assert Client().post(asked).status_code == 410
    with merchant_scope(merchant):
        assert consent_now(customer=other, channel="email") is None


def test_programs_may_have_it_confirmed(merchant, mei):
    client = ApiClient(make_key(merchant)[1])
    said = {"customer": mei.pk, "channel": "email", "granted": True, "source": "shop form"}
    text = {"wording_version": "shop form 3", "wording_text": "I want news"}
    asked = said | text | {"double_opt_in": True, "proof": {"ip": "192.0.2.1"}}
    answer = client.post_json("consents/", asked)
    assert answer.status_code == 202 and answer.json()["confirmed_at"] is None
    assert state(merchant, mei) is None
    assert (
        client.get(f"consent-requests/?customer={mei.pk}").json()["results"][0]["id"] == answer.json()["id"]
    )
    Client().post(link(merchant))
    with merchant_scope(merchant):
        entry = Consent.objects.get()
    assert (entry.source, entry.proof["asked"]["ip"]) == ("shop form", "192.0.2.1")
    assert entry.wording_version == "shop form 3"
    assert entry.proof["asked"]["text_sha256"] == digest_of("I want news")
    withdrawn = client.post_json("consents/", said | {"granted": False, "double_opt_in": True})
    assert withdrawn.status_code == 422


def test_an_answer_by_another_way_ends_the_question(asked, merchant, mei):
    with merchant_scope(merchant):
        consent_record(merchant=merchant, customer=mei, channel="email", granted=True, source="paper")
        assert ConsentRequest.objects.get().cancelled_at is not None
    assert Client().post(asked).status_code == 410
