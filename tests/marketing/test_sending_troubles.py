"""What breaks while a campaign is sent: nothing stays half-way, and the server's refusal of us is no one's
failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from crm.accounts.models import Merchant
from marketing.campaigns import services
from marketing.engine.smtp import Engine, Outgoing, Result, Status
from marketing.models import Campaign, Delivery, Link, SendingRun
from marketing.sending import refusals, supplying, tasks
from marketing.sending.breaker import ABOUT_US, UNCODED, Breaker
from marketing.sending.claiming import Claimed, Outcome
from marketing.sending.handover import AHEAD, Handover, Mail
from marketing.sending.rendering import Renderer
from marketing.sending.runner import Runner
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.support.smtp import SmtpSink

RELAY = "5.7.1 <%(to)s>: Relay access denied"


def started(merchant: Merchant, people: int = 5, domains: int = 4) -> Campaign:
    for number in range(people):
        make_subscriber(merchant, email=f"p{number}@d{number % domains}.example.com")
    return services.campaign_start(campaign=make_campaign(merchant))


def send(campaign: Campaign) -> None:
    """One turn of the worker."""
    tasks.send_campaign(campaign.merchant_id, campaign.pk)
    campaign.refresh_from_db()


def states(campaign: Campaign) -> Counter[tuple[str, str]]:
    return Counter(Delivery.objects.filter(campaign=campaign).values_list("state", "reason"))


def test_a_claim_that_breaks_leaves_nothing_half_way(
    scoped: Merchant, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = started(scoped)

    def broken(**_asked: object) -> None:
        raise LookupError("what a template may know")

    monkeypatch.setattr(supplying, "contexts", broken)
    with pytest.raises(LookupError):
        send(campaign)
    assert states(campaign) == {("queued", ""): 5}
    assert set(Delivery.objects.values_list("attempts", "run_id")) == {(0, None)}
    assert not SendingRun.objects.filter(ended_at__isnull=True).exists()
    campaign.refresh_from_db()
    assert "LookupError" in campaign.trouble
    # and once it is mended each gets it
    monkeypatch.undo()
    send(campaign)
    assert states(campaign) == {("sent", ""): 5}
    assert campaign.trouble == ""


def test_an_engine_that_dies_leaves_nothing_half_way(
    scoped: Merchant, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = started(scoped, 30)
    done, deaths = Engine._done, iter([RuntimeError("an error in the program")])

    def dies(self: Engine, result: Result) -> None:
        done(self, result)
        if self._tally.counts[Status.SENT] == 7:
            for death in deaths:
                raise death

    monkeypatch.setattr(Engine, "_done", dies)
    with pytest.raises(RuntimeError):
        send(campaign)
    standing = states(campaign)
    assert standing["sending", ""] == 0
    assert standing["sent", ""] == 7
    assert sum(standing.values()) == 30
    assert not SendingRun.objects.filter(ended_at__isnull=True).exists()
    monkeypatch.undo()
    send(campaign)
    got = Counter(mail.recipients[0] for mail in smtp_sink.mails)
    assert max(got.values()) == 1
    assert len(got) + states(campaign)["unknown", "line_lost"] >= 30


def test_one_mail_that_breaks_the_program_fails_alone(
    scoped: Merchant, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = started(scoped)
    render = Renderer.render

    def breaks(self: Renderer, mail: Mail) -> Outgoing:
        if mail.row.address.startswith("p2@"):
            raise RecursionError("deep")
        return render(self, mail)

    monkeypatch.setattr(Renderer, "render", breaks)
    send(campaign)
    assert states(campaign) == {("sent", ""): 4, ("failed", "render"): 1}
    assert Delivery.objects.get(reason="render").receipt == "RecursionError: deep"


def test_a_sender_that_the_server_does_not_take_pauses_the_campaign(
    scoped: Merchant, smtp_sink: SmtpSink
) -> None:
    campaign = started(scoped)
    smtp_sink.fail("MAIL", 553, text="5.1.8 Sender address rejected")
    send(campaign)
    assert states(campaign) == {("queued", ""): 5}
    assert campaign.state == Campaign.State.PAUSED
    assert "Sender address rejected" in campaign.trouble
    # and goes on when somebody has put it right
    smtp_sink.heal()
    services.campaign_resume(campaign=campaign)
    send(campaign)
    assert states(campaign) == {("sent", ""): 5}
    assert (campaign.state, campaign.trouble) == (Campaign.State.SENT, "")


def test_a_server_that_refuses_everybody_alike_fails_nobody(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    campaign = started(scoped, ABOUT_US + 5)
    smtp_sink.fail("RCPT", 554, text="5.7.1 Relay access denied")
    send(campaign)
    assert campaign.state == Campaign.State.PAUSED
    assert "Relay access denied" in campaign.trouble
    left = states(campaign)
    assert left["queued", ""] >= ABOUT_US
    smtp_sink.heal()
    services.campaign_resume(campaign=campaign)
    send(campaign)
    assert states(campaign)["sent", ""] == left["queued", ""]


def test_dead_addresses_fail_however_many_there_are(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    campaign = started(scoped, ABOUT_US + 5)
    smtp_sink.fail("RCPT", 550, text="5.1.1 User unknown")
    send(campaign)
    assert states(campaign) == {("failed", "refused"): ABOUT_US + 5}
    assert campaign.state == Campaign.State.SENT


def streak(breaker: Breaker, text: str, count: int, domains: int = 5) -> bool:
    results = [Result(n, Status.FAILED, 554, text % {"to": f"p{n}@a.example"}) for n in range(count)]
    return [breaker.note(each, f"d{each.id % domains}") for each in results].count(True) == 1


@pytest.mark.parametrize(
    "text, count, domains, trips, again",
    [
        pytest.param(f"554 {RELAY}", ABOUT_US, 5, True, ABOUT_US, id="relay denied"),
        pytest.param(f"554 {RELAY}", ABOUT_US - 1, 5, False, 0, id="not often enough"),
        pytest.param(f"554 {RELAY}", ABOUT_US, 2, False, 0, id="two domains may say so of their own"),
        pytest.param("550 5.1.1 <%(to)s>: User unknown", 500, 5, False, 0, id="dead addresses"),
        pytest.param("550 5.1.8 Bad sender", ABOUT_US, 5, True, ABOUT_US, id="the sender"),
        pytest.param("550 No", UNCODED, 5, True, 0, id="no code: it stops, and they stay refused"),
        pytest.param("550 No", UNCODED - 1, 5, False, 0, id="no code, not often enough"),
    ],
)
def test_when_refusals_are_about_us(text: str, count: int, domains: int, trips: bool, again: int) -> None:
    breaker = Breaker()
    assert streak(breaker, text, count, domains) is trips
    assert bool(breaker.reason) is trips
    assert len(breaker.ids) == again


def test_one_mail_taken_in_between_is_no_streak() -> None:
    breaker = Breaker()
    assert not streak(breaker, f"554 {RELAY}", ABOUT_US - 1)
    assert not breaker.note(Result(99, Status.SENT, 250, "250 ok"), "d1")
    assert not streak(breaker, f"554 {RELAY}", ABOUT_US - 1)


def test_refused_addresses_are_shown_to_who_asked(
    scoped: Merchant, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str]] = []

    def take(_merchant_id: int, found: Sequence[refusals.Refusal]) -> None:
        seen.extend((one.address, one.receipt) for one in found)

    monkeypatch.setattr(refusals, "TAKERS", [take])
    campaign = started(scoped)
    smtp_sink.fail("RCPT", 550, to="p3@*", text="5.1.1 User unknown")
    send(campaign)
    assert set(seen) == {("p3@d3.example.com", "550 5.1.1 User unknown")}


def mail_of(number: int) -> Mail:
    return Mail(Claimed(number, number, f"p{number}@example.com", f"<{number}@x>"), {})


def test_only_the_first_of_those_that_are_out_may_leave() -> None:
    handover = Handover(2)
    handover.put([mail_of(number) for number in range(10)])
    out = [handover.take() for _ in range(AHEAD * 2 + 1)]
    assert [mail.row.delivery_id for mail in out if isinstance(mail, Mail)] == list(range(AHEAD * 2))
    assert [number for number in range(10) if handover.may_begin(number)] == [0, 1]
    # an outcome that is not written yet makes no room
    first = [Outcome(1, "sent", "", "")]
    handover.give(first)
    assert not handover.may_begin(2)
    assert handover.note_written(first), "the engine waits for it"
    assert [number for number in range(10) if handover.may_begin(number)] == [0, 2]
    assert handover.in_doubt() == [0, 2]


def test_a_mail_that_carries_no_link_still_goes(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    make_subscriber(scoped)
    campaign = services.campaign_start(campaign=make_campaign(scoped, body="<p>Hello</p>"))
    assert Runner(merchant=scoped, campaign=campaign, connections=1).run().sent == 1
    assert not Link.objects.exists()
