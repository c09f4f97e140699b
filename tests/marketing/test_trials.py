"""Versions, holdout and hours: drawn by lot, decided honestly, each person one mail."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.accounts.models import Merchant
from crm.events.models import Event
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from marketing.campaigns import services
from marketing.campaigns.checklist import blocking
from marketing.campaigns.trials import sweeping
from marketing.campaigns.trials.comparing import Mean, Share, means_differ, shares_differ
from marketing.campaigns.trials.services import trial_decide, version_add, version_change, version_delete
from marketing.campaigns.trials.standing import (
    decides_at,
    effect_verdict,
    holdout_effect,
    standings,
    verdict,
)
from marketing.campaigns.trials.sweeping import trials_sweep
from marketing.models import Campaign, Delivery, Engagement, Link
from marketing.sending import freezing
from marketing.sending.runner import Runner
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.factories.orders import make_order

PEOPLE = 60
BODY = '<html><body><p>Hello</p><a href="https://shop.example/{}">Tea</a></body></html>'


@pytest.fixture
def crowd(scoped: Merchant) -> list[Customer]:
    return [make_subscriber(scoped, f"Person {number}") for number in range(PEOPLE)]


def tried(merchant: Merchant, *, share: int = 100, **fields: object) -> Campaign:
    campaign = make_campaign(merchant, subject="A tea", body=BODY.format("a"), trial_percent=share, **fields)
    version_add(campaign=campaign, values={"subject": "B tea", "body": BODY.format("b")})
    return services.campaign_start(campaign=campaign)


def test_each_person_draws_one_version_and_gets_its_words(crowd, scoped: Merchant, smtp_sink) -> None:
    campaign = tried(scoped)
    drawn = Counter(Delivery.objects.values_list("version", flat=True))
    assert set(drawn) == {"A", "B"} and min(drawn.values()) > PEOPLE / 5, drawn
    Runner(merchant=scoped, campaign=campaign).run()
    for row in Delivery.objects.all():
        (mail,) = smtp_sink.to(row.address)
        assert mail.message["Subject"] == f"{row.version} tea"
    targets = dict(Link.objects.values_list("number", "target"))
    assert sorted(targets.values()) == ["https://shop.example/a", "https://shop.example/b"]
    assert len(targets) == 2, "each version's links have numbers of their own"


def test_the_draw_is_the_same_when_the_audience_is_written_down_again(crowd, scoped: Merchant) -> None:
    campaign = tried(scoped, share=50, holdout_percent=Decimal("20"))
    facts = ("customer_id", "version", "reason")
    before = set(Delivery.objects.values_list(*facts))
    Delivery.objects.all().delete()
    ids = [person.pk for person in crowd]
    freezing.freeze(campaign=campaign, merchant=scoped, customer_ids=ids, domain="shop.example")
    assert set(Delivery.objects.values_list(*facts)) == before
    another = make_campaign(scoped, holdout_percent=Decimal("20"))
    freezing.freeze(campaign=another, merchant=scoped, customer_ids=ids, domain="shop.example")
    held = [
        set(Delivery.objects.filter(campaign=one, reason="holdout").values_list("customer_id", flat=True))
        for one in (campaign, another)
    ]
    assert held[0] and held[1] and held[0] != held[1], "each campaign draws anew"


def test_the_held_out_get_nothing_and_say_so(crowd, scoped: Merchant, smtp_sink) -> None:
    campaign = services.campaign_start(campaign=make_campaign(scoped, holdout_percent=Decimal("30")))
    held = Delivery.objects.filter(reason="holdout")
    assert 0 < held.count() < PEOPLE * 0.6
    assert {row.state for row in held} == {"skipped"}
    Runner(merchant=scoped, campaign=campaign).run()
    assert all(smtp_sink.to(row.address) == [] for row in held)
    assert len(smtp_sink.mails) == PEOPLE - held.count()


def test_a_hundredth_of_a_percent_can_be_held_out(scoped: Merchant) -> None:
    campaign = make_campaign(scoped, holdout_percent=Decimal("0.01"))
    make_subscriber(scoped)
    services.campaign_start(campaign=campaign)
    assert Delivery.objects.count() == 1


def test_the_rest_waits_for_the_better_version(crowd, scoped: Merchant, smtp_sink) -> None:
    campaign = tried(scoped, share=40, trial_hours=2)
    waiting = Delivery.objects.filter(reason="trial")
    assert PEOPLE * 0.3 < waiting.count() < PEOPLE * 0.9 and {row.version for row in waiting} == {""}
    Runner(merchant=scoped, campaign=campaign).run()
    assert len(smtp_sink.mails) == PEOPLE - waiting.count()
    assert not services.campaign_settle(campaign=campaign), "somebody still waits"
    Delivery.objects.filter(version="B").update(opened_at=timezone.now(), clicked_at=timezone.now())
    trials_sweep()
    assert Campaign.objects.get(pk=campaign.pk).trial_winner == "", "its hours are not over"
    Campaign.objects.update(frozen_at=timezone.now() - dt.timedelta(hours=3))
    trials_sweep()
    campaign.refresh_from_db()
    assert campaign.trial_winner == "B"
    assert Event.objects.get(name="marketing.version_chosen").data["version"] == "B"
    Runner(merchant=scoped, campaign=campaign).run()
    assert len(smtp_sink.mails) == PEOPLE, "each person one mail"
    late = Delivery.objects.filter(sent_at__gte=campaign.trial_decided_at)
    assert {smtp_sink.to(row.address)[0].message["Subject"] for row in late} == {"B tea"}
    assert sum(one.sent for one in standings(campaign, None)) == PEOPLE - late.count(), (
        "only the trial counts"
    )
    with pytest.raises(Conflict):
        trial_decide(campaign=campaign, letter="A")


def test_a_decision_that_died_half_way_goes_on(crowd, scoped: Merchant) -> None:
    tried(scoped, share=20)
    when = timezone.now()
    Campaign.objects.update(trial_winner="B", trial_decided_at=when, frozen_at=when - dt.timedelta(hours=5))
    trials_sweep()
    assert not Delivery.objects.filter(reason="trial").exists()
    assert trials_sweep() == 0


def test_somebody_decides_sooner(crowd, merchant: Merchant, member_client: Callable[..., Client]) -> None:
    with merchant_scope(merchant):
        campaign = tried(merchant, share=20)
    client = member_client("marketer")
    page = client.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "Send this to the others" in page
    assert client.post(f"/campaigns/{campaign.pk}/choose/", {"version": "Z"}).status_code == 422
    assert client.post(f"/campaigns/{campaign.pk}/choose/", {"version": "A"}).status_code == 302
    with merchant_scope(merchant):
        assert Campaign.objects.get(pk=campaign.pk).trial_winner == "A"
    assert "chosen" in client.get(f"/campaigns/{campaign.pk}/").content.decode()


def test_an_hour_is_tried(crowd, scoped: Merchant) -> None:
    scoped.time_zone = "Asia/Shanghai"
    scoped.save()
    campaign = make_campaign(scoped)
    version_add(campaign=campaign, values={"send_at": dt.time(7, 30)})
    services.campaign_start(campaign=campaign)
    now = timezone.now()
    assert all(row.due_at <= now for row in Delivery.objects.filter(version="A"))
    (due,) = set(Delivery.objects.filter(version="B").values_list("due_at", flat=True))
    local = due.astimezone(ZoneInfo("Asia/Shanghai"))
    assert (local.hour, local.minute) == (7, 30) and now < due <= now + dt.timedelta(days=1)


@pytest.mark.parametrize(
    "name, fields, hour, ends",
    [
        ("at once", {}, None, "2027-03-01T12:00+08:00"),
        ("a version waits for the evening", {}, dt.time(18, 30), "2027-03-01T20:30+08:00"),
        ("a version waits for tomorrow", {}, dt.time(7, 30), "2027-03-02T09:30+08:00"),
        ("everybody's own clock", {"local_time": True}, None, "2027-03-02T11:00-12:00"),
        ("an hour by everybody's clock", {"local_time": True}, dt.time(21), "2027-03-02T23:00-12:00"),
    ],
)
def test_a_trial_ends_its_hours_after_each_version_left(
    scoped: Merchant, name: str, fields: dict[str, object], hour: dt.time | None, ends: str
) -> None:
    scoped.time_zone = "Asia/Shanghai"
    scoped.save()
    begun = dt.datetime.fromisoformat("2027-03-01T10:00+08:00")
    campaign = make_campaign(
        scoped,
        trial_hours=2,
        scheduled_at=dt.datetime.fromisoformat("2027-03-02T09:00+08:00") if fields else None,
        started_at=begun,
        frozen_at=begun,
        **fields,
    )
    version_add(campaign=campaign, values={"subject": "Other", "send_at": hour})
    assert decides_at(campaign) == dt.datetime.fromisoformat(ends)


def test_young_trials_hold_up_no_old_one(scoped: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "LIMIT", 1)
    make_subscriber(scoped)
    young, old = (tried(scoped, share=1, trial_hours=hours) for hours in (48, 1))
    Delivery.objects.update(reason="trial", version="")
    Campaign.objects.update(frozen_at=timezone.now() - dt.timedelta(hours=2))
    assert trials_sweep() == 1
    winners = dict(Campaign.objects.values_list("pk", "trial_winner"))
    assert winners[young.pk] == "" and winners[old.pk] == "A"


def test_a_schedule_means_everybodys_own_clock(scoped: Merchant) -> None:
    scoped.time_zone = "Europe/Berlin"
    scoped.save()
    zones = ["Asia/Tokyo", "America/New_York", "", "Nonsense/Zone"]
    people = [make_subscriber(scoped, f"Person {number}") for number in range(len(zones))]
    for person, zone in zip(people, zones, strict=True):
        Customer.objects.filter(pk=person.pk).update(time_zone=zone)
    campaign = make_campaign(scoped, local_time=True)
    wall = (
        (timezone.now() + dt.timedelta(days=3))
        .astimezone(ZoneInfo("Europe/Berlin"))
        .replace(hour=9, minute=0)
    )
    services.campaign_schedule(campaign=campaign, at=wall)
    assert not Campaign.objects.due().exists(), "no clock on earth shows it yet"
    Campaign.objects.update(scheduled_at=timezone.now() + dt.timedelta(hours=20))
    assert Campaign.objects.due().exists(), "in Kiribati it is nearly that hour"
    Campaign.objects.update(scheduled_at=wall)
    services.campaign_start(campaign=Campaign.objects.get())
    for person, zone in zip(people, zones, strict=True):
        due = Delivery.objects.get(customer=person).due_at
        there = due.astimezone(
            ZoneInfo(zone if zone in ("Asia/Tokyo", "America/New_York") else "Europe/Berlin")
        )
        assert (there.date(), there.hour, there.minute) == (wall.date(), 9, 0), zone


def test_versions_are_written_in_a_draft_only(scoped: Merchant) -> None:
    campaign = make_campaign(scoped)
    first = version_add(campaign=campaign)
    assert [first.letter, *(version_add(campaign=campaign).letter for _ in range(2))] == ["B", "C", "D"]
    with pytest.raises(Rejected):
        version_add(campaign=campaign)
    assert any("same as A" in str(point) for point in blocking(campaign=campaign, merchant=scoped))
    for one in campaign.versions.exclude(pk=first.pk):
        version_delete(version=one)
    version_change(version=first, values={"body": "{% if %}"})
    assert any(
        "Line" in str(point) or "if" in str(point) for point in blocking(campaign=campaign, merchant=scoped)
    )
    version_change(version=first, values={"body": "", "subject": "Other"})
    make_subscriber(scoped)
    services.campaign_start(campaign=campaign)
    for act in (lambda: version_add(campaign=campaign), lambda: version_delete(version=first)):
        with pytest.raises(Conflict):
            act()


def test_the_pages_of_a_version(merchant: Merchant, member_client: Callable[..., Client]) -> None:
    client = member_client("marketer")
    with merchant_scope(merchant):
        campaign = make_campaign(merchant, subject="A tea")
    added = client.post(f"/campaigns/{campaign.pk}/versions/")
    assert added["Location"].endswith(f"/campaigns/{campaign.pk}/versions/B/")
    values = {"subject": "B tea", "preheader": "", "body": "", "text": "", "send_at": "08:00"}
    assert client.post(added["Location"], values).status_code == 302
    assert "B tea" in client.get(f"/campaigns/{campaign.pk}/preview/?version=B").content.decode()
    assert "A tea" in client.get(f"/campaigns/{campaign.pk}/preview/?version=Q").content.decode()
    maker = client.get(f"/campaigns/{campaign.pk}/edit/").content.decode()
    assert "Version B" in maker and "B tea" in maker
    assert client.get(f"/campaigns/{campaign.pk}/versions/C/").status_code == 404
    assert client.post(f"/campaigns/{campaign.pk}/versions/B/delete/").status_code == 302
    with merchant_scope(merchant):
        assert not campaign.versions.exists()


def test_each_version_shows_its_own_clicks_and_a_target_stands_once(
    merchant: Merchant, member_client: Callable[..., Client]
) -> None:
    client = member_client("marketer")
    with merchant_scope(merchant):
        person = make_subscriber(merchant)
        campaign = make_campaign(merchant, body=BODY.format("tea"))
        version_add(campaign=campaign, values={"subject": "B"})
        services.campaign_start(campaign=campaign)
        row = Delivery.objects.get(customer=person)
        for number in (0, 200):
            link = Link.objects.create(
                merchant=merchant, campaign=campaign, number=number, target="https://shop.example/tea"
            )
        Engagement.objects.create(merchant=merchant, delivery=row, link=link, kind="click")
    path = f"/campaigns/{campaign.pk}/preview/?links=1"
    assert "guanxi-link-0']::after{content:'0'" in client.get(path).content.decode()
    other = client.get(f"{path}&version=B").content.decode()
    assert 'href="#guanxi-link-200"' in other and "guanxi-link-200']::after{content:'1 · 100" in other
    record = client.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert record.count('<td class="gx-cell-main">https://shop.example/tea</td>') == 1


# --- what may be said of it --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hits, mails, low, high",
    [
        # Newcombe 1998, table II, method 10.
        ((56, 48), (70, 80), 0.0524, 0.3339),
        ((9, 3), (10, 10), 0.1705, 0.8090),
        ((6, 2), (7, 7), 0.0582, 0.8062),
        ((5, 0), (56, 29), -0.0381, 0.1926),
    ],
)
def test_the_interval_is_the_published_one(hits, mails, low: float, high: float) -> None:
    gap = shares_differ(Share(hits[0], mails[0]), Share(hits[1], mails[1]))
    assert (round(gap.low, 4), round(gap.high, 4)) == (low, high)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 10_000), st.integers(1, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_the_interval_holds_the_gap_and_turns_round(n1: int, n2: int, p1: float, p2: float) -> None:
    one, other = Share(round(n1 * p1), n1), Share(round(n2 * p2), n2)
    gap, back = shares_differ(one, other), shares_differ(other, one)
    assert -1 - 1e-9 <= gap.low <= gap.value <= gap.high <= 1 + 1e-9
    assert math.isclose(gap.low, -back.high, abs_tol=1e-9)
    wider = shares_differ(one, other, comparisons=3)
    assert wider.low <= gap.low + 1e-9 and wider.high >= gap.high - 1e-9


def test_money_of_a_few_mails_says_nothing() -> None:
    assert not means_differ(Mean(1000, 500_000, 5), Mean(0, 0, 5)).is_sure
    many = means_differ(Mean(10_000, 200_000, 1000), Mean(5_000, 60_000, 1000))
    assert many.is_sure and many.low < 5 < many.high


def test_nothing_is_said_before_the_trial_ends(crowd, scoped: Merchant) -> None:
    campaign = tried(scoped)
    Delivery.objects.update(state="sent", sent_at=timezone.now())
    Delivery.objects.filter(version="B").update(opened_at=timezone.now(), clicked_at=timezone.now())
    _a, better = standings(campaign, None)
    assert "Too early" in verdict(better, campaign)
    Campaign.objects.update(frozen_at=timezone.now() - dt.timedelta(hours=5))
    campaign.refresh_from_db()
    assert verdict(better, campaign).startswith("Better than A")
    Delivery.objects.filter(version="B").update(clicked_at=None)
    assert "chance" in verdict(standings(campaign, None)[1], campaign)


def test_what_those_held_out_tell(crowd, scoped: Merchant) -> None:
    campaign = services.campaign_start(campaign=make_campaign(scoped, holdout_percent=Decimal("45")))
    start = timezone.now() - dt.timedelta(days=10)
    Campaign.objects.update(frozen_at=start)
    campaign.refresh_from_db()
    for row in Delivery.objects.exclude(reason="holdout"):
        make_order(scoped, row.customer, lines=[("Tea", 1, "50")], placed_at=start + dt.timedelta(days=1))
    make_order(scoped, crowd[0], lines=[("Tea", 1, "999")], placed_at=start - dt.timedelta(days=1))
    effect = holdout_effect(campaign)
    assert effect is not None and (effect.mailed.value, effect.out.value) == (50, 0)
    assert effect.people + effect.held == PEOPLE
    if min(effect.people, effect.held) >= 30:
        assert effect_verdict(effect, campaign).startswith("The mail brought")
    else:
        assert "No clear difference" in effect_verdict(effect, campaign)
