"""A big campaign: its audience is written down and its rest taken back by workers, chunk by chunk."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.conf import settings as configured
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.models import Delivery as Owed
from crm.events.models import Event
from crm.events.types import sentence_of
from crm.lib.errors import Conflict
from crm.lib.health import redis_client
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from marketing.campaigns import clearing, preparing, services
from marketing.models import Campaign, Delivery, SendingPolicy, SendingRun
from marketing.segments.refreshing import segment_refresh
from marketing.sending import checking, claiming, freezing, reaping, tasks
from tests.factories.accounts import make_merchant
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.factories.segments import make_segment
from tests.support.claiming import claim
from tests.support.smtp import SmtpSink


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five people are a crowd."""
    monkeypatch.setattr(preparing, "AT_ONCE", 2)
    monkeypatch.setattr(clearing, "AT_ONCE", 1)
    monkeypatch.setattr(freezing, "CHUNK", 2)
    monkeypatch.setattr(clearing, "CHUNK", 2)


def people(merchant: Merchant, number: int = 5) -> list[Customer]:
    return [make_subscriber(merchant) for _ in range(number)]


def states(campaign: Campaign) -> Counter[tuple[str, str]]:
    return Counter(Delivery.objects.filter(campaign=campaign).values_list("state", "reason"))


def test_a_big_audience_is_written_down_by_a_worker_and_then_sent(
    scoped: Merchant, small: None, smtp_sink: SmtpSink, rung: Callable[..., list[object]]
) -> None:
    people(scoped)
    campaign = make_campaign(scoped)
    told = rung(lambda: services.campaign_start(campaign=campaign))
    assert ("marketing.prepare_campaign", [scoped.pk, campaign.pk], False) in told
    campaign.refresh_from_db()
    assert (campaign.state, Delivery.objects.count()) == (Campaign.State.PREPARING, 0)
    # nothing is sent before it is whole, and it can't be started again
    tasks.send_campaign(scoped.pk, campaign.pk)
    with pytest.raises(Conflict):
        services.campaign_start(campaign=campaign)
    assert smtp_sink.mails == []
    # when the worker has been at it
    tasks.prepare_campaign(scoped.pk, campaign.pk)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.SENDING
    assert campaign.frozen_at is not None
    assert Event.objects.get(name="marketing.campaign_started").data["people"] == 5
    tasks.send_campaign(scoped.pk, campaign.pk)
    assert states(campaign) == {("sent", ""): 5}


def test_a_worker_that_died_while_writing_down_costs_no_row_and_doubles_none(
    scoped: Merchant, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(scoped)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    write, calls = preparing.write_down, []

    def dies(campaign: Campaign, ids: list[int]) -> int:
        calls.append(ids)
        if len(calls) == 2:
            raise SystemExit  # in the midst of its second chunk
        return write(campaign, ids)

    monkeypatch.setattr(preparing, "write_down", dies)
    with pytest.raises(SystemExit):
        preparing.campaign_prepare(campaign=campaign)
    assert Delivery.objects.count() == 2
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.PREPARING
    monkeypatch.setattr(preparing, "write_down", write)
    reaped = campaign
    assert reaping.ring_for_unfinished() == 1
    assert preparing.campaign_prepare(campaign=reaped)
    assert states(campaign) == {("queued", ""): 5}
    assert Delivery.objects.values("customer").distinct().count() == 5


def test_two_workers_write_one_audience_down_once(scoped: Merchant, small: None) -> None:
    people(scoped)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    stale = Campaign.objects.get(pk=campaign.pk)
    assert preparing.campaign_prepare(campaign=campaign)
    assert not preparing.campaign_prepare(campaign=stale)
    assert Delivery.objects.count() == 5
    assert Event.objects.filter(name="marketing.campaign_started").count() == 1


def test_cancelled_while_it_is_written_down(
    scoped: Merchant, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(scoped)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    write = preparing.write_down

    def cancelled_meanwhile(campaign: Campaign, ids: list[int]) -> int:
        made = write(campaign, ids)
        if Delivery.objects.count() == 4:
            services.campaign_cancel(campaign=campaign)
            campaign.refresh_from_db()
        return made

    monkeypatch.setattr(preparing, "write_down", cancelled_meanwhile)
    assert not preparing.campaign_prepare(campaign=campaign)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.CANCELLED
    assert clearing.campaign_clear(campaign=campaign)
    assert states(campaign) == {("skipped", "cancelled"): 4}


def test_a_big_audience_of_nobody_is_a_draft_again_and_says_so(
    scoped: Merchant, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = people(scoped)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    Customer.objects.filter(pk__in=[one.pk for one in found]).update(erased_at=timezone.now())
    assert not preparing.campaign_prepare(campaign=campaign)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.DRAFT
    assert campaign.trouble == "Nobody is in this audience right now."


def test_the_rest_of_a_cancelled_campaign_is_taken_back_by_a_worker(scoped: Merchant, small: None) -> None:
    people(scoped)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    preparing.campaign_prepare(campaign=campaign)
    run = SendingRun.objects.create(merchant=scoped, campaign=campaign)
    policy = checking.policy_of(scoped)
    at = timezone.now()
    (held,) = claiming.claim(merchant=scoped, campaign=campaign, run=run, policy=policy, at=at, limit=1)
    # when it is cancelled, the button answers after the first rows
    cancelled = services.campaign_cancel(campaign=campaign)
    assert (cancelled.state, cancelled.finished_at) == (Campaign.State.CANCELLED, None)
    assert states(campaign)["skipped", "cancelled"] == clearing.AT_ONCE
    # and the worker does the rest, but for what another still hands over
    assert reaping.ring_for_unfinished() == 1
    tasks.clear_campaign(scoped.pk, campaign.pk)
    assert states(campaign) == {("skipped", "cancelled"): 4, ("sending", ""): 1}
    campaign.refresh_from_db()
    assert campaign.finished_at is None
    later = claiming.Outcome(held.delivery_id, "deferred", "later", "451 later")
    assert not claiming.record(campaign=campaign, run=run, outcomes=[later])
    claiming.end(run, in_doubt=[])
    tasks.clear_campaign(scoped.pk, campaign.pk)
    campaign.refresh_from_db()
    assert campaign.finished_at is not None
    assert states(campaign) == {("skipped", "cancelled"): 5}
    assert reaping.ring_for_unfinished() == 0


def test_a_campaign_never_waits_in_the_queue_of_sign_in_codes(scoped: Merchant) -> None:
    people(scoped, 1)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    reaping.ring_for(campaign)
    client = redis_client()
    assert client.llen(f"{configured.REDIS_PREFIX}:campaigns") == 1
    assert client.llen(f"{configured.REDIS_PREFIX}:mail") == 0


def test_a_second_worker_may_help_and_a_third_is_not_rung_for(scoped: Merchant, settings) -> None:
    settings.SENDING_RUNS = 2
    people(scoped, 1)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    for crowded in (False, False, True):
        assert reaping.is_crowded(campaign) is crowded
        assert reaping.ring_for_due() == (0 if crowded else 1)
        SendingRun.objects.create(merchant=scoped, campaign=campaign)
    # the dead leave room
    long_ago = timezone.now() - dt.timedelta(seconds=configured.SENDING_SILENCE_SECONDS + 1)
    SendingRun.objects.update(beat_at=long_ago)
    assert not reaping.is_crowded(campaign)
    assert reaping.ring_for_due() == 1


@pytest.mark.parametrize("state", ["sending", "sent", "unknown"])
def test_the_cap_counts_what_they_may_have_or_are_about_to_get(scoped: Merchant, state: str) -> None:
    people(scoped, 1)
    SendingPolicy.objects.create(merchant=scoped, cap_count=1, cap_days=7)
    first, second = (services.campaign_start(campaign=make_campaign(scoped, name=n)) for n in "ab")
    (held,) = claim(first)
    Delivery.objects.filter(pk=held.delivery_id).update(state=state, sent_at=timezone.now())
    assert claim(second) == []
    assert states(second) == {("skipped", "frequency_cap"): 1}


def test_a_doubtful_mail_does_not_cap_its_own_second_try(scoped: Merchant) -> None:
    people(scoped, 1)
    SendingPolicy.objects.create(merchant=scoped, cap_count=1, cap_days=7)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    (held,) = claim(campaign)
    Delivery.objects.filter(pk=held.delivery_id).update(state="unknown")
    assert services.deliveries_resend(campaign=campaign, delivery_ids=None) == 1
    assert [row.delivery_id for row in claim(campaign)] == [held.delivery_id]


@pytest.mark.django_db(transaction=True)
def test_two_campaigns_that_claim_at_once_keep_the_cap() -> None:
    # given a person who may get one mail, and two campaigns that both want it
    merchant = make_merchant("capped")
    with merchant_scope(merchant):
        people(merchant, 1)
        SendingPolicy.objects.create(merchant=merchant, cap_count=1, cap_days=7)
        first, second = (services.campaign_start(campaign=make_campaign(merchant, name=n)) for n in "ab")
        got: list[list[claiming.Claimed]] = []

        def other() -> None:
            with merchant_scope(merchant):
                got.append(claim(second))
            connection.close()

        # when one has marked its mail and not committed
        with transaction.atomic():
            assert len(claim(first)) == 1
            thread = threading.Thread(target=other)
            thread.start()
            thread.join(1.0)
            assert got == [], "the other waits to see it"
        thread.join(30)
    # then the other sees it
    assert got == [[]]


def doubtful(merchant: Merchant, number: int) -> Campaign:
    people(merchant, number)
    campaign = services.campaign_start(campaign=make_campaign(merchant))
    Delivery.objects.update(state="unknown", reason="line_lost")
    Campaign.objects.update(state="sent")
    return campaign


def test_staff_resend_the_chosen_ones_and_only_whom_they_see(
    merchant: Merchant, member_client: Callable[..., Client]
) -> None:
    own, every = member_client("marketer", visibility="own"), member_client("marketer")
    with merchant_scope(merchant):
        campaign = doubtful(merchant, 4)
        rows = list(Delivery.objects.order_by("pk"))
        Customer.objects.filter(pk=rows[0].customer_id).update(owner=own.membership)  # type: ignore[attr-defined]
    path = f"/campaigns/{campaign.pk}/resend/"
    assert own.post(path, {}).status_code == 422
    page = own.get(f"/campaigns/{campaign.pk}/people/?group=unknown").content.decode()
    assert page.count('name="ids"') == 1
    # one of another's is not theirs to send
    own.post(path, {"ids": [str(rows[0].pk), str(rows[1].pk)]})
    with merchant_scope(merchant):
        assert list(Delivery.objects.filter(state="queued")) == [rows[0]]
    every.post(path, {"ids": [str(rows[2].pk)]})
    with merchant_scope(merchant):
        assert set(Delivery.objects.filter(state="queued")) == {rows[0], rows[2]}
        Delivery.objects.filter(state="queued").update(state="unknown")
    own.post(path, {"all": "1"})
    with merchant_scope(merchant):
        assert list(Delivery.objects.filter(state="queued")) == [rows[0]]
        told = Event.objects.filter(name="marketing.mails_resent").order_by("-pk")
        assert [event.data["people"] for event in told] == [1, 1, 1]
        assert told[0].actor == f"user:{own.membership.user_id}"  # type: ignore[attr-defined]


def test_all_means_all(scoped: Merchant) -> None:
    campaign = doubtful(scoped, 1)
    known = Delivery.objects.get()
    Delivery.objects.bulk_create(
        Delivery(
            merchant=scoped,
            campaign=campaign,
            customer=known.customer,
            address=f"q{n}@example.com",
            state="unknown",
            message_id=f"<{n}@x>",
        )
        for n in range(1_100)
    )
    assert services.deliveries_resend(campaign=campaign, delivery_ids=None) == 1_101


def test_going_on_after_a_pause_is_told(scoped: Merchant) -> None:
    people(scoped, 1)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    services.campaign_pause(campaign=campaign)
    services.campaign_resume(campaign=campaign)
    told = Event.objects.filter(name="marketing.campaign_changed").order_by("pk")
    assert [event.data["state"] for event in told] == ["paused", "sending"]
    assert sentence_of(told[0].name, told[0].data) == "Campaign “Spring tea” is now Paused"


def test_a_campaigns_mails_owe_no_look_at_each_customer(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    people(scoped, 2)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    tasks.send_campaign(scoped.pk, campaign.pk)
    assert Event.objects.filter(name="marketing.mail_sent").count() == 2
    assert not Owed.objects.filter(event__name="marketing.mail_sent").exists()


def test_who_is_in_two_segments_gets_one_mail(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    both, one, _neither = people(scoped, 3)
    Customer.objects.filter(pk=both.pk).update(tags=["vip"], country="CN")
    Customer.objects.filter(pk=one.pk).update(country="CN")
    inner = [
        make_segment(scoped, {"rules": [{"if": "customers.country", "is": "is", "values": ["CN"]}]}),
        make_segment(scoped, {"rules": [{"if": "customers.tag", "has": "has", "values": ["vip"]}]}),
    ]
    for segment in inner:
        segment_refresh(segment=segment)
    rules = [{"if": "marketing.segment", "in": "in", "values": [str(segment.pk)]} for segment in inner]
    audience = make_segment(scoped, {"match": "any", "rules": rules})
    campaign = make_campaign(scoped, audience=Campaign.Audience.SEGMENT, segment=audience)
    services.campaign_start(campaign=campaign)
    tasks.send_campaign(scoped.pk, campaign.pk)
    got = sorted(to for mail in smtp_sink.mails for to in mail.recipients)
    assert got == sorted([both.email, one.email])
