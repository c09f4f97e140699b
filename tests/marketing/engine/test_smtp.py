"""The engine against a real socket: what each misbehaviour of a server does to each mail."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from marketing.engine.smtp import DONE, IDLE, Engine, Limits, Outgoing, Result, Server, Status, Timeouts

ROOT = Path(__file__).resolve().parents[3]
FOUR = Limits(connections=4)
QUICK = Timeouts(connect=2, command=2, accept=1, idle=2)


class Sink:
    def __init__(self, folder: Path, *options: str) -> None:
        self.record = folder / "record.jsonl"
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "bench" / "smtp_sink.py"), "--record", str(self.record), *options],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().split()[1])

    def taken(self) -> list[str]:
        return [json.loads(line)["to"] for line in self.record.read_text().splitlines()]

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Callable[..., Sink]]:
    made: list[Sink] = []

    def make(*options: str) -> Sink:
        made.append(Sink(tmp_path, *options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def mail(number: int, to: str, *, size: int = 2000, utf8: bool = False) -> Outgoing:
    body = f"Message-ID: <{number}@test>\r\nSubject: x\r\n\r\n".encode() + b"x" * size + b"\r\n"
    return Outgoing(id=number, mail_from="shop@example.com", rcpt_to=to, data=body, utf8=utf8)


def send(
    port: int,
    mails: list[Outgoing],
    *,
    limits: Limits = FOUR,
    timeouts: Timeouts = QUICK,
    server: Server | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[dict[int, Result], Engine]:
    source = iter(mails)
    results: list[Result] = []
    engine = Engine(
        server or Server("127.0.0.1", port),
        pull=lambda: next(source, DONE),
        report=results.extend,
        limits=limits,
        timeouts=timeouts,
        stopped=stopped,
    )
    engine.tally = engine.run()
    by_id = {result.id: result for result in results}
    assert len(by_id) == len(results), "a mail got two results"
    return by_id, engine


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="pipelined"),
        pytest.param(("--no-pipelining",), id="one command at a time"),
        pytest.param(("--no-esmtp",), id="HELO only"),
        pytest.param(("--latency", "0.002"), id="slow"),
        pytest.param(("--close-after", "7"), id="421 after seven"),
        pytest.param(("--max-connections", "2"), id="two connections at most"),
    ],
)
def test_every_mail_is_taken_once(sink: Callable[..., Sink], options: tuple[str, ...]) -> None:
    server = sink(*options)
    results, _ = send(server.port, [mail(n, f"a{n}@example.com") for n in range(100)])
    assert {result.status for result in results.values()} == {Status.SENT}
    assert sorted(server.taken()) == sorted(f"a{n}@example.com" for n in range(100))


@pytest.mark.parametrize("options", [(), ("--no-pipelining",), ("--lenient",)])
@pytest.mark.parametrize(
    "fault, status, code, taken",
    [
        ("mail421", Status.DEFERRED, 421, False),
        ("rcpt451", Status.DEFERRED, 451, False),
        ("rcpt550", Status.FAILED, 550, False),
        ("data451", Status.DEFERRED, 451, False),
        ("dot421", Status.DEFERRED, 421, False),
        ("dot451", Status.DEFERRED, 451, False),
        ("dot550", Status.FAILED, 550, False),
        ("cutdot", Status.UNKNOWN, 0, False),
        ("lostdot", Status.UNKNOWN, 0, True),
        ("hang", Status.UNKNOWN, 0, False),
    ],
)
def test_a_fault_touches_only_its_own_mail(
    sink: Callable[..., Sink], options: tuple[str, ...], fault: str, status: Status, code: int, taken: bool
) -> None:
    server = sink(*options)
    mails = [mail(n, f"{fault if n == 5 else 'fine'}-{n}@example.com") for n in range(12)]
    results, _ = send(server.port, mails, limits=Limits(connections=2))
    assert (results[5].status, results[5].code) == (status, code)
    assert {results[n].status for n in range(12) if n != 5} == {Status.SENT}
    expected = [f"fine-{n}@example.com" for n in range(12) if n != 5] + (
        ["lostdot-5@example.com"] if taken else []
    )
    assert sorted(server.taken()) == sorted(expected)


def test_a_line_lost_before_the_final_dot_was_sent_leaves_no_doubt(sink: Callable[..., Sink]) -> None:
    server = sink()
    results, _ = send(
        server.port, [mail(1, "cut-1@example.com", size=30_000_000), mail(2, "fine@example.com")]
    )
    assert results[1].status is Status.DEFERRED
    assert results[2].status is Status.SENT
    assert server.taken() == ["fine@example.com"]


def test_chaos_doubles_nothing_and_loses_nothing(sink: Callable[..., Sink]) -> None:
    server = sink(
        "--faults", "0.1", "--kinds", "mail421,rcpt451,rcpt550,data451,dot421,dot451,dot550,cutdot,lostdot"
    )
    results, _ = send(server.port, [mail(n, f"a{n}@example.com") for n in range(2000)])
    taken = Counter(server.taken())
    assert len(results) == 2000
    assert max(taken.values()) == 1
    for n, result in results.items():
        if result.status is Status.SENT:
            assert taken[f"a{n}@example.com"] == 1
        elif result.status is not Status.UNKNOWN:
            assert taken[f"a{n}@example.com"] == 0


def test_no_server_gives_everything_back() -> None:
    results, engine = send(
        1, [mail(n, "a@example.com") for n in range(5)], limits=Limits(connections=2, give_up_seconds=1)
    )
    assert {result.status for result in results.values()} <= {Status.RETURNED}
    assert engine.tally.trouble
    assert not engine.tally.permanent


def test_stopping_lets_go_of_what_was_not_begun(sink: Callable[..., Sink]) -> None:
    server = sink("--latency", "0.02")
    began = time.monotonic()
    results, _ = send(
        server.port,
        [mail(n, f"a{n}@example.com") for n in range(5000)],
        stopped=lambda: time.monotonic() - began > 0.5,
    )
    assert time.monotonic() - began < 1.5
    assert {result.status for result in results.values()} <= {Status.SENT, Status.RETURNED}
    assert sorted(server.taken()) == sorted(
        f"a{n}@example.com" for n, r in results.items() if r.status is Status.SENT
    )


def test_results_come_in_small_batches_and_soon(sink: Callable[..., Sink]) -> None:
    server = sink("--latency", "0.01")
    batches: list[tuple[float, int]] = []
    source = iter([mail(n, f"a{n}@example.com") for n in range(300)])
    engine = Engine(
        Server("127.0.0.1", server.port),
        pull=lambda: next(source, DONE),
        report=lambda results: batches.append((time.monotonic(), len(results))),
    )
    engine.run()
    assert sum(size for _, size in batches) == 300
    assert max(size for _, size in batches) <= 50


def test_a_source_that_has_nothing_yet_is_asked_again(sink: Callable[..., Sink]) -> None:
    server = sink()
    ready = threading.Event()
    state = {"sent": False}

    def pull() -> object:
        if not ready.is_set():
            return IDLE
        if state["sent"]:
            return DONE
        state["sent"] = True
        return mail(1, "late@example.com")

    engine = Engine(Server("127.0.0.1", server.port), pull=pull, report=lambda results: None)

    def later() -> None:
        ready.set()
        engine.wake()

    threading.Timer(0.3, later).start()
    assert engine.run().counts == Counter({Status.SENT: 1})


@pytest.mark.parametrize(
    "name, message, reason",
    [
        ("injected command", mail(1, "a@example.com>\r\nRCPT TO:<b@example.com"), "envelope"),
        ("beyond ASCII, no SMTPUTF8", mail(1, "李@example.com", utf8=True), "SMTPUTF8"),
        ("beyond ASCII, not said", mail(1, "李@example.com"), "envelope"),
        ("too big", mail(1, "a@example.com", size=60_000), "bigger"),
    ],
)
def test_what_the_server_can_not_take_is_not_offered(
    sink: Callable[..., Sink], name: str, message: Outgoing, reason: str
) -> None:
    server = sink("--size", "50000")
    results, _ = send(server.port, [message, mail(2, "fine@example.com")])
    assert results[1].status is Status.FAILED
    assert reason in results[1].text
    assert server.taken() == ["fine@example.com"]


def test_an_address_beyond_ascii_goes_to_a_server_that_speaks_smtputf8(sink: Callable[..., Sink]) -> None:
    server = sink("--smtputf8")
    results, _ = send(server.port, [mail(1, "李@example.com", utf8=True)])
    assert results[1].status is Status.SENT


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "pair.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize("security, extra", [("starttls", ()), ("tls", ("--implicit-tls",))])
@pytest.mark.parametrize("auth", ["PLAIN LOGIN", "LOGIN"])
def test_tls_and_sign_in(
    sink: Callable[..., Sink], certificate: Path, security: str, extra: tuple[str, ...], auth: str
) -> None:
    server = sink("--certificate", str(certificate), "--auth", auth, *extra)
    where = Server(
        "127.0.0.1", server.port, security=security, username="user", password="secret", verify=False
    )
    results, _ = send(
        server.port, [mail(n, f"a{n}@example.com", size=100_000) for n in range(40)], server=where
    )
    assert {result.status for result in results.values()} == {Status.SENT}
    assert len(server.taken()) == 40


@pytest.mark.parametrize(
    "name, options, changes, words",
    [
        ("wrong password", ("--auth", "PLAIN"), {"security": "none", "password": "wrong"}, "sign-in refused"),
        ("no sign-in offered", (), {"security": "none"}, "no sign-in"),
        ("no STARTTLS offered", (), {"security": "starttls"}, "STARTTLS"),
    ],
)
def test_a_refusal_for_good_stops_the_run(
    sink: Callable[..., Sink], name: str, options: tuple[str, ...], changes: dict[str, str], words: str
) -> None:
    server = sink(*options)
    settings = {"username": "user", "password": "secret", **changes}
    results, engine = send(
        server.port, [mail(1, "a@example.com")], server=Server("127.0.0.1", server.port, **settings)
    )
    assert engine.tally.permanent
    assert words in engine.tally.trouble
    assert {result.status for result in results.values()} == {Status.RETURNED}
    assert server.taken() == []


def test_a_reply_slipped_in_before_tls_is_refused(sink: Callable[..., Sink], certificate: Path) -> None:
    server = sink("--certificate", str(certificate), "--inject")
    where = Server("127.0.0.1", server.port, security="starttls", verify=False)
    _, engine = send(server.port, [mail(1, "a@example.com")], server=where)
    assert engine.tally.permanent
    assert server.taken() == []


def test_an_unknown_certificate_is_not_trusted(sink: Callable[..., Sink], certificate: Path) -> None:
    server = sink("--certificate", str(certificate))
    where = Server("127.0.0.1", server.port, security="starttls")
    _, engine = send(
        server.port,
        [mail(1, "a@example.com")],
        server=where,
        limits=Limits(connections=1, give_up_seconds=0.5),
    )
    assert "CERTIFICATE_VERIFY_FAILED" in engine.tally.trouble
    assert server.taken() == []


def test_a_password_never_goes_over_an_open_line() -> None:
    with pytest.raises(ValueError, match="open line"):
        Engine(
            Server("mail.example.com", 25, username="u", password="p"),
            pull=lambda: DONE,
            report=lambda r: None,
        )
