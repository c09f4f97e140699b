"""Drafts and templates are changed and taken away by programs; what went out stays."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from crm.accounts.models import Membership, Merchant
from marketing.campaigns import services
from marketing.campaigns.tasks import check_links, send_test
from marketing.models import Campaign, Template
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.support.smtp import SmtpSink


def test_a_draft_is_changed_in_part(insider, scoped: Merchant) -> None:
    campaign = make_campaign(scoped, name="Spring", subject="Tea")
    body = insider.patch_json(
        f"campaigns/{campaign.pk}/", {"subject": "More tea", "holdout_percent": "5"}
    ).json()
    assert (body["subject"], body["holdout_percent"], body["name"]) == ("More tea", "5.00", "Spring")
    refused = insider.patch_json(f"campaigns/{campaign.pk}/", {"channel": "sms"})
    assert refused.status_code == 422, "the way is decided when it is made"
    assert insider.patch_json(f"campaigns/{campaign.pk}/", {"holdout_percent": "91"}).status_code == 422


def test_a_draft_goes_and_what_was_sent_stays(insider, scoped: Merchant) -> None:
    make_subscriber(scoped)
    draft, sent = make_campaign(scoped), services.campaign_start(campaign=make_campaign(scoped))
    assert insider.delete(f"campaigns/{draft.pk}/").status_code == 204
    assert not Campaign.objects.filter(pk=draft.pk).exists()
    assert insider.delete(f"campaigns/{sent.pk}/").status_code == 409
    assert insider.patch_json(f"campaigns/{sent.pk}/", {"subject": "Late"}).status_code == 409
    assert Campaign.objects.get().pk == sent.pk


def test_a_schedule_is_taken_back(insider, scoped: Merchant) -> None:
    make_subscriber(scoped)
    campaign = make_campaign(scoped)
    services.campaign_schedule(campaign=campaign, at=timezone.now() + dt.timedelta(days=1))
    body = insider.post_json(f"campaigns/{campaign.pk}/unschedule/", {}).json()
    assert (body["state"], body["scheduled_at"]) == ("draft", None)
    assert insider.post_json(f"campaigns/{campaign.pk}/unschedule/", {}).status_code == 409


def test_the_check_list_is_read(insider, scoped: Merchant) -> None:
    campaign = make_campaign(scoped, subject="")
    rows = insider.get(f"campaigns/{campaign.pk}/checklist/").json()
    assert {"state": "bad", "title": "Subject", "text": "Write a subject."} in rows


def test_the_links_are_asked(insider, key_with, scoped: Merchant) -> None:
    campaign = make_campaign(scoped, body='<p><a href="http://10.0.0.8/tea">Tea</a></p>')
    path = f"campaigns/{campaign.pk}/links/"
    assert key_with("campaigns.read").post_json(path, {}).status_code == 403
    answer = insider.post_json(path, {})
    assert (answer.status_code, answer.json()["running"]) == (202, True)
    check_links(scoped.pk, campaign.pk, again=True)
    shown = insider.get(path).json()
    assert not shown["running"]
    found = [(row["url"], row["finding"], row["broken"], row["versions"]) for row in shown["links"]]
    assert found == [("http://10.0.0.8/tea", "private", True, "A")]


def test_a_template_is_changed_and_put_away(insider, scoped: Merchant) -> None:
    template = Template.objects.create(merchant=scoped, name="Letter", subject="Tea", body="<p>Hi</p>")
    body = insider.patch_json(f"templates/{template.pk}/", {"subject": "More tea"}).json()
    assert (body["name"], body["subject"]) == ("Letter", "More tea")
    assert insider.delete(f"templates/{template.pk}/").status_code == 204
    assert insider.get(f"templates/{template.pk}/").status_code == 404
    assert Template.objects.get().archived_at is not None


def test_a_reader_changes_nothing(scoped: Merchant, key_with) -> None:
    reader = key_with("campaigns.read")
    template = Template.objects.create(merchant=scoped, name="Letter")
    for path in (f"campaigns/{make_campaign(scoped).pk}/", f"templates/{template.pk}/"):
        assert reader.patch_json(path, {"subject": "x"}).status_code == 403
        assert reader.delete(path).status_code == 403


def test_a_test_is_sent(
    insider, key_with, scoped: Merchant, owner: Membership, smtp_sink: SmtpSink, rung
) -> None:
    path = f"campaigns/{make_campaign(scoped).pk}/test/"
    assert key_with("campaigns.read").post_json(path, {"to": [owner.user.email]}).status_code == 403
    assert insider.post_json(path, {"to": ["a@elsewhere.example"]}).status_code == 422
    answers = []
    asked = rung(lambda: answers.append(insider.post_json(path, {"to": [owner.user.email], "version": "B"})))
    assert (answers[0].status_code, answers[0].json()) == (202, {"to": [owner.user.email]})
    ((task, args, _waits),) = asked
    assert task == send_test.name
    assert not smtp_sink.mails, "nobody waits for a mail server inside a transaction"
    send_test(*args)
    assert [mail.recipients for mail in smtp_sink.mails] == [[owner.user.email]]
