"""SIGKILL at any moment, of anything: nobody gets two, nobody is lost, and only what was on a line is in
doubt."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from celery import Celery
from kombu.exceptions import OperationalError

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from crm.local import postgres, redis, testcluster
from crm.local.ports import free_port
from crm.local.processes import Service, kill_group, spawn
from customers.models import Consent, Customer
from marketing.campaigns import services
from marketing.models import Campaign, Delivery
from tests.factories.accounts import make_merchant
from tests.factories.marketing_mail import BODY, make_campaign
from tests.support import services as test_services
from tests.support.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]
# The figures. Fewer people only by hand, on a machine that is busy with other things.
PEOPLE = int(os.environ.get("CRM_KILL_PEOPLE", "10000"))
KILLS = 25
CONNECTIONS = 10
FAULTS = "mail421,rcpt451,rcpt550,dot451,cut,cutdot,lostdot,hang"
# After which of the kills something else is disturbed too.
WHOLE_WORKER, CRASH, RESTART, REDIS = (8, 17), (5,), (13,), (10, 20)
SHOP = """
import django; django.setup()
from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from customers.models import Consent, Customer, Metrics
from marketing.campaigns import services
from marketing.models import Campaign
shop = Merchant.objects.create(slug="killed", name="Killed", sender_email="news@qinghe.example")
with merchant_scope(shop):
    people = Customer.objects.bulk_create(
        Customer(merchant=shop, name=f"Person {n}", email=f"p{n}@d{n %% 7}.example.com")
        for n in range(%(people)d))
    Metrics.objects.bulk_create(Metrics(merchant=shop, customer=one) for one in people)
    Consent.objects.bulk_create(
        Consent(merchant=shop, customer=one, channel="email", granted=True, source="test") for one in people)
    services.campaign_start(campaign=services.campaign_create(merchant=shop, name="Spring tea", values={
        "audience": "everyone", "subject": "Tea", "body": %(body)r}))
"""


class House:
    """A PostgreSQL that syncs, a Redis, a mail server with faults and a Celery worker with two processes, all
    our own to kill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {name: free_port() for name in ("postgres", "redis")}
        self.record = folder / "taken.jsonl"
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.sink = subprocess.Popen(self._sink_words(), stdout=subprocess.PIPE, text=True)
        assert self.sink.stdout is not None
        self.smtp_port = int(self.sink.stdout.readline().split()[1])
        postgres.initialise(folder / "postgres", testcluster.PASSWORD)
        self.log = open(folder / "worker.log", "ab")  # noqa: SIM115 - as long as the house
        self.env = {
            **os.environ,
            "DATABASE_URL": postgres.url(self.ports["postgres"], testcluster.PASSWORD),
            "REDIS_URL": redis.url(self.ports["redis"]),
            "REDIS_PREFIX": "house",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.smtp_port),
            "SMTP_CONNECTIONS": str(CONNECTIONS),
            "SMTP_ANSWER_SECONDS": "2",
            "SENDING_SILENCE_SECONDS": "4",
            "SENDING_RUNS": "64",
        }
        self.celery = Celery(broker=self.env["REDIS_URL"])
        self.celery.conf.broker_transport_options = {"global_keyprefix": "house:"}

    def _sink_words(self) -> list[str]:
        words = [sys.executable, str(ROOT / "bench" / "smtp_sink.py"), "--record", str(self.record)]
        return [*words, "--faults", "0.02", "--kinds", FAULTS, "--latency", "0.001"]

    def start(self, name: str) -> None:
        if name == "postgres":
            folder = self.folder / "postgres"
            postgres.forget_dead_owner(folder)
            service = postgres.service(folder, self.ports["postgres"], testcluster.PASSWORD)
        elif name == "redis":
            service = redis.service(self.ports["redis"], self.folder / "redis", durable=False)
        else:
            words = ["-W", "ignore", "-m", "celery", "--quiet", "-A", "crm", "worker", "-c", "2"]
            words += ["-Q", "default,campaigns", "--prefetch-multiplier", "1", "-n", "house@%h"]
            words += ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
            service = Service("worker", [sys.executable, *words], self.env)
        self.children[name] = spawn(service, self.log)
        if service.ready is not None:
            wait_until(service.ready, seconds=60, what=name)

    def kill(self, name: str) -> None:
        kill_group(self.children[name].pid)
        self.children[name].wait()

    def restart(self, name: str) -> None:
        """As an operator does it: asked to stop, then started."""
        self.children[name].send_signal(signal.SIGINT)
        self.children[name].wait(60)
        self.start(name)

    def pool(self) -> list[int]:
        """The worker's processes that do the tasks."""
        pid = self.children["worker"].pid
        with contextlib.suppress(OSError):
            return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return []

    def make_database(self) -> None:
        """The test run's migrated template, carried over."""
        source = f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{test_services.template_database()}"
        postgres.ensure_database(self.ports["postgres"], testcluster.PASSWORD)
        words = [str(postgres.binaries() / "pg_dump"), "--no-owner", source]
        dump = subprocess.Popen(words, stdout=subprocess.PIPE)
        load = [str(postgres.binaries() / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull]
        subprocess.run([*load, self.env["DATABASE_URL"]], stdin=dump.stdout, check=True)
        assert dump.wait() == 0

    def make_shop(self) -> None:
        code = SHOP % {"people": PEOPLE, "body": BODY}
        subprocess.run([sys.executable, "-c", code], env=self.env, cwd=ROOT, check=True)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows, or none while the database is away."""
        try:
            session = postgres.connect(self.ports["postgres"], testcluster.PASSWORD, postgres.DATABASE)
        except psycopg2.OperationalError:
            return []
        with contextlib.closing(session), session, session.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def sweep(self) -> None:
        """What beat does, only more often; a Redis that is just away hears it the next time."""
        with contextlib.suppress(OSError, OperationalError):
            self.celery.send_task("marketing.sweep_sending", queue="default", retry=False)

    def taken(self) -> int:
        return self.record.read_bytes().count(b"\n") if self.record.exists() else 0

    def close(self) -> None:
        for name in ("worker", "redis", "postgres"):
            if name in self.children:
                self.kill(name)
        self.sink.terminate()
        self.sink.wait()
        assert self.sink.stdout is not None
        self.sink.stdout.close()
        self.log.close()


@pytest.fixture
def house() -> Iterator[House]:
    # Not under pytest's folder: PostgreSQL as another user must be able to enter it.
    with tempfile.TemporaryDirectory(prefix="guanxi-house-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        made = House(Path(folder))
        try:
            yield made
        finally:
            made.close()


OPEN = "SELECT count(*) FROM marketing_delivery WHERE state IN ('queued', 'sending', 'deferred')"
DUE = "UPDATE marketing_delivery SET due_at = now() WHERE state = 'deferred'"


def flows(house: House, more: int, seconds: float = 60) -> float:
    """Seconds until so many more mails were taken (or none is left to send)."""
    before, began = house.taken(), time.monotonic()
    swept = 0.0

    def moved() -> bool:
        nonlocal swept
        if time.monotonic() - swept > 1:
            swept = time.monotonic()
            house.sweep()
        return house.taken() >= before + more

    wait_until(moved, seconds=seconds, what=f"mail flows; {house.ask(OPEN)} are open")
    return time.monotonic() - began


def disturb(house: House, number: int, victim: int) -> int:
    """Kills, and restarts what has its turn; how many sending processes died."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    if number in CRASH:
        house.kill("postgres")
        house.start("postgres")
    if number in RESTART:
        house.restart("postgres")
    if number in REDIS:
        house.kill("redis")
        house.start("redis")
    if number not in WHOLE_WORKER:
        return 1
    house.kill("worker")
    house.start("worker")
    return 2


@pytest.mark.slow
@pytest.mark.services
def test_whatever_is_killed_each_gets_one_mail_and_few_are_in_doubt(house: House) -> None:
    # given a campaign, and a server that takes, refuses, puts off, hangs up and hangs
    for name in ("postgres", "redis"):
        house.start(name)
    house.make_database()
    house.make_shop()
    house.start("worker")
    chance, deaths, waits = random.Random(7), 0, []
    # when its workers are killed in the midst of it, and PostgreSQL and Redis are restarted
    flows(house, 50, seconds=120)
    for number in range(KILLS):
        flows(house, chance.randint(1, PEOPLE // 50))
        wait_until(house.pool, what="a process to kill")
        deaths += disturb(house, number, chance.choice(house.pool()))
        waits.append(flows(house, 2 * CONNECTIONS + 1))
    assert house.ask(OPEN)[0][0] > PEOPLE // 20, "the kills were not in the midst of it"

    def over() -> bool:
        house.ask(DUE)
        house.sweep()
        time.sleep(0.5)
        return house.ask(OPEN) == [(0,)]

    wait_until(over, seconds=240, what="the campaign comes to its end")
    # then the server's own record says: no mail twice and none lost
    got = Counter(json.loads(line)["to"] for line in house.record.read_text().splitlines())
    confessions = Path(f"{house.record}.faults").read_text().splitlines()
    wronged = [(json.loads(line)["to"], json.loads(line)["fault"]) for line in confessions]
    broken = {to for to, fault in wronged if fault in ("cut", "cutdot", "lostdot", "hang")}
    rows = house.ask("SELECT address, state, receipt, run_id FROM marketing_delivery")
    assert len(rows) == PEOPLE
    assert max(got.values()) == 1, "a mail was sent twice"
    for address, state, receipt, _run in rows:
        assert state in ("sent", "failed", "unknown"), (address, state)
        if state == "unknown":
            assert not receipt or address in broken, "what a living run doubts, the server broke"
        else:
            assert got[address] == (state == "sent"), (address, state, got[address])
    assert {fault for _to, fault in wronged} == set(FAULTS.split(",")), "each kind of fault happened"
    # and what the dead left in doubt is no more than they had lines
    left = Counter(run for _address, state, receipt, run in rows if state == "unknown" and not receipt)
    assert left, "no kill hit a mail on its way"
    assert max(left.values()) <= CONNECTIONS
    assert len(left) <= deaths
    told = house.ask("SELECT count(*) FROM events_event WHERE name = 'marketing.mail_sent'")
    assert told == [(sum(state == "sent" for _address, state, _receipt, _run in rows),)]
    print(
        f"{PEOPLE} people, {deaths} processes killed, {sum(left.values())} mails in doubt of {len(left)} dead"
        f" runs, {len(wronged)} faults; mail flowed again after {max(waits):.1f} s at most"
    )


def audience(merchant: Merchant, people: int) -> None:
    with merchant_scope(merchant):
        customers = Customer.objects.bulk_create(
            Customer(merchant=merchant, name=f"Person {n}", email=f"p{n}@example.com") for n in range(people)
        )
        Consent.objects.bulk_create(
            Consent(merchant=merchant, customer=customer, channel="email", granted=True, source="test")
            for customer in customers
        )


def taken(record: Path) -> int:
    return record.read_bytes().count(b"\n") if record.exists() else 0


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
