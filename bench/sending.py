"""Mails a second on a personal mail of about 20 KB with 10 fields, against a sink in a process of its own.

    python bench/sending.py --engine [--mails 20000]          no database: compiling, rendering, SMTP
    make bench ARGS="sending"     or, with the settings in the environment and its own database:
    python bench/sending.py [--people 10000]                  the same, and with the state kept in PostgreSQL
        [--processes 2] [--freeze 1000000] [--memory 100000]

One line per figure, each with its ratio to a baseline of the same run: Postfix `smtp-source` against the same
sink at the same number of connections where it is installed (or named by SMTP_SOURCE), and Django's
EmailMultiAlternatives over one smtplib connection. smtp-source runs before and after each campaign, since
other work on the machine moves both. `--sink` names another sink that prints nothing, as
`smtp-sink 127.0.0.1:2525 256` does; it must listen on --port.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from marketing.engine.compile import CompiledMail, Envelope, Sender, Source, compile_mail  # noqa: E402
from marketing.engine.liquid import parse, render  # noqa: E402
from marketing.engine.smtp import DONE, Engine, Limits, Outgoing, Server, Status  # noqa: E402

CONNECTIONS = 20  # the default of SMTP_CONNECTIONS
PARAGRAPH = (
    "<p style='margin:0 0 12px'>Spring tea is here: picked before the rain, dried by hand, 清明前采摘。</p>\n"
)
FIELDS = [
    f"customer.{name}" for name in ("first_name", "name", "email", "city", "country", "orders", "spent")
]
FIELDS += ["customer.points", "customer.tier", "shop.name"]
BODY = (
    "<html><body>\n"
    + "".join(f"<p>{field}: {{{{ {field} }}}}</p>\n{PARAGRAPH * 12}" for field in FIELDS)
    + '<a href="{{ unsubscribe_url }}">Unsubscribe</a></body></html>'
)
SOURCE = Source(
    subject="Tea for {{ customer.first_name }}", body=BODY, text="Tea for {{ customer.first_name }}\n" * 40
)


def context(number: int) -> dict[str, Any]:
    return {
        "customer": {
            "first_name": f"晓梅 {number}",
            "name": f"李 晓梅 {number}",
            "email": f"p{number}@example.com",
            "city": "上海",
            "country": "CN",
            "orders": number % 9,
            "spent": "1280.00",
            "points": number,
            "tier": "Gold",
        },
        "shop": {"name": "Qinghe <Tea> & Co"},
        "unsubscribe_url": f"https://shop.example/u/{number:027d}/",
    }


class Sink:
    def __init__(self, command: str, port: int) -> None:
        words = command.split() if command else [sys.executable, str(ROOT / "bench" / "smtp_sink.py")]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = port if command else int(self.process.stdout.readline().split()[1])
        time.sleep(0.5 if command else 0)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


def engine_alone(mail: CompiledMail, port: int, mails: int) -> float:
    bound = mail.bind(Sender(email="news@shop.example", name="店", list_id="m.shop.example"))
    numbers = iter(range(mails))

    def pull() -> Any:
        number = next(numbers, None)
        if number is None:
            return DONE
        to = f"p{number}@example.com"
        envelope = Envelope(
            f"<{number}.bench@shop.example>", to, formatdate(), "李", f"https://shop.example/u/{number}/"
        )
        return Outgoing(number, bound.mail_from, to, bound.render(context(number), envelope))

    began = time.perf_counter()
    server = Server("127.0.0.1", port)
    tally = Engine(
        server, pull=pull, report=lambda results: None, limits=Limits(connections=CONNECTIONS)
    ).run()
    seconds = time.perf_counter() - began
    assert tally.counts[Status.SENT] == mails, tally
    return mails / seconds


def standard_library(port: int, mails: int) -> float:
    """What a Django project does first: Liquid per mail, EmailMessage, smtplib."""
    html, text = parse(BODY, html=True), parse(SOURCE.text, html=False)
    began = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as server:
        for number in range(mails):
            message = EmailMessage()
            message["From"], message["To"] = "news@shop.example", f"p{number}@example.com"
            message["Subject"] = f"Tea for 晓梅 {number}"
            message.set_content(render(text, context(number)))
            message.add_alternative(render(html, context(number)), subtype="html")
            server.send_message(message)
    return mails / (time.perf_counter() - began)


def smtp_source(port: int, mails: int, size: int) -> float | None:
    program = os.environ.get("SMTP_SOURCE") or shutil.which("smtp-source")
    if not program:
        return None
    command = [program, "-s", str(CONNECTIONS), "-l", str(size), "-m", str(mails), "-f", "a@shop.example"]
    began = time.perf_counter()
    subprocess.run([*command, "-t", "b@example.com", f"127.0.0.1:{port}"], check=True)
    return mails / (time.perf_counter() - began)


@dataclass(frozen=True)
class Sent:
    """What the sending processes of one campaign did together."""

    rate: float  # mails a second, from the word "go" to the last one's end
    megabytes: float  # at the peak of the biggest process


def with_state(sink: Sink, people: int, processes: int = 1) -> Sent:
    """A whole campaign: claim, check, mark, send, record, events. Each process only sends; its memory is its
    own."""
    with a_shop(people) as merchant:
        campaign = begun(merchant)
        words = [sys.executable, __file__, "--send", f"{merchant.pk},{campaign.pk}", "--port", str(sink.port)]
        children = [
            subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _each in range(processes)
        ]
        for child in children:
            assert child.stdout and child.stdout.readline() == "ready\n"
        began = time.perf_counter()
        for child in children:
            assert child.stdin
            child.stdin.write("go\n")
            child.stdin.flush()
        told = [json.loads(child.stdout.readline()) for child in children if child.stdout]
        seconds = time.perf_counter() - began
        for child in children:
            assert child.wait(60) == 0
        counts = standing(campaign)
        assert counts == {"sent": people}, counts
    return Sent(people / seconds, max(each["megabytes"] for each in told))


def send(merchant_id: int, campaign_id: int, port: int) -> None:
    """A sending process: says that it is ready, waits for its word, sends, says how big it became."""
    set_up()
    from crm.accounts.models import Merchant
    from crm.lib.tenancy import merchant_scope
    from customers.preferences.links import preferences_url
    from marketing.models import Campaign
    from marketing.sending.runner import Runner

    merchant = Merchant.objects.get(pk=merchant_id)
    with merchant_scope(merchant):
        campaign = Campaign.objects.get(pk=campaign_id)
        preferences_url(1, merchant, "")  # loads the routes, as a worker has done with its first mail
        print("ready", flush=True)
        sys.stdin.readline()
        server = Server("127.0.0.1", port)
        runner = Runner(
            merchant=merchant, campaign=campaign, server=server, connections=CONNECTIONS, slice_seconds=3600
        )
        runner.run()
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"megabytes": megabytes}), flush=True)


def set_up() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    import django

    django.setup()


@contextmanager
def a_shop(people: int) -> Iterator[Any]:
    """A shop with so many customers who allowed mail, made by the database itself; gone afterwards."""
    set_up()
    from django.db import connection, transaction

    from crm.accounts.models import Merchant
    from crm.lib.tenancy import merchant_scope

    merchant = Merchant.objects.create(slug=f"bench-sending-{os.getpid()}", name="Qinghe Tea")
    try:
        with merchant_scope(merchant):
            with transaction.atomic(), connection.cursor() as cursor:
                for statement in people_sql():
                    cursor.execute(statement, {"merchant": merchant.pk, "people": people})
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")  # as autovacuum has done it long since with a shop's customers
            yield merchant
    finally:
        forget(merchant)


def forget(merchant: Any) -> None:
    """Every row of the shop, without asking for each of a million customers who points at it."""
    from django.apps import apps
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for model in apps.get_models():
            if any(field.column == "merchant_id" for field in model._meta.concrete_fields):
                cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE merchant_id = %s", [merchant.pk])
        cursor.execute(f"DELETE FROM {merchant._meta.db_table} WHERE id = %s", [merchant.pk])


def people_sql() -> list[str]:
    """The rows of the customers; what the columns are by default is asked of the models."""
    from customers.models import Consent, Customer, Metrics

    return [
        insert(
            Customer,
            {
                "merchant_id": "%(merchant)s",
                "name": "'李 ' || n",
                "email": "'p' || n || '@example.com'",
            },
            "generate_series(1, %(people)s) n",
        ),
        insert(Metrics, {"merchant_id": "%(merchant)s", "customer_id": "c.id"}, MINE),
        insert(
            Consent,
            {
                "merchant_id": "%(merchant)s",
                "customer_id": "c.id",
                "channel": "'email'",
                "granted": "true",
                "holds": "true",
                "source": "'bench'",
            },
            MINE,
        ),
    ]


MINE = "customers_customer c WHERE c.merchant_id = %(merchant)s"


def insert(model: Any, known: dict[str, str], source: str) -> str:
    """INSERT … SELECT with the model's defaults for every column that is not given."""
    from django.db.models import JSONField

    columns = dict(known)
    for field in model._meta.concrete_fields:
        if field.column in columns or (field.primary_key and field.get_internal_type().endswith("AutoField")):
            continue
        value = field.get_default()
        if (value is None and field.null) or field.generated:
            continue
        if field.get_internal_type() == "DateTimeField":
            columns[field.column] = "now()"
        elif isinstance(field, JSONField):
            columns[field.column] = f"'{json.dumps(value)}'"
        elif isinstance(value, list):
            columns[field.column] = "'{}'"
        else:
            columns[field.column] = "'" + str(value) + "'"
    names = ", ".join(columns)
    return f"INSERT INTO {model._meta.db_table} ({names}) SELECT {', '.join(columns.values())} FROM {source}"


def begun(merchant: Any) -> Any:
    """A campaign to everybody, frozen."""
    from marketing.campaigns import preparing, services
    from marketing.models import Campaign

    values = {"audience": "everyone", "subject": SOURCE.subject, "body": BODY, "text": SOURCE.text}
    values["sender_email"] = "news@shop.example"
    campaign = services.campaign_create(merchant=merchant, name="Bench", values=values)
    campaign = services.campaign_start(campaign=campaign)
    if campaign.state == Campaign.State.PREPARING:
        assert preparing.campaign_prepare(campaign=campaign)
    return Campaign.objects.get(pk=campaign.pk)


def standing(campaign: Any) -> dict[str, int]:
    from django.db.models import Count

    from marketing.models import Delivery

    rows = Delivery.objects.filter(campaign=campaign).values("state").annotate(n=Count("pk")).order_by()
    return {row["state"]: row["n"] for row in rows}


def freeze(people: int) -> float:
    """Seconds from the button to the whole list of recipients."""
    with a_shop(people) as merchant:
        began = time.perf_counter()
        campaign = begun(merchant)
        seconds = time.perf_counter() - began
        assert standing(campaign) == {"queued": people}
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", action="store_true", help="without the database")
    parser.add_argument("--mails", type=int, default=20_000)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=1, help="measure with so many as well as with one")
    parser.add_argument("--freeze", type=int, default=0, metavar="N", help="time of freezing N people")
    parser.add_argument(
        "--memory", type=int, default=0, metavar="N", help="memory with N people beside that with --people"
    )
    parser.add_argument("--sink", default="")
    parser.add_argument("--port", type=int, default=2525)
    parser.add_argument("--send", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.send:
        merchant_id, campaign_id = map(int, options.send.split(","))
        send(merchant_id, campaign_id, options.port)
        return
    sink = Sink(options.sink, options.port)
    try:
        measure(sink, options)
    finally:
        sink.close()


def measure(sink: Sink, options: argparse.Namespace) -> None:
    mail = compile_mail(SOURCE)
    assert mail.fast
    size = len(mail.bind(Sender(email="a@b.example")).render(context(1), _envelope()))
    print(f"mail size: {size / 1024:.1f} KB, {len(FIELDS)} fields")
    plain = standard_library(sink.port, min(1000, options.mails))
    print(f"standard library, one connection: {plain:.0f} mails/s (baseline)")
    source = smtp_source(sink.port, options.mails, size)
    report("engine alone", engine_alone(mail, sink.port, options.mails), plain, source)
    if options.engine:
        return
    for processes in sorted({1, options.processes}):
        before = smtp_source(sink.port, options.mails, size)
        sent = with_state(sink, options.people, processes)
        after = smtp_source(sink.port, options.mails, size)
        source = (before + after) / 2 if before and after else None
        report(f"with state in PostgreSQL, {processes} process(es)", sent.rate, plain, source)
        print(f"memory of a sending process: {sent.megabytes:.0f} MB with {options.people} people")
    if options.memory:
        big = with_state(sink, options.memory).megabytes
        beside = f"{(big / sent.megabytes - 1) * 100:+.1f} %"
        print(f"memory of a sending process: {big:.0f} MB with {options.memory} people, {beside}")
    if options.freeze:
        print(f"freezing {options.freeze} people: {freeze(options.freeze):.1f} s", flush=True)


def _envelope() -> Envelope:
    return Envelope(
        "<1.bench@shop.example>", "p1@example.com", formatdate(), "李", "https://shop.example/u/1/"
    )


def report(name: str, rate: float, plain: float, source: float | None) -> None:
    beside = f", {rate / source:.2f}x smtp-source ({source:.0f} mails/s)" if source else ""
    print(f"{name}: {rate:.0f} mails/s, {rate / plain:.1f}x the standard library{beside}", flush=True)


if __name__ == "__main__":
    main()
