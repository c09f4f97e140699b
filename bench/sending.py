"""Mails a second on a personal mail of about 20 KB with 10 fields, against a sink in a process of its own.

    python bench/sending.py --engine [--mails 20000]          no database: compiling, rendering, SMTP
    make bench ARGS="sending"     or, with the settings in the environment and its own database:
    python bench/sending.py [--people 10000]                  the same, and with the state kept in PostgreSQL

One line per figure, each with its ratio to a baseline of the same run: Postfix `smtp-source` against the same
sink at the same number of connections where it is installed (or named by SMTP_SOURCE), and Django's
EmailMultiAlternatives over one smtplib connection. `--sink` names another sink that prints nothing, as
`smtp-sink 127.0.0.1:2525 256` does; it must listen on --port.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import smtplib
import subprocess
import sys
import time
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


def with_state(port: int, people: int) -> tuple[float, float]:
    """(mails/s, megabytes at the peak) of a whole campaign: claim, check, mark, send, record, events."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    import django

    django.setup()
    from django.db import connection

    from crm.accounts.models import Merchant
    from crm.lib.tenancy import merchant_scope
    from customers.models import Consent, Customer, Metrics
    from marketing.campaigns import services
    from marketing.models import Campaign, Delivery
    from marketing.sending.runner import Runner

    merchant = Merchant.objects.create(slug=f"bench-sending-{os.getpid()}", name="Qinghe Tea")
    try:
        with merchant_scope(merchant):
            customers = Customer.objects.bulk_create(
                [
                    Customer(merchant=merchant, name=f"李 {n}", email=f"p{n}@example.com")
                    for n in range(people)
                ],
                batch_size=2000,
            )
            Metrics.objects.bulk_create(
                [Metrics(merchant=merchant, customer=each) for each in customers], 2000
            )
            Consent.objects.bulk_create(
                [
                    Consent(merchant=merchant, customer=each, channel="email", granted=True, source="bench")
                    for each in customers
                ],
                2000,
            )
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")  # as autovacuum has done it long since with a shop's customers
            values = {"audience": "everyone", "subject": SOURCE.subject, "body": BODY, "text": SOURCE.text}
            values["sender_email"] = "news@shop.example"
            campaign = services.campaign_create(merchant=merchant, name="Bench", values=values)
            services.campaign_start(campaign=campaign)
            campaign = Campaign.objects.get(pk=campaign.pk)
            server = Server("127.0.0.1", port)
            began = time.perf_counter()
            Runner(
                merchant=merchant,
                campaign=campaign,
                server=server,
                connections=CONNECTIONS,
                slice_seconds=3600,
            ).run()
            seconds = time.perf_counter() - began
            sent = Delivery.objects.filter(campaign=campaign, state="sent").count()
            assert sent == people, f"{sent} of {people} were sent"
    finally:
        merchant.delete()
    return people / seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", action="store_true", help="without the database")
    parser.add_argument("--mails", type=int, default=20_000)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--sink", default="")
    parser.add_argument("--port", type=int, default=2525)
    options = parser.parse_args()
    sink = Sink(options.sink, options.port)
    try:
        mail = compile_mail(SOURCE)
        assert mail.fast
        size = len(mail.bind(Sender(email="a@b.example")).render(context(1), _envelope()))
        print(f"mail size: {size / 1024:.1f} KB, {len(FIELDS)} fields")
        plain = standard_library(sink.port, min(1000, options.mails))
        print(f"standard library, one connection: {plain:.0f} mails/s (baseline)")
        source = smtp_source(sink.port, options.mails, size)
        if source:
            print(f"smtp-source, {CONNECTIONS} connections: {source:.0f} mails/s (baseline)")
        report("engine alone", engine_alone(mail, sink.port, options.mails), plain, source)
        if not options.engine:
            rate, megabytes = with_state(sink.port, options.people)
            report("with state in PostgreSQL, one process", rate, plain, source)
            print(f"peak memory of the sending process: {megabytes:.0f} MB")
    finally:
        sink.close()


def _envelope() -> Envelope:
    return Envelope(
        "<1.bench@shop.example>", "p1@example.com", formatdate(), "李", "https://shop.example/u/1/"
    )


def report(name: str, rate: float, plain: float, source: float | None) -> None:
    beside = f", {rate / source:.2f}x smtp-source" if source else ""
    print(f"{name}: {rate:.0f} mails/s, {rate / plain:.1f}x the standard library{beside}", flush=True)


if __name__ == "__main__":
    main()
