"""The whole stack under SIGKILL: no order, event or mail is lost, and none is there twice."""

import json
import random
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm.local.ports import LOOPBACK
from crm.local.processes import kill_group
from crm.local.stack import status
from tests.runner.test_stack import Run, running, spare_block
from tests.support.processes import wait_until
from tests.support.smtp import SmtpSink

pytestmark = [pytest.mark.services, pytest.mark.slow]

ORDERS = 60
VICTIMS = ("web", "crew", "redis", "postgres", "crew", "web", "postgres", "redis", "live")
SHOP = f"""
from crm.accounts.models import Merchant
from crm.accounts.services import merchant_create
from crm.lib.tenancy import merchant_scope
from customers.consent import consent_record
from customers.services import customer_create
from django.db import transaction
from marketing.campaigns.services import template_save
from marketing.journeys.services import journey_save, journey_start
from marketing.loyalty.services import program_save
shop = merchant_create(slug="qinghe", name="Qinghe Tea", base_currency="CNY",
                       sender_email="news@qinghe.example", postal_address="Shanghai")
with merchant_scope(shop), transaction.atomic():
    for n in range({ORDERS}):
        buyer = customer_create(merchant=shop, source="test", email=f"b{{n}}@example.com")
        consent_record(merchant=shop, customer=buyer, channel="email", granted=True, source="test")
    program_save(merchant=shop, values={{"name": "Leaves"}}, tiers=[])
    words = {{"name": "Thanks", "subject": "Thank you", "body": "<p>Thanks</p>", "preheader": "", "text": ""}}
    letter = template_save(merchant=shop, values=words, actor=None)
    journey_start(journey=journey_save(merchant=shop, name="Thanks", trigger="orders.order_paid",
                                       steps=[{{"kind": "mail", "template": letter.pk}}]))
"""
STANDING = """
import json
from crm.accounts.models import Merchant
from crm.events.models import Delivery as Owed, Event
from crm.lib.tenancy import merchant_scope
from collections import Counter
from marketing.loyalty.models import PointsEntry
from marketing.models import Delivery
from orders.models import Order
with merchant_scope(Merchant.objects.get(slug="qinghe")):
    print(json.dumps({
        "orders": sorted(Order.objects.values_list("external_id", flat=True)),
        "paid": sorted(Event.objects.filter(name="orders.order_paid").values_list("data__number", flat=True)),
        "owed": Counter(Owed.objects.values_list("state", flat=True)),
        "points": sorted(PointsEntry.objects.values_list("customer__email", flat=True)),
        "mails": dict(Delivery.objects.values_list("address", "state")),
        "rows": Delivery.objects.count(),
    }))
"""


def test_whatever_is_killed_each_order_event_and_mail_is_there_once(tmp_path: Path) -> None:
    base = spare_block()
    with SmtpSink() as sink:
        outside = {"SMTP_HOST": sink.host, "SMTP_PORT": str(sink.port)}
        with running(tmp_path, "run", "--port", str(base), **outside) as run:
            run.wait_for("Guanxi is up")
            command(tmp_path, "shell", "--no-imports", "-c", SHOP)
            key = command(tmp_path, "apikey_create", "--merchant", "qinghe", "--scopes", "orders.write")
            # when orders come in while each process is killed in turn, PostgreSQL's and Redis's too
            shop = Shop(f"http://{LOOPBACK}:{base}", key)
            shop.start()
            chance = random.Random(11)
            for name in VICTIMS:
                time.sleep(chance.uniform(0.2, 1.5))
                kill_group(run.children()[name])
                wait_until(lambda: status(f"http://{LOOPBACK}:{base}/readyz") == 200, seconds=60, what=name)
            shop.join(120)
            assert shop.accepted == ORDERS, shop.trouble
            # then nothing is left to do after a while
            stands: dict[str, Any] = {}

            def settled() -> bool:
                stands.update(json.loads(command(tmp_path, "shell", "--no-imports", "-c", STANDING)))
                open_mails = set(stands["mails"].values()) & {"queued", "sending", "deferred"}
                return set(stands["owed"]) == {"done"} and stands["rows"] == ORDERS and not open_mails

            wait_until(settled, seconds=120, what=f"everything is done: {stands}")
        # and each is there once
        assert stands["orders"] == sorted(f"o-{n}" for n in range(ORDERS))
        assert stands["paid"] == sorted(f"N{n}" for n in range(ORDERS))
        assert stands["points"] == sorted(f"b{n}@example.com" for n in range(ORDERS))
        for address, state in stands["mails"].items():
            taken = len(sink.to(address))
            assert taken <= 1, f"{address} got {taken} mails"
            assert state == "unknown" or (state, taken) == ("sent", 1), (address, state, taken)


def command(folder: Path, *words: str) -> str:
    """The last line of what the command says, empty when it says nothing."""
    run = Run(folder, "manage", "--", *words)
    assert run.process.wait(120) == 0, run.said()
    return (run.said().strip().splitlines() or [""])[-1]


class Shop(threading.Thread):
    """Sends its orders one by one, each again until it is taken, as an integrator does."""

    def __init__(self, address: str, key: str) -> None:
        super().__init__(daemon=True)
        self.address, self.key = address, key
        self.began = datetime.now(UTC).isoformat()
        self.accepted = 0
        self.trouble = ""

    def run(self) -> None:
        for number in range(ORDERS):
            deadline = time.monotonic() + 60
            while not self.sent(number) and time.monotonic() < deadline:
                time.sleep(0.2)
            time.sleep(0.1)

    def sent(self, number: int) -> bool:
        body = {
            "external_id": f"o-{number}",
            "number": f"N{number}",
            "placed_at": self.began,
            "currency": "CNY",
            "total": "100.00",
            "payment": "paid",
            "contact": {"email": f"b{number}@example.com"},
            "lines": [
                {"external_id": "1", "quantity": 1, "unit_price": "100.00", "title": "Tea", "sku": "T"}
            ],
        }
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(
            f"{self.address}/api/v1/orders/",
            json.dumps(body).encode(),
            headers | {"Idempotency-Key": f"k-{number}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=5):
                self.accepted += 1
                return True
        except urllib.error.HTTPError as problem:
            self.trouble = f"{problem.code} {problem.read().decode(errors='replace')}"
        except OSError as problem:
            self.trouble = str(problem)
        return False
