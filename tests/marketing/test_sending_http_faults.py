"""Campaigns by a provider's API: whatever it does, and whenever the worker dies, nobody gets two, nobody is
lost, and only what was on a line is in doubt."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import time_machine
from django.conf import settings as configured

from crm.accounts.models import Merchant
from crm.integrations import http
from crm.integrations.connecting import connection_create
from crm.integrations.messengers.base import Fate, fate_of_upstream
from crm.lib.errors import Upstream
from crm.lib.tenancy import merchant_scope
from marketing.campaigns import services
from marketing.models import Campaign, Delivery
from marketing.sending import reaping
from marketing.sending.runner import Runner
from tests.factories.customers import make_consent, make_customer
from tests.integrations.servers import Asked, LocalServer, Reply
from tests.support.carriers import form_of, said_json
from tests.support.processes import wait_until

WINDOW = 3
FAULTS = ("fine", "429", "500", "400", "cut", "hang")
WORKER = """
import sys, django; django.setup()
from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from marketing.models import Campaign
from marketing.sending.runner import Runner
shop = Merchant.objects.get(pk=int(sys.argv[1]))
with merchant_scope(shop):
    campaign = Campaign.objects.get(pk=int(sys.argv[2]))
Runner(merchant=shop, campaign=campaign, connections=int(sys.argv[3])).run()
"""


@dataclass
class Provider:
    """Does to each number what `faults` says, the passing ones once. `taken` counts what went out."""

    faults: dict[str, str] = field(default_factory=dict)
    taken: Counter[str] = field(default_factory=Counter)
    hung: list[str] = field(default_factory=list)
    hangs_after: int = 10**9
    release: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, asked: Asked) -> Reply:
        to = form_of(asked)["To"]
        with self.lock:
            fault = self.faults.get(to, "fine")
            if fault in ("429", "500"):
                self.faults[to] = "fine"
                return said_json(int(fault), {"code": 1}, {"Retry-After": "1"} if fault == "429" else None)
            if fault == "400":
                return said_json(400, {"code": 21211, "message": "not a number"})
            self.taken[to] += 1
            if fault == "cut":
                return Reply(cut=True)
            if fault == "hang" or sum(self.taken.values()) > self.hangs_after:
                self.hung.append(to)
                return Reply(201, b'{"sid": "SM1"}', wait=self.release)
            return said_json(201, {"sid": f"SM{sum(self.taken.values())}"})


@pytest.fixture
def provider(settings) -> Iterator[tuple[Provider, str]]:
    settings.OUTGOING_ALLOW_LOOPBACK = True
    made = Provider()
    with LocalServer() as server:
        server.reply = made
        yield made, server.url
        made.release.set()


def campaign_to(shop: Merchant, url: str, people: int) -> tuple[Campaign, list[str]]:
    values = {"account_sid": "AC1", "auth_token": "t", "sender": "+15017122661", "api_url": url}
    connection_create(merchant=shop, platform="twilio", name="Twilio", values=values)
    numbers = [f"+861380013{number:04}" for number in range(8000, 8000 + people)]
    for number in numbers:
        make_consent(make_customer(shop, f"Reader {number}", phone=number), "sms")
    fields = {"channel": "sms", "text": "Tea. Reply STOP to opt out", "audience": Campaign.Audience.EVERYONE}
    campaign = services.campaign_create(merchant=shop, name="Tea", values=fields)
    return services.campaign_start(campaign=campaign), numbers


def work(campaign: Campaign) -> None:
    campaign.refresh_from_db()
    Runner(merchant=campaign.merchant, campaign=campaign, connections=WINDOW).run()


def states(campaign: Campaign) -> dict[str, str]:
    return dict(Delivery.objects.filter(campaign=campaign).values_list("address", "state"))


def test_whatever_the_provider_does(
    scoped: Merchant, provider: tuple[Provider, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a provider that does each of its faults to two of twelve
    carrier, url = provider
    monkeypatch.setattr(http, "READ_SECONDS", 3)
    campaign, numbers = campaign_to(scoped, url, 2 * len(FAULTS))
    carrier.faults = {number: FAULTS[at % len(FAULTS)] for at, number in enumerate(numbers)}
    planned = dict(carrier.faults)
    # when it is sent, and sent on after the wait
    for _again in range(3):
        work(campaign)
        Delivery.objects.filter(state="deferred").update(due_at=dt.datetime.now(dt.UTC))
    # then each came to the end that its fault asks for, and none went out twice
    ends = {"400": "failed", "cut": "unknown", "hang": "unknown"}
    assert states(campaign) == {number: ends.get(planned[number], "sent") for number in numbers}
    assert carrier.taken == {number: 1 for number in numbers if planned[number] != "400"}
    assert services.campaign_settle(campaign=campaign)


def test_a_killed_worker_leaves_only_its_lines_in_doubt(
    transactional_db: None, stack_env: dict[str, str], merchant: Merchant, provider: tuple[Provider, str]
) -> None:
    # given a worker that hangs on all its lines after six were taken
    carrier, url = provider
    carrier.hangs_after = 6
    with merchant_scope(merchant):
        campaign, numbers = campaign_to(merchant, url, 12)
    words = [sys.executable, "-W", "ignore", "-c", WORKER]
    env = {**stack_env, "OUTGOING_ALLOW_LOOPBACK": "1"}
    child = subprocess.Popen([*words, str(merchant.pk), str(campaign.pk), str(WINDOW)], env=env)
    try:
        wait_until(lambda: len(carrier.hung) == WINDOW, seconds=90, what="lines that hang")
    finally:
        # when it is killed
        child.send_signal(signal.SIGKILL)
        child.wait()
    in_flight = set(carrier.hung)
    carrier.hangs_after = 10**9
    # and its silence is noticed
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=configured.SENDING_SILENCE_SECONDS + 1)
    with time_machine.travel(later):
        assert reaping.reap_silent_runs() == 1
    # then what was on its lines is in doubt, and another worker sends the rest
    with merchant_scope(merchant):
        assert {number for number, state in states(campaign).items() if state == "unknown"} == in_flight
        work(campaign)
        ended = states(campaign)
    assert ended == {number: "unknown" if number in in_flight else "sent" for number in numbers}
    assert carrier.taken == dict.fromkeys(numbers, 1)


def test_a_name_that_there_is_not_has_taken_nothing() -> None:
    with pytest.raises(Upstream) as away:
        http.send("POST", "https://nobody.invalid/", data=b"{}")
    assert away.value.code_name == http.UNREACHED
    assert fate_of_upstream(away.value).fate is Fate.DEFERRED
