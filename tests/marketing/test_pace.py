"""Limits of pace: so many a second, minute or hour by one way or to one receiver, whoever sends."""

from __future__ import annotations

import datetime as dt
import threading
from itertools import pairwise

import pytest
from django.db import connection
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.models import Event
from crm.integrations.connecting import connection_create, connection_delete
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope
from marketing.campaigns import services as campaigns
from marketing.models import Campaign, Delivery, PaceLimit, SendingRun
from marketing.models.delivery import reason_text
from marketing.pacing import calling, gates, services
from marketing.pacing.admitting import pace_of
from marketing.pacing.receivers import RECEIVERS, receiver_of
from marketing.sending import checking, claiming
from marketing.sending.runner import Runner
from tests.factories.accounts import make_merchant
from tests.factories.customers import make_consent
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.support.claiming import claim, run_of, states
from tests.support.smtp import SmtpSink

START = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


def limit_of(amount: int, per: str, **more: str) -> PaceLimit:
    return PaceLimit(kind="server", amount=amount, per=per, free_at=START, tail_at=START, **more)


def make_limit(
    merchant: Merchant, amount: int = 60, per: str = "minute", kind: str = "server", name: str = ""
):
    values = {"kind": kind, "name": name, "amount": amount, "per": per}
    return services.limit_add(merchant=merchant, values=values)


def started(merchant: Merchant, domains: list[str], **values: object) -> Campaign:
    """A campaign to one person of each domain, being sent."""
    for number, domain in enumerate(domains):
        make_subscriber(merchant, email=f"p{number}.{Campaign.objects.count()}@{domain}")
    return campaigns.campaign_start(campaign=make_campaign(merchant, **values))


def all_due(campaign: Campaign) -> None:
    Delivery.objects.filter(campaign=campaign).update(due_at=timezone.now())


# --- the arithmetic ----------


@pytest.mark.parametrize(
    ("amount", "per", "every", "stretch"),
    [
        (10, "second", 0.2, 60),
        (10, "second", 0.05, 60),
        (500, "second", 0.2, 20),
        (60, "minute", 0.2, 300),
        (10, "minute", 1.0, 1_200),
        (500, "hour", 5.0, 4 * 3_600),
        (3, "hour", 15.0, 12 * 3_600),  # the sweeper's step
    ],
)
def test_the_pace_is_kept_and_reached(amount: int, per: str, every: float, stretch: int) -> None:
    limit = limit_of(amount, per)
    left: list[float] = []
    for look in range(int(stretch / every)):
        now = START + look * every * SECOND
        while gates.is_free(limit, now):
            gates.take(limit, now)
            left.append(look * every)
    expected = stretch / limit.gap.total_seconds()
    spare = (gates.slack(limit) + gates.HORIZON) / limit.gap + 1
    assert 0.98 * expected - 1 <= len(left) <= expected + spare
    # in no stretch of the rate's own length more than its amount and the spare
    span = PaceLimit.SECONDS[per]
    for first, at in enumerate(left[:2_000]):
        inside = sum(1 for one in left[first : first + amount + int(spare) + 2] if one < at + span)
        assert inside <= amount + spare


def test_a_limit_that_was_not_used_makes_up_for_a_moment_only() -> None:
    limit = limit_of(10, "second")
    hours_later = START + dt.timedelta(hours=5)
    left = 0
    while gates.is_free(limit, hours_later):
        gates.take(limit, hours_later)
        left += 1
    assert left <= 6


def test_who_waits_stands_behind_who_waits() -> None:
    limit = limit_of(2, "second")
    while gates.is_free(limit, START):
        gates.take(limit, START)
    places = [gates.queue(limit, START) for _ in range(4)]
    assert [(place - places[0]).total_seconds() for place in places] == [0, 0.5, 1, 1.5]
    assert places[0] >= START


@pytest.mark.parametrize(
    ("domain", "receiver"),
    [
        ("gmail.com", "gmail"),
        ("googlemail.com", "gmail"),
        ("hotmail.co.uk", "microsoft"),
        ("live.com.au", "microsoft"),
        ("yahoo.co.jp", "yahoo"),
        ("qq.com", "qq"),
        ("foxmail.com", "qq"),
        ("yeah.net", "netease"),
        ("live.shop.example", ""),
        ("gmail.com.evil.example", ""),
        ("notgmail.com", ""),
        ("", ""),
    ],
)
def test_whose_mailboxes_these_are(domain: str, receiver: str) -> None:
    assert receiver_of(domain) == receiver


def test_no_domain_is_two_receivers() -> None:
    domains = [domain for one in RECEIVERS.values() for domain in one.domains]
    assert len(domains) == len(set(domains))
    assert "domain" not in RECEIVERS, "the reason of a single domain's limit"


# --- claims ----------


def test_without_a_limit_nothing_is_asked(scoped: Merchant, django_assert_num_queries) -> None:
    campaign = started(scoped, ["a.example"])
    with django_assert_num_queries(2):  # limits, plan
        assert pace_of(campaign, scoped) is None
    assert len(claim(campaign)) == 1


def test_what_is_over_the_pace_waits_its_turn(scoped: Merchant) -> None:
    make_limit(scoped, amount=60, per="minute")
    campaign = started(scoped, ["a.example"] * 8)
    went = claim(campaign)
    assert 1 <= len(went) <= 4
    assert states(campaign) == {("sending", ""): len(went), ("queued", "throttled"): 8 - len(went)}
    places = sorted(Delivery.objects.filter(reason="throttled").values_list("due_at", flat=True))
    assert {round((b - a).total_seconds(), 3) for a, b in pairwise(places)} == {1.0}
    assert claim(campaign) == [], "nobody is due yet"
    assert claiming.next_due(campaign) == places[0]


def test_other_receivers_are_not_held_up(scoped: Merchant) -> None:
    make_limit(scoped, amount=1, per="hour", kind="group", name="gmail")
    make_limit(scoped, amount=1, per="hour", kind="domain", name="b.example")
    campaign = started(
        scoped, ["gmail.com", "googlemail.com", "gmail.com", "gmail.com", "a.example"] + ["b.example"] * 4
    )
    went = [each.address.rpartition("@")[2] for each in claim(campaign)]
    assert went.count("a.example") == 1
    found = states(campaign)
    assert found["queued", "throttled:gmail"] == 3
    assert found["queued", "throttled:domain"] == 3
    assert "Gmail" in reason_text("throttled:gmail")
    assert reason_text("throttled") != "throttled" != reason_text("throttled:domain")


def test_two_campaigns_share_one_limit(scoped: Merchant) -> None:
    make_limit(scoped, amount=1, per="hour")
    first = started(scoped, ["a.example"] * 3)
    second = campaigns.campaign_start(campaign=make_campaign(scoped, name="Second"))
    assert len(claim(first)) == 1
    assert claim(second) == []
    places = Delivery.objects.filter(reason="throttled").values_list("due_at", flat=True)
    assert len(places) == len(set(places)) == 5, "each has a place of its own"


def test_after_a_pause_of_hours_not_everybody_goes_at_once(scoped: Merchant) -> None:
    make_limit(scoped, amount=60, per="minute")
    campaign = started(scoped, ["a.example"] * 12)
    went = len(claim(campaign))
    campaigns.campaign_pause(campaign=campaign)
    assert claim(campaign) == []
    # hours later all have been due for long
    PaceLimit.objects.update(
        free_at=timezone.now() - 5 * 3_600 * SECOND, tail_at=timezone.now() - 3_600 * SECOND
    )
    all_due(campaign)
    campaigns.campaign_resume(campaign=campaign)
    again = len(claim(campaign))
    assert 1 <= again <= 4
    assert states(campaign)["queued", "throttled"] == 12 - went - again


def test_a_dead_run_loses_and_doubles_nobody_and_its_grants_are_used_up(scoped: Merchant) -> None:
    make_limit(scoped, amount=1, per="hour")
    campaign = started(scoped, ["a.example"] * 3)
    run = SendingRun.objects.create(merchant=scoped, campaign=campaign, window=1)
    assert len(claim(campaign, run)) == 1
    assert claiming.reap(run) == (0, 1)
    assert claim(campaign) == []
    assert states(campaign) == {("unknown", "line_lost"): 1, ("queued", "throttled"): 2}
    # one that was never handed over comes again, in its turn
    other = run_of(campaign)
    PaceLimit.objects.update(free_at=timezone.now() - 7_200 * SECOND)
    all_due(campaign)
    (held,) = claim(campaign, other)[:1]
    claiming.end(other, in_doubt=[])
    assert states(campaign)["sending", ""] == 0
    assert claim(campaign) == []
    assert states(campaign) == {("unknown", "line_lost"): 1, ("queued", "throttled"): 2}
    assert held.delivery_id


def test_a_limit_that_is_not_its_way_does_not_hold_it(scoped: Merchant) -> None:
    provider = connection_create(
        merchant=scoped,
        platform="twilio",
        name="Texts",
        values={"account_sid": "AC1", "auth_token": "t", "sender": "+15005550006"},
    )
    values = {"kind": "connection", "connection": provider, "amount": 1, "per": "hour"}
    services.limit_add(merchant=scoped, values=values)
    campaign = started(scoped, ["a.example"] * 5)
    assert pace_of(campaign, scoped) is None
    texts = make_campaign(scoped, name="Text", channel="sms")
    pace = pace_of(texts, scoped)
    assert pace is not None and len(pace.limit_ids) == 1


def test_a_refused_mail_uses_no_place(scoped: Merchant) -> None:
    make_limit(scoped, amount=1, per="hour")
    campaign = started(scoped, ["a.example"] * 2)
    for row in Delivery.objects.select_related("customer"):
        make_consent(row.customer, granted=False)
    before = PaceLimit.objects.get().free_at
    assert claim(campaign) == []
    assert states(campaign) == {("skipped", "withdrawn"): 2}
    assert PaceLimit.objects.get().free_at == before


def test_a_limit_that_is_away_again_holds_nobody(scoped: Merchant) -> None:
    limit = make_limit(scoped, amount=1, per="hour")
    campaign = started(scoped, ["a.example"] * 4)
    went = len(claim(campaign))
    services.limit_remove(limit=limit)
    assert not PaceLimit.objects.live().exists()
    calling.sweep()
    assert not PaceLimit.objects.exists()
    assert len(claim(campaign)) == 4 - went


def test_a_changed_limit_calls_everybody_once(scoped: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = make_limit(scoped, amount=1, per="hour")
    campaign = started(scoped, ["a.example"] * 6)
    went = len(claim(campaign))
    monkeypatch.setattr(calling, "CHUNK", 3)
    services.limit_change(limit=limit, values={"amount": 2, "per": "second"})
    calling.sweep()
    rows = Delivery.objects.filter(campaign=campaign, reason="throttled")
    assert rows.filter(due_at__lte=timezone.now()).count() == 3
    calling.sweep()
    assert rows.filter(due_at__lte=timezone.now()).count() == 6 - went
    assert PaceLimit.objects.get().called_to is None
    claim(campaign)
    last = max(rows.values_list("due_at", flat=True), default=timezone.now())
    assert last < timezone.now() + 10 * SECOND, "nobody waits for hours any more"


def test_places_that_nobody_takes_are_given_to_the_next(scoped: Merchant) -> None:
    make_limit(scoped, amount=60, per="minute")
    first = started(scoped, ["a.example"] * 5)
    second = campaigns.campaign_start(campaign=make_campaign(scoped, name="Second"))
    claim(first)
    assert claim(second) == []
    PaceLimit.objects.update(tail_at=timezone.now() + 3_600 * SECOND)
    Delivery.objects.filter(campaign=second).update(due_at=timezone.now() + 3_000 * SECOND)
    calling.sweep()
    assert claim(second) == [], "the limit was used a moment ago"
    campaigns.campaign_cancel(campaign=first)
    PaceLimit.objects.update(free_at=timezone.now() - 60 * SECOND)
    calling.sweep()
    assert claim(second)
    assert max(Delivery.objects.filter(campaign=second, state="queued").values_list("due_at", flat=True)) < (
        timezone.now() + 60 * SECOND
    )


def test_a_provider_that_was_taken_away_holds_nobody(scoped: Merchant) -> None:
    provider = connection_create(
        merchant=scoped,
        platform="twilio",
        name="Texts",
        values={"account_sid": "AC1", "auth_token": "t", "sender": "+15005550006"},
    )
    services.limit_add(
        merchant=scoped, values={"kind": "connection", "connection": provider, "amount": 1, "per": "hour"}
    )
    connection_delete(connection=provider)
    assert not PaceLimit.objects.live().exists()
    calling.sweep()
    assert not PaceLimit.objects.exists()


def test_a_claim_that_finds_nobody_who_may_go_lets_its_run_beat(
    scoped: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_limit(scoped, amount=1, per="hour")
    campaign = started(scoped, ["a.example"] * 6)
    claim(campaign)
    all_due(campaign)
    monkeypatch.setattr(claiming, "LOOK_SECONDS", -1.0)
    place = claiming.Place()
    got = claiming.claim(
        merchant=scoped,
        campaign=campaign,
        run=run_of(campaign),
        policy=checking.policy_of(scoped),
        at=timezone.now(),
        limit=2,
        place=place,
        pace=pace_of(campaign, scoped),
    )
    assert got == [] and place.looks_on
    assert Delivery.objects.filter(reason="throttled", due_at__gt=timezone.now()).count() == 2


def test_a_run_stays_for_those_who_go_in_a_moment(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    make_limit(scoped, amount=10, per="second")
    campaign = started(scoped, ["a.example"] * 10)
    campaign.refresh_from_db()
    report = Runner(merchant=scoped, campaign=campaign, connections=2).run()
    assert states(campaign) == {("sent", ""): 10}
    assert not report.more
    assert len(smtp_sink.mails) == 10


def test_what_comes_after_the_slice_is_the_next_slice_s(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    make_limit(scoped, amount=6, per="minute")
    campaign = started(scoped, ["a.example"] * 3)
    campaign.refresh_from_db()
    report = Runner(merchant=scoped, campaign=campaign, connections=2, slice_seconds=0.3).run()
    assert states(campaign) == {("sent", ""): 1, ("queued", "throttled"): 2}
    assert report.more, "the next one is due within the next slice: nobody waits for the sweeper"
    # hours away: the sweeper rings when somebody is due
    PaceLimit.objects.update(amount=1, per="hour")
    Delivery.objects.filter(state="queued").update(due_at=timezone.now() + 3_600 * SECOND)
    assert not Runner(merchant=scoped, campaign=campaign, connections=2).run().more


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_keep_one_limit() -> None:
    merchant = make_merchant("paced")
    with merchant_scope(merchant):
        make_limit(merchant, amount=2, per="hour")
        campaign = started(merchant, ["a.example"] * 12)
    together, went = threading.Barrier(3), []

    def work() -> None:
        try:
            with merchant_scope(merchant):
                run, pace = run_of(campaign), pace_of(campaign, merchant)
                together.wait(10)
                rows = claiming.claim(
                    merchant=merchant,
                    campaign=campaign,
                    run=run,
                    policy=checking.policy_of(merchant),
                    at=timezone.now(),
                    limit=4,
                    pace=pace,
                )
                went.extend(row.delivery_id for row in rows)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(went) == 1
    with merchant_scope(merchant):
        assert states(campaign)["sending", ""] == 1
        waiting = Delivery.objects.filter(reason="throttled").values_list("due_at", flat=True)
        assert len(waiting) == len(set(waiting)) == 11


# --- the verbs ----------


@pytest.mark.parametrize(
    ("case", "values", "field"),
    [
        ("nobody's mailboxes", {"kind": "group", "name": "nobody"}, "name"),
        ("no domain", {"kind": "domain", "name": "nonsense"}, "name"),
        ("a provider that is not named", {"kind": "connection"}, "connection"),
        ("none at all", {"kind": "server", "amount": 0}, "amount"),
        ("too many", {"kind": "server", "amount": 10_000_000}, "amount"),
        ("no such time", {"kind": "server", "per": "fortnight"}, "per"),
        ("no such kind", {"kind": "planet"}, "kind"),
    ],
)
def test_a_limit_that_can_t_be_kept_is_refused(
    scoped: Merchant, case: str, values: dict[str, object], field: str
) -> None:
    with pytest.raises(Rejected) as refusal:
        services.limit_add(merchant=scoped, values={"amount": 10, "per": "minute", **values})
    assert field in refusal.value.fields, case
    assert not PaceLimit.objects.exists()


def test_a_limit_stands_once_and_is_told(scoped: Merchant) -> None:
    limit = make_limit(scoped, kind="domain", name="Büro.example")
    assert limit.name == "xn--bro-hoa.example"
    with pytest.raises(Conflict):
        make_limit(scoped, kind="domain", name="xn--bro-hoa.example")
    services.limit_change(limit=limit, values={"amount": 7, "per": "hour"})
    services.limit_change(limit=limit, values={"amount": 7, "per": "hour"})
    services.limit_remove(limit=limit)
    assert Event.objects.filter(name="accounts.settings_changed").count() == 3
    make_limit(scoped, kind="domain", name="xn--bro-hoa.example")  # it may be made anew at once
