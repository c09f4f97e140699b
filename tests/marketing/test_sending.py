"""A campaign goes out: once to each, to nobody who may not be written to, and everything it does is said."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.conf import settings as configured
from django.db import connection

from crm.accounts.models import Merchant
from crm.events.models import Event
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope
from customers.consent import suppress
from customers.models import Customer, Suppression
from customers.registries import HOLDS, Hold
from marketing.campaigns import services
from marketing.models import Campaign, Delivery, SendingPolicy, SendingRun
from marketing.sending import checking, claiming, reaping, telling
from marketing.sending.checking import quiet_until
from marketing.sending.runner import Runner
from tests.factories.customers import make_consent, make_customer
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.support.claiming import states
from tests.support.smtp import SmtpSink


def send(campaign: Campaign) -> Campaign:
    """Starts it and sends until nothing is due, as the worker does."""
    services.campaign_start(campaign=campaign)
    work(campaign)
    return campaign


def work(campaign: Campaign) -> None:
    campaign.refresh_from_db()
    Runner(merchant=campaign.merchant, campaign=campaign, connections=4).run()
    services.campaign_settle(campaign=campaign)
    campaign.refresh_from_db()


def recipients(sink: SmtpSink) -> list[str]:
    return sorted(address for mail in sink.mails for address in mail.recipients)


def test_each_subscriber_gets_one_personal_mail(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    people = [make_subscriber(scoped, name) for name in ("Mei Li", "李晓梅", "Bob <b> O'Neil")]
    campaign = send(make_campaign(scoped))
    assert campaign.state == Campaign.State.SENT
    assert states(campaign) == {("sent", ""): 3}
    assert recipients(smtp_sink) == sorted(person.email for person in people)
    mail = next(mail for mail in smtp_sink.mails if people[1].email in mail.recipients)
    assert mail.message["Subject"] == "Tea for 李晓梅"
    assert "Hello 李晓梅," in mail.html
    assert "/t/c/" in mail.html
    assert f"https://shop.example/tea?for={people[1].pk}" in mail.text
    assert "/u/" in mail.html
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.message["From"].addresses[0].addr_spec == "news@qinghe.example"
    row = Delivery.objects.get(customer=people[1])
    assert mail.message["Message-ID"] == row.message_id
    assert row.receipt.startswith("250")
    assert Event.objects.filter(name="marketing.mail_sent").count() == 3
    people[1].metrics.refresh_from_db()
    assert people[1].metrics.last_sent_at is not None


def test_one_mail_for_an_address_that_two_people_share(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    make_subscriber(scoped, email="a@example.com")
    other = make_customer(scoped, email="")
    Customer.objects.filter(pk=other.pk).update(email="A@Example.com ")
    make_consent(other)
    campaign = send(make_campaign(scoped))
    assert recipients(smtp_sink) == ["a@example.com"]
    assert Delivery.objects.filter(campaign=campaign).count() == 1


def test_who_may_not_be_written_to_is_not_and_the_row_says_why(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    fine = make_subscriber(scoped)
    make_customer(scoped, "never asked")
    gone = make_subscriber(scoped, "withdrew")
    make_consent(gone, granted=False)
    blocked = make_subscriber(scoped, "suppressed")
    suppress(merchant=scoped, channel="email", value=blocked.email, reason=Suppression.Reason.BOUNCE)
    make_customer(scoped, "no address", email="")
    odd = make_subscriber(scoped, "odd address", email="not an address@example.com")
    campaign = make_campaign(scoped)
    services.campaign_start(campaign=campaign)
    late = make_consent(fine2 := make_subscriber(scoped, "came later"), granted=False)
    erased = Delivery.objects.get(customer=odd)
    work(campaign)
    assert recipients(smtp_sink) == [fine.email]
    assert states(campaign) == {
        ("sent", ""): 1,
        ("skipped", "no_consent"): 1,
        ("skipped", "withdrawn"): 1,
        ("skipped", "suppressed"): 1,
        ("skipped", "no_address"): 1,
        ("failed", "bad_address"): 1,
    }
    assert late.pk
    assert fine2.pk
    assert erased.pk


def test_withdrawn_after_the_freeze_is_not_mailed(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    person = make_subscriber(scoped)
    make_subscriber(scoped)
    campaign = make_campaign(scoped)
    services.campaign_start(campaign=campaign)
    make_consent(person, granted=False)
    work(campaign)
    assert person.email not in recipients(smtp_sink)
    assert states(campaign) == {("sent", ""): 1, ("skipped", "withdrawn"): 1}


def test_an_erased_or_moved_address_is_not_mailed(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    erased, moved = make_subscriber(scoped), make_subscriber(scoped)
    campaign = make_campaign(scoped)
    services.campaign_start(campaign=campaign)
    Customer.objects.filter(pk=erased.pk).update(erased_at=dt.datetime.now(dt.UTC))
    moved.identities.all().delete()
    Customer.objects.filter(pk=moved.pk).update(email="new@example.com")
    work(campaign)
    assert smtp_sink.mails == []
    assert states(campaign) == {("skipped", "erased"): 1, ("skipped", "moved"): 1}


def test_a_care_hold_holds_the_mail_back(
    scoped: Merchant, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, free = make_subscriber(scoped, grade="held"), make_subscriber(scoped)
    sql = "SELECT h.id FROM customers_customer h WHERE h.merchant_id = %(merchant_id)s AND h.grade = 'held'"
    monkeypatch.setitem(HOLDS, "test", Hold("test", "An open complaint", sql))
    campaign = send(make_campaign(scoped))
    assert recipients(smtp_sink) == [free.email]
    row = Delivery.objects.get(customer=held)
    assert (row.state, row.reason, row.reason_text) == ("skipped", "hold:test", "An open complaint")
    assert campaign.state == Campaign.State.SENT


def test_the_frequency_cap_counts_mails_of_all_campaigns(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    make_subscriber(scoped)
    SendingPolicy.objects.create(merchant=scoped, cap_count=2, cap_days=7)
    results = [states(send(make_campaign(scoped, name=f"No {n}"))) for n in range(3)]
    assert results == [{("sent", ""): 1}, {("sent", ""): 1}, {("skipped", "frequency_cap"): 1}]


@pytest.mark.parametrize(
    "name, local, start, end, until",
    [
        ("outside", "2026-05-01T12:00", "21:00", "08:00", None),
        ("before midnight", "2026-05-01T22:30", "21:00", "08:00", "2026-05-02T08:00"),
        ("after midnight", "2026-05-02T03:00", "21:00", "08:00", "2026-05-02T08:00"),
        ("the last moment", "2026-05-02T08:00", "21:00", "08:00", None),
        ("within one day", "2026-05-01T13:00", "12:00", "14:00", "2026-05-01T14:00"),
    ],
)
def test_when_quiet_hours_end(name: str, local: str, start: str, end: str, until: str | None) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    now = dt.datetime.fromisoformat(local).replace(tzinfo=zone)
    found = quiet_until(now, zone, dt.time.fromisoformat(start), dt.time.fromisoformat(end))
    assert found == (dt.datetime.fromisoformat(until).replace(tzinfo=zone) if until else None)


def test_quiet_hours_are_the_customers_own(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    now = dt.datetime.now(dt.UTC)
    start, end = (now - dt.timedelta(hours=1)).time(), (now + dt.timedelta(hours=1)).time()
    SendingPolicy.objects.create(merchant=scoped, quiet_from=start, quiet_until=end)
    asleep = make_subscriber(scoped, time_zone="UTC")
    awake = make_subscriber(scoped, time_zone="Asia/Tokyo")
    odd = make_subscriber(scoped, time_zone="Atlantis/Center")
    campaign = send(make_campaign(scoped))
    assert recipients(smtp_sink) == sorted([awake.email, odd.email])
    row = Delivery.objects.get(customer=asleep)
    assert (row.state, row.reason) == ("queued", "quiet_hours")
    assert row.due_at > now
    assert campaign.state == Campaign.State.SENDING


@pytest.mark.parametrize(
    "name, command, code, state, reason",
    [
        ("user unknown", "RCPT", 550, "failed", "refused"),
        ("greylisted", "RCPT", 451, "deferred", "later"),
        ("refused at the end", "DOT", 554, "failed", "refused"),
        ("full at the end", "DOT", 452, "deferred", "later"),
    ],
)
def test_what_the_server_says_becomes_the_state(
    scoped: Merchant, smtp_sink: SmtpSink, name: str, command: str, code: int, state: str, reason: str
) -> None:
    bad, fine = make_subscriber(scoped, email="bad@example.com"), make_subscriber(scoped)
    smtp_sink.fail(command, code, to="bad@*")
    campaign = send(make_campaign(scoped))
    row = Delivery.objects.get(customer=bad)
    assert (row.state, row.reason) == (state, reason)
    assert row.receipt.startswith(str(code))
    assert Delivery.objects.get(customer=fine).state == "sent"
    if state == "deferred":
        assert row.due_at > dt.datetime.now(dt.UTC) + dt.timedelta(seconds=200)
        assert campaign.state == Campaign.State.SENDING


def test_a_deferred_mail_goes_out_later_and_once(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    person = make_subscriber(scoped)
    smtp_sink.fail("RCPT", 451, times=1)
    campaign = send(make_campaign(scoped))
    assert states(campaign) == {("deferred", "later"): 1}
    Delivery.objects.update(due_at=dt.datetime.now(dt.UTC))
    work(campaign)
    assert recipients(smtp_sink) == [person.email]
    assert campaign.state == Campaign.State.SENT


def test_a_line_lost_after_the_dot_is_unknown_and_stays_so(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    make_subscriber(scoped)
    smtp_sink.break_after_dot()
    campaign = send(make_campaign(scoped))
    assert states(campaign) == {("unknown", "line_lost"): 1}
    work(campaign)
    reaping.reap_silent_runs()
    assert len(smtp_sink.mails) == 1
    assert campaign.state == Campaign.State.SENT


def test_staff_may_resend_what_is_unknown(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    make_subscriber(scoped)
    smtp_sink.break_after_dot()
    campaign = send(make_campaign(scoped))
    row = Delivery.objects.get(campaign=campaign)
    smtp_sink.heal()
    assert services.deliveries_resend(campaign=campaign, delivery_ids=[row.pk]) == 1
    work(campaign)
    assert states(campaign) == {("sent", ""): 1}
    assert len({mail.message["Message-ID"] for mail in smtp_sink.mails}) == 1


def test_no_server_loses_nothing(scoped: Merchant, settings) -> None:
    make_subscriber(scoped)
    settings.SMTP_PORT = 1
    campaign = make_campaign(scoped)
    services.campaign_start(campaign=campaign)
    report = Runner(merchant=scoped, campaign=campaign, connections=2, give_up_seconds=0.5).run()
    assert report.trouble
    assert states(campaign) == {("queued", ""): 1}
    assert Delivery.objects.get().attempts == 0
    assert not SendingRun.objects.filter(ended_at__isnull=True).exists()


def test_a_template_that_fails_for_one_customer_fails_for_that_one_only(
    scoped: Merchant, smtp_sink: SmtpSink
) -> None:
    bad = make_subscriber(scoped, attributes={"n": 0})
    fine = make_subscriber(scoped, attributes={"n": 2})
    campaign = send(make_campaign(scoped, subject="{{ 4 | divided_by: customer.attributes.n }}"))
    assert recipients(smtp_sink) == [fine.email]
    row = Delivery.objects.get(customer=bad)
    assert (row.state, row.reason) == ("failed", "render")
    assert "divide" in row.receipt
    assert campaign.state == Campaign.State.SENT


def test_pause_resume_and_cancel(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    make_subscriber(scoped)
    campaign = make_campaign(scoped)
    services.campaign_start(campaign=campaign)
    services.campaign_pause(campaign=campaign)
    Runner(merchant=scoped, campaign=campaign, connections=2).run()
    assert smtp_sink.mails == []
    services.campaign_resume(campaign=campaign)
    services.campaign_cancel(campaign=campaign)
    campaign.refresh_from_db()
    assert states(campaign) == {("skipped", "cancelled"): 1}
    assert campaign.state == Campaign.State.CANCELLED
    with pytest.raises(Conflict):
        services.campaign_resume(campaign=campaign)


def test_starting_twice_is_refused(scoped: Merchant) -> None:
    make_subscriber(scoped)
    campaign = make_campaign(scoped)
    services.campaign_start(campaign=campaign)
    with pytest.raises(Conflict):
        services.campaign_start(campaign=campaign)
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize(
    "name, values",
    [
        ("no subject", {"subject": " "}),
        ("no content", {"body": ""}),
        ("broken content", {"body": "<p>{{ a </p>"}),
        ("no audience", {"audience": "segment"}),
        ("sender beyond ASCII", {"sender_email": "李@qinghe.example"}),
    ],
)
def test_a_campaign_that_is_not_ready_does_not_start(
    scoped: Merchant, name: str, values: dict[str, str]
) -> None:
    make_subscriber(scoped)
    campaign = make_campaign(scoped, **values)
    with pytest.raises(Rejected):
        services.campaign_start(campaign=campaign)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.DRAFT
    assert Delivery.objects.count() == 0


def test_an_audience_of_nobody_does_not_start(scoped: Merchant) -> None:
    with pytest.raises(Rejected):
        services.campaign_start(campaign=make_campaign(scoped))


def claim(campaign: Campaign, run: SendingRun, at: dt.datetime) -> list[int]:
    policy = checking.policy_of(campaign.merchant)
    rows = claiming.claim(merchant=campaign.merchant, campaign=campaign, run=run, policy=policy, at=at)
    return [row.delivery_id for row in rows]


def outcome(delivery_id: int, state: str = "sent") -> claiming.Outcome:
    return claiming.Outcome(delivery_id, state, "", "250 2.0.0 taken")


def told() -> set[int]:
    """The mails that stand on a timeline; each once."""
    rows = list(Event.objects.filter(name="marketing.mail_sent").values_list("data__delivery_id", flat=True))
    assert len(rows) == len(set(rows))
    return set(rows)


def test_the_reaper_doubts_what_may_have_left_and_returns_the_rest(scoped: Merchant) -> None:
    # given a run that may have two mails out at once, and wrote the outcome of the second of five
    for _ in range(5):
        make_subscriber(scoped)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    run = SendingRun.objects.create(merchant=scoped, campaign=campaign, window=2)
    held = claim(campaign, run, dt.datetime.now(dt.UTC))
    assert claiming.record(campaign=campaign, run=run, outcomes=[outcome(held[1])])
    # when it is silent
    assert reaping.reap_silent_runs() == 0
    with time_machine.travel(
        dt.datetime.now(dt.UTC) + dt.timedelta(seconds=configured.SENDING_SILENCE_SECONDS + 1)
    ):
        assert reaping.reap_silent_runs() == 1
    # then the first two without an outcome are in doubt, in the order in which they were marked
    assert states(campaign) == {("sent", ""): 1, ("unknown", "line_lost"): 2, ("queued", ""): 2}
    doubtful = Delivery.objects.filter(state="unknown").order_by("pk").values_list("pk", flat=True)
    assert list(doubtful) == [held[0], held[2]]
    assert set(Delivery.objects.filter(state="queued").values_list("attempts", flat=True)) == {0}
    # and what was sent is told although the run died before it told so
    assert told() == {held[1]}
    # and what it says when it wakes up is believed, but it may go no further
    assert not claiming.record(campaign=campaign, run=run, outcomes=[outcome(held[0]), outcome(held[3])])
    assert told() == {held[0], held[1]}
    assert states(campaign) == {("sent", ""): 2, ("unknown", "line_lost"): 1, ("queued", ""): 2}
    assert claim(campaign, run, dt.datetime.now(dt.UTC)) == []
    assert not claiming.beat(run)


def test_a_claim_whose_answer_was_lost_is_asked_again_and_gives_the_same(scoped: Merchant) -> None:
    make_subscriber(scoped)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    run = SendingRun.objects.create(merchant=scoped, campaign=campaign)
    at = dt.datetime.now(dt.UTC)
    held = claim(campaign, run, at)
    assert claim(campaign, run, at) == held != []
    assert claim(campaign, run, at + dt.timedelta(seconds=1)) == []
    assert Delivery.objects.get(pk=held[0]).attempts == 1


def test_an_outcome_written_twice_is_told_once(scoped: Merchant) -> None:
    make_subscriber(scoped)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    run = SendingRun.objects.create(merchant=scoped, campaign=campaign)
    (held,) = claim(campaign, run, dt.datetime.now(dt.UTC))
    for _ in range(2):
        assert claiming.record(campaign=campaign, run=run, outcomes=[outcome(held)])
    for _ in range(2):
        telling.tell(campaign=campaign, run=run, delivery_ids=[held])
    assert told() == {held}


def test_what_comes_back_to_a_cancelled_campaign_is_not_sent(scoped: Merchant) -> None:
    make_subscriber(scoped)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    run = SendingRun.objects.create(merchant=scoped, campaign=campaign)
    held = claim(campaign, run, dt.datetime.now(dt.UTC))
    services.campaign_cancel(campaign=campaign)
    claiming.give_back(campaign=campaign, run=run, delivery_ids=held)
    assert states(campaign) == {("skipped", "cancelled"): 1}


def test_the_statement_for_a_batch_does_not_grow_with_it(scoped: Merchant, django_assert_num_queries) -> None:
    for _ in range(5):
        make_subscriber(scoped)
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    ids = list(Delivery.objects.values_list("pk", flat=True))
    policy = checking.policy_of(scoped)
    with django_assert_num_queries(1):
        checking.check(merchant=scoped, policy=policy, delivery_ids=ids)
    assert connection.vendor == "postgresql"
    assert campaign.pk


def test_another_shop_is_not_touched(scoped: Merchant, rival: Merchant, smtp_sink: SmtpSink) -> None:
    mine = make_subscriber(scoped)
    with merchant_scope(rival):
        make_subscriber(rival)
    send(make_campaign(scoped))
    assert recipients(smtp_sink) == [mine.email]
