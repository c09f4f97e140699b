"""Real services under every test. Fixtures that belong to one app live in tests/<app>/conftest.py."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import django
import pytest

from tests.support import services
from tests.support.processes import Worker, live_process_running, worker_running
from tests.support.smtp import SmtpSink

os.environ.update(services.start())
django.setup()  # before test modules import models; pytest-django finds it done

REAL_DATA_VARIABLE = "CRM_REAL_DATA"
# merchant, rival, scoped, owner, member_client …, and rung, imap
pytest_plugins = [
    "tests.factories.fixtures",
    "tests.support.bells",
    "tests.support.conditions",
    "tests.support.mailbox",
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Each xdist process makes services of its own; with this name inherited it would read ours first."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests carry their marker by folder and come last."""
    for item in items:
        if "browser" in Path(item.fspath).relative_to(services.ROOT).parts:
            item.add_marker("browser")
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


# --- the database ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Each run's database is a copy of one migrated database: a second instead of all migrations."""
    from django.db import connections

    connections["default"].settings_dict["TEST"]["TEMPLATE"] = services.template_database()


@pytest.fixture
def stack_env(db: None) -> dict[str, str]:
    """The environment for a child process that works on this run's database and Redis."""
    return environment_of_run()


def environment_of_run() -> dict[str, str]:
    from django.db import connection

    head, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return {**os.environ, "DATABASE_URL": f"{head}/{connection.settings_dict['NAME']}"}


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    """No test hears another's doorbells, throttles or cache.

    Kombu declares its queues once per process and loses messages silently when their bindings are gone,
    so those stay.
    """
    from crm.lib.health import redis_client

    client = redis_client()
    if keys := [key for key in client.scan_iter(count=1000) if b"_kombu.binding" not in key]:
        client.delete(*keys)


@pytest.fixture(autouse=True)
def _english() -> None:
    """No test reads on in the language that another's last request was answered in."""
    from django.utils import translation

    translation.activate("en")


# --- processes ---------------------------------------------------------------------------------------------


@pytest.fixture
def smtp_sink(settings) -> Iterator[SmtpSink]:
    """An SMTP server that the product's settings point at; it can be told to fail (tests/support/smtp.py)."""
    with SmtpSink() as sink:
        settings.SMTP_HOST = settings.EMAIL_HOST = sink.host
        settings.SMTP_PORT = settings.EMAIL_PORT = sink.port
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        yield sink


@pytest.fixture
def start_worker(transactional_db: None) -> Iterator[Callable[..., Worker]]:
    """Starts real Celery workers: `worker = start_worker(queues="mail", SMTP_PORT=sink.port)`."""
    with worker_running(environment_of_run) as start:
        yield start


@pytest.fixture
def celery_worker(start_worker: Callable[..., Worker], settings) -> Worker:
    """One real worker on all queues. Ask for `smtp_sink` before it when it should send mail."""
    return start_worker(SMTP_HOST=settings.SMTP_HOST, SMTP_PORT=settings.SMTP_PORT)


@pytest.fixture
def live_process(transactional_db: None) -> Iterator[str]:
    """The live process (granian, ASGI) on LIVE_URL; yields that address."""
    with live_process_running(environment_of_run(), services.LIVE_PORT) as url:
        yield url


@pytest.fixture(scope="session")
def live_server(request: pytest.FixtureRequest):
    """The web on PUBLIC_URL, so that links in mails lead to it."""
    from pytest_django.live_server_helper import LiveServer

    request.getfixturevalue("django_db_setup")
    server = LiveServer(f"127.0.0.1:{services.WEB_PORT}")
    yield server
    server.stop()


# --- real inputs -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real inputs (CRM_REAL_DATA, else ../shared/data). CI fails without it, others skip."""
    folder = Path(os.environ.get(REAL_DATA_VARIABLE) or services.ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        message = f"no real inputs: {folder} is missing (set {REAL_DATA_VARIABLE})"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder
