"""SIGKILL at any moment: nobody gets two, nobody is lost, and at most the sessions in flight are in doubt."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from customers.models import Consent, Customer
from marketing.campaigns import preparing, services
from marketing.models import Campaign, Delivery
from marketing.sending import claiming, reaping
from tests.factories.accounts import make_merchant
from tests.factories.marketing_mail import make_campaign
from tests.support.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]
CONNECTIONS = 20
SEND = """
import django; django.setup()
from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from marketing.models import Campaign
from marketing.sending.runner import Runner
merchant = Merchant.objects.get(pk={merchant})
with merchant_scope(merchant):
    Runner(merchant=merchant, campaign=Campaign.objects.get(pk={campaign}), slice_seconds=600).run()
"""


@pytest.fixture
def faulty_server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    record = tmp_path / "taken.jsonl"
    command = [
        sys.executable,
        str(ROOT / "bench" / "smtp_sink.py"),
        "--record",
        str(record),
        "--faults",
        "0.01",
    ]
    command += ["--kinds", "mail421,rcpt451,rcpt550,dot451,cutdot,lostdot", "--latency", "0.002"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline().split()[1])
    yield port, record
    process.terminate()
    process.wait()
    process.stdout.close()


def audience(merchant: Merchant, people: int) -> None:
    with merchant_scope(merchant):
        customers = Customer.objects.bulk_create(
            Customer(merchant=merchant, name=f"Person {n}", email=f"p{n}@example.com") for n in range(people)
        )
        Consent.objects.bulk_create(
            Consent(merchant=merchant, customer=customer, channel="email", granted=True, source="test")
            for customer in customers
        )


def worker(env: dict[str, str], campaign: Campaign) -> subprocess.Popen[bytes]:
    code = SEND.format(merchant=campaign.merchant_id, campaign=campaign.pk)
    return subprocess.Popen([sys.executable, "-c", code], env=env, cwd=ROOT)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("people, kills", [(4000, 6)])
def test_killed_workers_double_and_lose_nothing(
    faulty_server: tuple[int, Path],
    stack_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    people: int,
    kills: int,
) -> None:
    # given a campaign, and a server that takes, refuses, puts off and hangs up
    port, record = faulty_server
    env = {
        **stack_env,
        "SMTP_PORT": str(port),
        "SMTP_HOST": "127.0.0.1",
        "SMTP_CONNECTIONS": str(CONNECTIONS),
    }
    monkeypatch.setattr(claiming, "SILENCE_SECONDS", 5)
    merchant = make_merchant("killed")
    audience(merchant, people)
    campaign = make_campaign(merchant)
    with merchant_scope(merchant):
        assert preparing.campaign_prepare(campaign=services.campaign_start(campaign=campaign))
        # when two workers send it, and one is killed again and again in the midst of it
        chance, rounds = random.Random(7), 0
        steady = worker(env, campaign)
        while rounds < kills:
            victim = worker(env, campaign)
            sent = taken(record)
            wait_until(
                lambda before=sent: taken(record) > before or done(campaign), seconds=60, what="mail flows"
            )
            time.sleep(chance.uniform(0.0, 1.5))
            victim.kill()
            victim.wait()
            rounds += 1
        deferred_now(campaign)
        finish(env, campaign)
        steady.wait(60)
    # then the server's own record says: no mail twice, none lost, and the doubts are few
    rows = [json.loads(line) for line in record.read_text().splitlines()]
    got = Counter(row["to"] for row in rows)
    assert max(got.values()) == 1, "a mail was sent twice"
    with merchant_scope(merchant):
        state = dict(Delivery.objects.filter(campaign=campaign).values_list("address", "state"))
        by_reason = Counter(Delivery.objects.filter(campaign=campaign).values_list("state", "reason"))
    assert set(state.values()) <= {"sent", "failed", "unknown"}, by_reason
    assert len(state) == people
    for address, reached in state.items():
        if reached == "sent":
            assert got[address] == 1, "called sent, but never taken"
        elif reached == "failed":
            assert got[address] == 0
    missing = [
        address for address in state if not got[address] and state[address] not in ("failed", "unknown")
    ]
    assert missing == []
    broken_lines = people * 0.01  # about a third of the faults break the line after the dot
    assert by_reason["unknown", "line_lost"] <= kills * CONNECTIONS + broken_lines


def taken(record: Path) -> int:
    return record.read_bytes().count(b"\n") if record.exists() else 0


def done(campaign: Campaign) -> bool:
    return reaping.is_done(campaign)


def deferred_now(campaign: Campaign) -> None:
    """What was put off is due at once: the test does not wait five minutes."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Delivery._meta.db_table} SET due_at = now() WHERE state = 'deferred'")


def finish(env: dict[str, str], campaign: Campaign) -> None:
    """What beat does, until nothing is left."""
    deadline = time.monotonic() + 90
    while not done(campaign):
        assert time.monotonic() < deadline, "the campaign did not come to its end"
        reaping.reap_silent_runs()
        deferred_now(campaign)
        process = worker(env, campaign)
        process.wait(60)
        time.sleep(0.5)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_pause_stops_workers_within_a_second(
    tmp_path: Path, stack_env: dict[str, str], start_worker: Callable[..., object]
) -> None:
    record = tmp_path / "taken.jsonl"
    command = [
        sys.executable,
        str(ROOT / "bench" / "smtp_sink.py"),
        "--record",
        str(record),
        "--latency",
        "0.01",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline().split()[1])
    try:
        start_worker(SMTP_PORT=port, SMTP_HOST="127.0.0.1")
        merchant = make_merchant("paused")
        audience(merchant, 5000)
        with merchant_scope(merchant):
            campaign = make_campaign(merchant)
            services.campaign_start(campaign=campaign)
            wait_until(lambda: taken(record) > 50, seconds=30, what="mail flows")
            services.campaign_pause(campaign=campaign)
            time.sleep(1.0)
            after = taken(record)
            time.sleep(1.0)
            assert taken(record) == after < 5000
            wait_until(
                lambda: not Delivery.objects.filter(state="sending").exists(),
                what="all given back",
            )
            assert Delivery.objects.filter(state="sent").count() == after
            services.campaign_resume(campaign=campaign)
            wait_until(lambda: Campaign.objects.get(pk=campaign.pk).state == "sent", seconds=90, what="sent")
            assert taken(record) == 5000
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
