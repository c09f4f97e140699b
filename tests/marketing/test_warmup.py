"""Warm-up plans: so many mails on each of the shop's days from a domain, more each day when all goes well."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.models import Event
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope
from customers.models import Customer, Metrics
from customers.registries import restraint_on
from marketing.campaigns import selectors
from marketing.campaigns import services as campaigns
from marketing.campaigns.checklist import checklist
from marketing.models import (
    Campaign,
    Delivery,
    DomainCount,
    Journey,
    PaceLimit,
    StepMail,
    WarmupDay,
    WarmupPlan,
)
from marketing.pacing import calling, restraining, services, warming
from marketing.pacing.admitting import admit, pace_of
from marketing.pacing.ladders import ladder
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.support.claiming import claim, states

DAY = dt.timedelta(days=1)
DOMAIN = "qinghe.example"  # that of tests/factories/marketing_mail.py


def make_plan(merchant: Merchant, amounts: list[int], domain: str = DOMAIN) -> WarmupPlan:
    today = warming.shop_day(merchant, timezone.now())
    return services.warmup_start(merchant=merchant, domain=domain, starts_on=today, amounts=amounts)


def started(merchant: Merchant, people: int, **values: object) -> Campaign:
    for _number in range(people):
        make_subscriber(merchant)
    return campaigns.campaign_start(campaign=make_campaign(merchant, **values))


def go_on(campaign: Campaign, now: dt.datetime) -> list[int]:
    """Who may leave of those that are due then, as a claim asks it."""
    pace = pace_of(campaign, campaign.merchant)
    waiting = Delivery.objects.filter(campaign=campaign, state="queued", due_at__lte=now)
    ids = list(waiting.order_by("due_at", "pk").values_list("pk", flat=True))
    if pace is None:
        return ids
    granted, held = admit(pace, ids, now)
    Delivery.objects.filter(pk__in=granted).update(state="sent", sent_at=now)
    for verdict in held:
        Delivery.objects.filter(pk=verdict.delivery_id).update(reason=verdict.reason, due_at=verdict.until)
    return granted


def test_what_is_over_a_day_s_amount_waits_for_the_days_to_come(scoped: Merchant) -> None:
    plan = make_plan(scoped, [3, 5, 8])
    campaign = started(scoped, 20)
    assert len(claim(campaign)) == 3
    assert states(campaign) == {("sending", ""): 3, ("queued", "warm_up"): 17}
    today = warming.shop_day(scoped, timezone.now())
    days = Counter(
        due.astimezone(scoped.zone).date()
        for due in Delivery.objects.filter(reason="warm_up").values_list("due_at", flat=True)
    )
    assert days == {today + DAY: 5, today + 2 * DAY: 8, today + 3 * DAY: 4}
    first = Delivery.objects.filter(reason="warm_up").order_by("due_at").first()
    assert first is not None and first.due_at.astimezone(scoped.zone).time() == dt.time(8)
    assert claim(campaign) == []
    assert WarmupDay.objects.get(plan=plan).sent == 3
    figures = selectors.funnel(campaign, None)
    assert figures.until is not None
    assert figures.until.astimezone(scoped.zone).date() == today + 3 * DAY


def test_day_by_day_until_it_ends_by_itself(scoped: Merchant) -> None:
    plan = make_plan(scoped, [2, 4])
    campaign = started(scoped, 9)
    now = timezone.now()
    morning = dt.datetime.combine(warming.shop_day(scoped, now), dt.time(9), tzinfo=scoped.zone)
    went = [len(go_on(campaign, now))] + [len(go_on(campaign, morning + n * DAY)) for n in (1, 2)]
    assert went == [2, 4, 3]
    plan.refresh_from_db()
    assert plan.state == WarmupPlan.State.ENDED
    assert Event.objects.filter(name="marketing.warmup_ended").count() == 1
    assert pace_of(campaign, scoped) is None
    puts = WarmupDay.objects.order_by("day").values_list("step", "planned", "sent", "stay")
    assert list(puts) == [(0, 2, 2, ""), (1, 4, 4, "")]


@pytest.mark.parametrize(
    ("zone", "day", "opens"),
    [
        # clocks go forward in the night to 8 March, back in the night to 1 November
        ("America/New_York", dt.date(2026, 3, 7), "2026-03-07T13:00:00+00:00"),
        ("America/New_York", dt.date(2026, 3, 8), "2026-03-08T12:00:00+00:00"),
        ("America/New_York", dt.date(2026, 11, 1), "2026-11-01T13:00:00+00:00"),
        ("Asia/Shanghai", dt.date(2026, 3, 8), "2026-03-08T00:00:00+00:00"),
    ],
)
def test_a_day_opens_by_the_shop_s_clock(scoped: Merchant, zone: str, day: dt.date, opens: str) -> None:
    scoped.time_zone = zone
    plan = WarmupPlan(merchant=scoped, domain=DOMAIN, starts_on=day, amounts=[1])
    warmth = warming.Warmth(plan, scoped, WarmupDay(plan=plan, day=day - DAY, step=0, planned=1))
    assert warmth.opens_on(day).isoformat() == opens


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York", "Africa/Cairo"])
def test_the_amount_is_new_when_the_shop_s_day_changes(scoped: Merchant, zone: str) -> None:
    Merchant.objects.filter(pk=scoped.pk).update(time_zone=zone)
    scoped.time_zone = zone
    # Cairo's midnight of 24 April 2026 does not exist
    midnight = dt.datetime(2026, 4, 24, tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    plan = make_plan(scoped, [1, 2, 4])
    WarmupPlan.objects.filter(pk=plan.pk).update(starts_on=dt.date(2026, 4, 23), goes_from=dt.time(0))
    campaign = started(scoped, 9)
    Delivery.objects.update(due_at=midnight - 10 * DAY)
    before, after = midnight - dt.timedelta(minutes=1), midnight + dt.timedelta(minutes=1)
    assert len(go_on(campaign, before)) == 1
    assert len(go_on(campaign, before)) == 0
    assert len(go_on(campaign, after)) == 2
    assert list(WarmupDay.objects.order_by("day").values_list("day", flat=True)) == [
        dt.date(2026, 4, 23),
        dt.date(2026, 4, 24),
    ]


def one_day_on(plan: WarmupPlan, merchant: Merchant, *, sent: int, planned: int = 200) -> WarmupDay:
    """The plan's next day after one on which so many left."""
    now = timezone.now()
    today = warming.shop_day(merchant, now)
    WarmupPlan.objects.filter(pk=plan.pk).update(starts_on=today - 3 * DAY)
    plan.refresh_from_db()
    WarmupDay.objects.create(
        merchant=merchant, plan=plan, day=today - DAY, step=1, planned=planned, sent=sent
    )
    warmth = warming.on_its_day(plan, merchant, now)
    assert warmth is not None
    return warmth.today


def came_back(merchant: Merchant, **figures: int) -> None:
    campaign = make_campaign(merchant)
    day = warming.shop_day(merchant, timezone.now()) - DAY
    DomainCount.objects.create(merchant=merchant, campaign=campaign, day=day, domain="a.cn", **figures)


def test_it_grows_after_a_good_day(scoped: Merchant) -> None:
    came_back(scoped, sent=200, hard=2, complained=0)
    today = one_day_on(make_plan(scoped, [100, 200, 400]), scoped, sent=200)
    assert (today.step, today.planned, today.stay) == (2, 400, "")


@pytest.mark.parametrize(
    ("case", "figures", "sent", "stay"),
    [
        ("bounces", {"sent": 200, "hard": 10}, 200, "bounces"),
        ("complaints", {"sent": 900, "complained": 3}, 200, "complaints"),
        ("little was sent", {"sent": 200}, 99, "idle"),
    ],
)
def test_it_keeps_its_step_after_a_bad_day(
    scoped: Merchant, case: str, figures: dict[str, int], sent: int, stay: str
) -> None:
    came_back(scoped, **figures)
    today = one_day_on(make_plan(scoped, [100, 200, 400]), scoped, sent=sent)
    assert (today.step, today.planned, today.stay) == (1, 200, stay), case


def test_the_health_of_another_domain_does_not_count(scoped: Merchant) -> None:
    came_back(scoped, sent=200, hard=100)
    today = one_day_on(make_plan(scoped, [100, 200, 400], domain="other.example"), scoped, sent=200)
    assert today.stay == ""


def test_kept_by_hand_and_let_grow_again(scoped: Merchant) -> None:
    plan = services.warmup_change(plan=make_plan(scoped, [2, 4]), values={"is_kept": True})
    campaign = started(scoped, 7)
    assert len(claim(campaign)) == 2
    today = warming.shop_day(scoped, timezone.now())
    last = Delivery.objects.order_by("-due_at").first()
    assert last is not None and last.due_at.astimezone(scoped.zone).date() == today + 3 * DAY  # 2, 2, 1
    services.warmup_change(plan=plan, values={"is_kept": False})
    calling.sweep()
    assert claim(campaign) == [], "today's are gone"
    last.refresh_from_db()
    assert last.due_at.astimezone(scoped.zone).date() == today + 2 * DAY  # 4, then the end


def test_a_bigger_amount_today_lets_more_go_today(scoped: Merchant) -> None:
    plan = make_plan(scoped, [2, 4])
    campaign = started(scoped, 7)
    assert len(claim(campaign)) == 2
    services.warmup_change(plan=plan, values={"amounts": [5, 6]})
    calling.sweep()
    assert len(claim(campaign)) == 3


def test_ended_by_hand_everybody_goes(scoped: Merchant) -> None:
    plan = make_plan(scoped, [1, 2])
    campaign = started(scoped, 5)
    assert len(claim(campaign)) == 1
    with pytest.raises(Conflict):
        services.warmup_delete(plan=plan)
    services.warmup_end(plan=plan)
    calling.sweep()
    assert len(claim(campaign)) == 4
    with pytest.raises(Conflict):
        services.warmup_change(plan=plan, values={"is_kept": True})
    services.warmup_delete(plan=plan)
    assert not WarmupPlan.objects.exists()


def test_a_plan_of_another_domain_or_way_holds_nothing(scoped: Merchant) -> None:
    make_plan(scoped, [1], domain="other.example")
    assert pace_of(started(scoped, 2), scoped) is None
    assert pace_of(make_campaign(scoped, name="SMS", channel="sms"), scoped) is None


def test_mails_of_journeys_go_before_campaigns_and_count(scoped: Merchant) -> None:
    make_plan(scoped, [2, 4])
    assert len(claim(started(scoped, 3))) == 2
    journey = Journey.objects.create(merchant=scoped, name="Welcome")
    carrier = campaigns.campaign_start(campaign=make_campaign(scoped, name="Welcome"))
    StepMail.objects.create(
        merchant=scoped,
        journey=journey,
        campaign=carrier,
        step="s",
        number=1,
        template_id=1,
        template_at=timezone.now(),
    )
    assert len(claim(carrier)) == 2, "though the day's amount is gone"
    assert states(carrier)["queued", "warm_up"] == 1, "until they alone are a day's amount"
    day = WarmupDay.objects.get()
    assert (day.sent, day.ahead) == (4, 2)


def test_invitations_to_review_count_and_wait_once_they_alone_are_a_day_s_amount(scoped: Merchant) -> None:
    person = make_subscriber(scoped)
    own = warming.domain_of(warming.default_sender(scoped))
    make_plan(scoped, [2, 4], domain=own)
    make_plan(scoped, [1], domain="other.example")
    for expected in (1, 2):
        assert restraint_on(scoped, person) is None
        restraining.count_invitation(scoped)
        assert WarmupDay.objects.get().ahead == expected
    held = restraint_on(scoped, person)
    assert held is not None and held.code == "warm_up"
    assert held.until is not None and held.until > timezone.now()


def test_what_a_receiver_put_off_is_counted_once(scoped: Merchant) -> None:
    make_plan(scoped, [2, 4])
    campaign = started(scoped, 2)
    claim(campaign)
    Delivery.objects.update(state="deferred", due_at=timezone.now(), run_id=None)
    assert len(claim(campaign)) == 2
    assert WarmupDay.objects.get().sent == 2


def test_a_slow_limit_and_a_plan_together(scoped: Merchant) -> None:
    make_plan(scoped, [4, 8])
    services.limit_add(merchant=scoped, values={"kind": "server", "amount": 1, "per": "minute"})
    campaign = started(scoped, 9)
    assert len(claim(campaign)) == 1
    assert states(campaign) == {("sending", ""): 1, ("queued", "throttled"): 3, ("queued", "warm_up"): 5}
    assert PaceLimit.objects.get().tail_at > timezone.now() + dt.timedelta(minutes=3)


def test_a_day_that_nobody_uses_is_given_to_those_who_wait(scoped: Merchant) -> None:
    plan = make_plan(scoped, [4, 8])
    WarmupPlan.objects.update(goes_from=dt.time(0))
    first, second = (
        started(scoped, 6),
        campaigns.campaign_start(campaign=make_campaign(scoped, name="Second")),
    )
    claim(first)
    claim(second)
    assert states(second) == {("queued", "warm_up"): 6}
    # the next day, the first is cancelled before its turn
    WarmupDay.objects.filter(plan=plan).update(sent=0)
    campaigns.campaign_cancel(campaign=first)
    calling.sweep()
    assert len(claim(second)) == 4


def test_who_looked_at_mails_lately_goes_first(scoped: Merchant) -> None:
    people = [make_subscriber(scoped) for _ in range(4)]
    now = timezone.now()
    for person, figures in zip(
        people[1:],
        [
            {"last_opened_at": now - 60 * DAY},
            {"last_clicked_at": now - 5 * DAY},
            {"last_opened_at": now - 5 * DAY},
        ],
        strict=True,
    ):
        Metrics.objects.filter(customer=person).update(**figures)
    make_plan(scoped, [2, 4])
    campaign = campaigns.campaign_start(campaign=make_campaign(scoped))
    assert {row.customer_id for row in claim(campaign)} == {people[2].pk, people[3].pk}
    waits = Delivery.objects.filter(reason="warm_up").order_by("due_at").values_list("customer", flat=True)
    assert set(waits) == {people[0].pk, people[1].pk}


def test_the_check_list_says_until_when(scoped: Merchant) -> None:
    campaign = make_campaign(scoped)

    def points(people: int | None = 1_000) -> dict[str, tuple[str, str]]:
        found = checklist(campaign=campaign, merchant=scoped, people=people)
        return {str(one.title): (one.state, str(one.text)) for one in found}

    assert "Warm-up" not in points() and "Sending pace" not in points()
    make_plan(scoped, [400, 800])
    assert points()["Warm-up"][0] == "warn" and "400" in points()["Warm-up"][1]
    assert points(300)["Warm-up"][0] == "good"
    services.limit_add(merchant=scoped, values={"kind": "server", "amount": 100, "per": "hour"})
    assert points()["Sending pace"][0] == "warn"
    assert "Sending pace" not in points(10)
    for email in ("a@gmail.com", "b@gmail.com", "c@a.example"):
        make_subscriber(scoped, email=email)
    services.limit_add(merchant=scoped, values={"kind": "group", "name": "gmail", "amount": 1, "per": "hour"})
    assert "Gmail" in points(3)["Sending pace"][1]
    assert "Warm-up" not in points(None), "nothing is reckoned for a mere question"


@pytest.mark.parametrize(
    ("first", "factor", "top", "expected"),
    [
        (50, 2.0, 500, [50, 100, 200, 400, 500]),
        (50, 1.5, 200, [50, 75, 110, 160, 200]),
        (10, 2.0, 5, [5]),
        (1, 1.2, 4, [1, 2, 3, 4]),
    ],
)
def test_ladders(first: int, factor: float, top: int, expected: list[int]) -> None:
    assert ladder(first, factor, top, 120) == expected


def test_a_ladder_ends() -> None:
    amounts = ladder(1, 1.2, 10_000_000, 30)
    assert len(amounts) == 30 and amounts[-1] == 10_000_000 and amounts == sorted(amounts)


# --- pages and programs ----------


def test_the_pages(member_client: Callable[..., Client], merchant: Merchant) -> None:
    marketer = member_client("marketer")
    add = {"target": "group:gmail", "amount": "500", "per": "hour"}
    assert marketer.post("/campaigns/pace/", add).status_code == 302
    assert marketer.post("/campaigns/pace/", add).status_code == 422, "it is there"
    assert marketer.post("/campaigns/pace/", add | {"target": "connection:99999"}).status_code == 422
    nonsense = marketer.post("/campaigns/pace/", add | {"target": "domain", "domain": "nonsense"})
    assert nonsense.status_code == 422 and "such as shop.com" in nonsense.content.decode()
    with merchant_scope(merchant):
        limit = PaceLimit.objects.get()
    assert marketer.post(f"/campaigns/pace/{limit.pk}/", {"amount": "0", "per": "hour"}).status_code == 422
    assert marketer.post(f"/campaigns/pace/{limit.pk}/", {"amount": "9", "per": "second"}).status_code == 302
    shown = marketer.get("/campaigns/pace/").content.decode()
    assert "Gmail" in shown and "a second" in shown
    with merchant_scope(merchant):
        own = warming.domain_of(warming.default_sender(merchant))
        today = warming.shop_day(merchant, timezone.now())
    values = {"domain": own, "starts_on": f"{today:%Y-%m-%d}", "goes_from": "08:00"}
    wrong = [{"shape": "own", "amounts": "many"}, {"shape": "own"}, {"shape": "planet"}]
    wrong += [{"shape": "double", "starts_on": "2020-01-01"}, {"shape": "double", "domain": "nobody.example"}]
    for more in wrong:
        assert marketer.post("/campaigns/warm-up/", values | more).status_code == 422, more
    made = marketer.post("/campaigns/warm-up/", values | {"shape": "double", "first": "50", "top": "300"})
    assert made.status_code == 302
    with merchant_scope(merchant):
        plan = WarmupPlan.objects.get()
        assert plan.amounts == [50, 100, 200, 300]
    page = f"/campaigns/warm-up/{plan.pk}/"
    assert "Amount of the day: 50" in marketer.get(page).content.decode()
    change = {"amounts": "60 120", "goes_from": "09:30", "is_kept": "on"}
    assert marketer.post(page, change).status_code == 302
    assert marketer.post(page, change | {"amounts": "0"}).status_code == 422
    assert marketer.post(f"{page}delete/").status_code == 409
    assert marketer.post(f"{page}end/").status_code == 302
    assert "The plan is over" in marketer.get(page).content.decode()
    assert marketer.post(f"/campaigns/pace/{limit.pk}/remove/").status_code == 302
    analyst = member_client("analyst")
    assert analyst.get("/campaigns/pace/").status_code == 403
    with merchant_scope(merchant):
        calling.sweep()
        assert not PaceLimit.objects.exists()
        assert WarmupPlan.objects.get().called_to is None
    assert marketer.post(f"{page}delete/").status_code == 302


def test_programs(merchant: Merchant, rival: Merchant) -> None:
    client, stranger = ApiClient(make_key(merchant)[1]), ApiClient(make_key(rival)[1])
    limit = {"kind": "domain", "name": "Big.example", "amount": 5, "per": "second"}
    made = client.post_json("pace-limits/", limit)
    assert made.status_code == 201 and made.json()["name"] == "big.example"
    assert client.post_json("pace-limits/", limit).status_code == 409
    assert client.post_json("pace-limits/", limit | {"kind": "group"}).status_code == 422
    one = f"pace-limits/{made.json()['id']}/"
    assert stranger.get(one).status_code == 404
    assert client.patch_json(one, {"amount": 7}).json()["amount"] == 7
    assert client.patch_json(one, {"amount": 0}).status_code == 422
    assert client.delete(f"/api/v1/{one}").status_code == 204
    assert client.get("pace-limits/").json()["results"] == []
    with merchant_scope(merchant):
        today = warming.shop_day(merchant, timezone.now())
    values = {"domain": "shop.example", "starts_on": today.isoformat(), "amounts": [50, 100]}
    plan = client.post_json("warmup-plans/", values)
    assert plan.status_code == 201 and plan.json()["today"]["planned"] == 50
    assert client.post_json("warmup-plans/", values).status_code == 409
    assert client.post_json("warmup-plans/", values | {"amounts": []}).status_code == 422
    assert client.post_json("warmup-plans/", values | {"domain": "nonsense"}).status_code == 422
    one = f"warmup-plans/{plan.json()['id']}/"
    assert stranger.get(one).status_code == 404
    assert stranger.post_json(f"{one}end/", {}).status_code == 404
    assert client.patch_json(one, {"is_kept": True, "goes_from": "10:00"}).json()["goes_from"] == "10:00"
    assert client.delete(f"/api/v1/{one}").status_code == 409
    assert client.post_json(f"{one}end/", {}).json()["state"] == "ended"
    with merchant_scope(merchant):
        calling.sweep()
    assert client.delete(f"/api/v1/{one}").status_code == 204


def test_a_rival_s_plan_and_limit_hold_nothing(scoped: Merchant, rival: Merchant) -> None:
    with merchant_scope(rival):
        make_plan(rival, [1])
        services.limit_add(merchant=rival, values={"kind": "server", "amount": 1, "per": "hour"})
    campaign = started(scoped, 3)
    assert pace_of(campaign, scoped) is None
    assert len(claim(campaign)) == 3


def test_a_rival_s_provider_is_nobody_s(scoped: Merchant, rival: Merchant) -> None:
    with pytest.raises(Rejected):
        services.limit_add(
            merchant=scoped, values={"kind": "connection", "connection": rival, "amount": 1, "per": "hour"}
        )
    assert Customer.objects.count() == 0
