"""By API: copies of somebody's data, texts and confirmation of consents, and how long data is kept."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

from django.utils import timezone

from crm.events.models import Event
from customers.models import ConsentSettings, RetentionRule, Visit
from customers.my_data.services import package_ask
from customers.my_data.working import work_on
from tests.factories.customers import make_customer

WORDS = {"channel": "email", "purpose": "marketing", "language": "en", "text": "Tea news, twice a month."}


def test_a_copy_is_made_and_fetched_once_it_is_ready(insider, outsider, key_with, merchant, scoped):
    mei = make_customer(merchant, "Mei", email="mei@example.com")
    body = {"customer": mei.pk, "reason": "asked by letter, passport seen"}
    made = insider.post_json("data-packages/", body)
    assert (made.status_code, made.json()["state"]) == (202, "queued")
    assert insider.post_json("data-packages/", body).json()["id"] == made.json()["id"], "one at a time"
    path = f"data-packages/{made.json()['id']}/"
    assert insider.get(f"{path}download/").status_code == 409
    work_on(merchant_id=merchant.pk, package_id=made.json()["id"])
    assert insider.get(path).json()["state"] == "ready"
    assert outsider.get(path).status_code == outsider.get(f"{path}download/").status_code == 404
    with zipfile.ZipFile(io.BytesIO(b"".join(insider.get(f"{path}download/").streaming_content))) as found:
        assert "mei@example.com" in found.read("data.json").decode()
    assert Event.objects.filter(name="customers.data_given").count() == 1
    assert key_with("customers.read").get("data-packages/").status_code == 403
    assert key_with("packages.read").post_json("data-packages/", body).status_code == 403


def test_what_customers_had_made_themselves_is_theirs(insider, merchant, scoped):
    mei = make_customer(merchant)
    own = package_ask(merchant=merchant, customer=mei, way="portal", address="mei@example.com")
    assert insider.get("data-packages/").json()["results"] == []
    assert insider.get(f"data-packages/{own.pk}/download/").status_code == 404


def test_a_text_gets_a_new_version(insider, merchant, scoped):
    first = insider.post_json("consent-wordings/", WORDS)
    second = insider.post_json("consent-wordings/", WORDS | {"text": "Tea news, weekly."})
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json()["version"] == first.json()["version"] + 1
    assert insider.post_json("consent-wordings/", WORDS | {"text": "Tea news, weekly."}).status_code == 422
    assert insider.post_json("consent-wordings/", WORDS | {"language": "tlh"}).status_code == 422


def test_the_confirmation_by_mail_is_switched(insider, key_with, merchant, scoped):
    assert insider.get("consent-settings/").json() == {"double_opt_in": False}
    assert insider.post_json("consent-settings/", {"double_opt_in": True}).json() == {"double_opt_in": True}
    assert ConsentSettings.objects.get().double_opt_in
    reader = key_with("privacy.read")
    assert reader.post_json("consent-settings/", {"double_opt_in": False}).status_code == 403


def test_a_period_is_counted_and_set(insider, outsider, merchant, scoped):
    at = timezone.now() - timedelta(days=70)
    Visit.objects.create(merchant=merchant, visitor="a" * 32, kind="page", title="x", at=at)
    asked = {"kind": "customers.visits", "months": 1}
    assert insider.post_json("retention/", asked | {"dry_run": True}).json()["would_go"] == 1
    assert outsider.post_json("retention/", asked | {"dry_run": True}).json()["would_go"] == 0
    assert not RetentionRule.objects.exists()
    assert insider.post_json("retention/", asked).json() == asked | {"would_go": None}
    held = {one["kind"]: one for one in insider.get("retention/").json()["results"]}
    assert held["customers.visits"]["months"] == 1
    assert held["customers.prospects"]["months"] is None
    assert insider.post_json("retention/", asked | {"months": None}).json()["months"] is None
    for wrong in ({"months": 241}, {"months": 0}, {"kind": "customers.prospects"}, {"kind": "nothing"}):
        assert insider.post_json("retention/", asked | wrong).status_code == 422, wrong
