"""What people read is kept to the letter: versions stay, answers name the one they were given to."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from crm.events.models import Event
from crm.lib.errors import Rejected
from crm.lib.tenancy import merchant_scope
from customers.consent import consent_now, consent_record
from customers.models import Consent, ConsentWording
from customers.wordings.selectors import wording_now
from customers.wordings.services import wording_kept, wording_write
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key
from tests.factories.customers import make_customer

EMAIL = {"channel": "email", "purpose": "marketing"}


def write(merchant, text, **more):
    return wording_write(merchant=merchant, **EMAIL, language="en", text=text, **more)


@pytest.mark.usefixtures("scoped")
def test_a_new_version_takes_over_and_the_old_answers_keep_theirs(merchant):
    customer = make_customer(merchant)
    house = wording_kept(wording_now(merchant, "email", "marketing", "en"))
    consent_record(merchant=merchant, customer=customer, **EMAIL, granted=True, source="form", wording=house)
    ours = write(merchant, "Ja, schreibt mir.\r\n")

    assert wording_now(merchant, "email", "marketing", "en").pk == ours.pk
    assert (ours.label, ours.text) == ("en-2", "Ja, schreibt mir.")
    assert ours.digest == hashlib.sha256(b"Ja, schreibt mir.").hexdigest()
    entry = Consent.objects.select_related("wording").get()
    assert (entry.wording.pk, entry.wording_version) == (house.pk, "en-1")
    assert entry.proof["text_sha256"] == house.digest


@pytest.mark.usefixtures("scoped")
def test_agreeing_to_the_new_text_is_a_new_entry_but_no_second_welcome(merchant):
    customer = make_customer(merchant)
    for text in ("one", "two"):
        consent_record(
            merchant=merchant,
            customer=customer,
            **EMAIL,
            granted=True,
            source="form",
            wording=write(merchant, text),
        )
    assert Consent.objects.count() == 2
    names = list(Event.objects.filter(customer_id=customer.pk).order_by("id").values_list("name", flat=True))
    assert names == ["customers.consent_granted", "customers.consent_renewed"]


@pytest.mark.usefixtures("scoped")
def test_a_wording_is_never_changed(merchant):
    ours = write(merchant, "one")
    ours.text = "two"
    with pytest.raises(TypeError):
        ours.save()
    with pytest.raises(TypeError):
        ConsentWording.objects.update(text="two")
    assert ConsentWording.objects.get().text == "one"


@pytest.mark.usefixtures("scoped")
@pytest.mark.parametrize(
    ("case", "change"),
    [
        ("empty", {"text": "  "}),
        ("what is read already", {"text": "one"}),
        ("a language nobody knows", {"language": "tlh"}),
        ("profiling by SMS", {"channel": "sms", "purpose": "profiling"}),
        ("from yesterday", {"valid_from": timezone.now() - timedelta(days=1)}),
    ],
)
def test_what_can_not_be_a_wording(merchant, case, change):
    write(merchant, "one")
    with pytest.raises(Rejected):
        wording_write(merchant=merchant, **(EMAIL | {"language": "en", "text": "two"} | change))
    assert ConsentWording.objects.count() == 1


@pytest.mark.usefixtures("scoped")
def test_a_later_version_waits_for_its_day_and_other_languages_fall_back(merchant):
    write(merchant, "now")
    write(merchant, "then", valid_from=timezone.now() + timedelta(days=3))
    assert wording_now(merchant, "email", "marketing", "en").text == "now"
    with time_machine.travel(timezone.now() + timedelta(days=4)):
        assert wording_now(merchant, "email", "marketing", "en").text == "then"
    assert wording_now(merchant, "email", "marketing", "de").language in (merchant.locale, "en")


def test_the_newest_holds_even_when_the_clock_goes_back(merchant):
    with merchant_scope(merchant):
        customer = make_customer(merchant)
        consent_record(merchant=merchant, customer=customer, **EMAIL, granted=True, source="form")
        with time_machine.travel(timezone.now() - timedelta(hours=1)):
            consent_record(merchant=merchant, customer=customer, **EMAIL, granted=False, source="form")
        assert consent_now(customer=customer, channel="email") is False
        assert Consent.objects.count() == 2


def test_another_shops_wording_is_refused_by_the_database_and_the_api(merchant, rival):
    with merchant_scope(rival):
        theirs = write(rival, "theirs")
    with merchant_scope(merchant):
        customer = make_customer(merchant)
    client = ApiClient(make_key(merchant)[1])
    answer = client.post_json(
        "consents/", EMAIL | {"customer": customer.pk, "granted": True, "wording": theirs.pk}
    )
    assert answer.status_code == 422
    assert client.get("consent-wordings/").json()["results"] == []
    with merchant_scope(merchant):
        assert not Consent.objects.exists()
    assert connection.vendor == "postgresql"


def test_programs_read_the_texts_and_name_one(merchant):
    with merchant_scope(merchant):
        customer = make_customer(merchant, email="mei@example.com")
        ours = write(merchant, "Yes, write to me.")
    client = ApiClient(make_key(merchant)[1])
    (shown,) = client.get("consent-wordings/?channel=email&language=en").json()["results"]
    assert (shown["id"], shown["label"], shown["digest"]) == (ours.pk, "en-1", ours.digest)

    said = {"customer": customer.pk, "channel": "email", "granted": True}
    made = client.post_json("consents/", said | {"wording": ours.pk}).json()
    assert (made["wording"], made["wording_version"]) == (ours.pk, "en-1")
    wrong = client.post_json("consents/", said | {"purpose": "reviews", "wording": ours.pk})
    assert wrong.status_code == 422
    foreign = client.post_json(
        "consents/", said | {"channel": "sms", "wording_version": "checkout-9", "wording_text": "Sure."}
    ).json()
    assert foreign["wording_version"] == "checkout-9"
    assert foreign["proof"]["text_sha256"] == hashlib.sha256(b"Sure.").hexdigest()


def test_the_settings_page_previews_before_it_keeps(member_client, merchant):
    owner = member_client("owner")
    asked = EMAIL | {"language": "de"}
    page = owner.get("/settings/consent/?language=de").content.decode()
    assert "no text in this language" in page
    said = asked | {"text": "Ja, <b>gern</b>."}
    shown = owner.post("/settings/consent/new/", said | {"preview": "1"}).content.decode()
    assert "Ja, &lt;b&gt;gern&lt;/b&gt;." in shown
    with merchant_scope(merchant):
        assert not ConsentWording.objects.exists()
    assert owner.post("/settings/consent/new/", said).status_code == 302
    with merchant_scope(merchant):
        kept = ConsentWording.objects.get()
        assert kept.created_by == f"user:{owner.membership.user_id}"
        assert Event.objects.filter(name="customers.wording_written", actor=kept.created_by).exists()
    assert member_client("agent").get("/settings/consent/").status_code == 403
