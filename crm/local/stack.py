"""Which children make up the stack, in the order in which they start."""

import sys
import urllib.error
import urllib.request
from dataclasses import dataclass

from crm.local import environment, mailbox, postgres, redis
from crm.local.place import Place
from crm.local.ports import LOOPBACK, Ports, answers
from crm.local.processes import Service

# Stages stop in reverse: first what works, then what catches mail, then what keeps the data.
WORK_STAGE, JOB_STAGE = 2, 3
WEB_THREADS = 8
# How long a stopping process waits: for requests to be answered; for streams, which never end by themselves.
REQUEST_GRACE_SECONDS, STREAM_GRACE_SECONDS = 10, 1
CREW_GRACE_SECONDS = 30.0  # more than the workers' own (crm/local/crew.py)


@dataclass(frozen=True)
class Stack:
    """One state folder on one block of ports."""

    place: Place
    ports: Ports
    host: str
    env: dict[str, str]

    @classmethod
    def build(cls, place: Place, ports: Ports, host: str = LOOPBACK) -> "Stack":
        return cls(place, ports, host, environment.build(place, ports, host=host))

    @property
    def owns_database(self) -> bool:
        return not environment.is_external(environment.EXTERNAL_DATABASE)

    @property
    def owns_redis(self) -> bool:
        return not environment.is_external(environment.EXTERNAL_REDIS)

    @property
    def web_address(self) -> str:
        """Where this machine reaches the web, whatever PUBLIC_URL says to browsers."""
        return environment.address(self.own_host, self.ports.web)

    @property
    def own_host(self) -> str:
        return LOOPBACK if self.host in environment.EVERY_ADDRESS else self.host

    def data_ports(self) -> list[tuple[str, int, str]]:
        wanted = [("PostgreSQL", self.ports.postgres, LOOPBACK)] if self.owns_database else []
        return wanted + ([("Redis", self.ports.redis, LOOPBACK)] if self.owns_redis else [])

    def mail_ports(self) -> list[tuple[str, int, str]]:
        ports = self.ports
        named = {"the mailbox's page": ports.mailbox, "SMTP": ports.smtp, "IMAP": ports.imap}
        return [(name, port, LOOPBACK) for name, port in named.items()]

    def work_ports(self) -> list[tuple[str, int, str]]:
        return [("the web", self.ports.web, self.host), ("live updates", self.ports.live, self.host)]

    def data_services(self) -> list[Service]:
        services = []
        if self.owns_database:
            password = self.place.secrets()["POSTGRES_PASSWORD"]
            services.append(postgres.embedded(self.place, self.ports.postgres, password))
        if self.owns_redis:
            services.append(redis.service(self.ports.redis, self.place.redis))
        return services

    def mailbox(self) -> Service:
        return mailbox.service(self.ports, self.place.secrets()["MAILBOX_PASSWORD"], self.env)

    def ensure_database(self) -> None:
        """Makes the embedded database; one with half a demo shop, its making interrupted, is made anew."""
        if not self.owns_database:
            return
        password = self.place.secrets()["POSTGRES_PASSWORD"]
        if self.place.unfinished_file.exists():
            postgres.drop_database(self.ports.postgres, password)
            self.place.unfinished_file.unlink()
        postgres.ensure_database(self.ports.postgres, password)

    def work_services(self) -> list[Service]:
        """web, live, and the crew: two workers and beat."""
        return [
            granian("web", "wsgi", self.host, self.ports.web, self.env),
            granian("live", "asgi", self.host, self.ports.live, self.env),
            Service(
                "crew",
                [sys.executable, "-W", "ignore", "-m", "crm.local.crew"],
                self.env,
                grace=CREW_GRACE_SECONDS,
                stage=WORK_STAGE,
                watch=True,
                discreet=False,
                labels_itself=True,
            ),
        ]


def granian(name: str, interface: str, host: str, port: int, env: dict[str, str]) -> Service:
    """web (wsgi) or live (asgi)."""
    command = [sys.executable, "-m", "granian", "--interface", interface, "--no-ws", "--log-level", "warning"]
    command += ["--workers", "1", "--host", host, "--port", str(port)]
    if interface == "wsgi":
        command += [
            "--blocking-threads",
            str(WEB_THREADS),
            "--workers-kill-timeout",
            str(REQUEST_GRACE_SECONDS),
        ]
    else:
        command += ["--workers-kill-timeout", str(STREAM_GRACE_SECONDS)]
    own = LOOPBACK if host in environment.EVERY_ADDRESS else host
    health = f"{environment.address(own, port)}/healthz"
    return Service(
        name,
        [*command, f"crm.{interface}:application"],
        env,
        ready=lambda: is_alive(health, own, port),
        stage=WORK_STAGE,
        watch=True,
    )


def is_alive(url: str, host: str, port: int) -> bool:
    """Whether the process answers 200 there; asks nothing of a port that nobody listens on yet."""
    return answers(port, host) and status(url) == 200


def status(url: str) -> int:
    """The HTTP status of a GET, 0 when there was no answer within two seconds."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as problem:
        return problem.code
    except OSError:
        return 0
