"""Real services for the tests: a shared throwaway PostgreSQL, a Redis of this run's own, two ports.

tests/conftest.py imports it before anything reads Django's settings, which read the environment once.
"""

import atexit
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from crm.local import postgres, redis, testcluster
from crm.local.ports import LOOPBACK, free_port
from crm.local.prepared import PACKAGES
from crm.local.processes import spawn

ROOT = Path(__file__).resolve().parents[2]
SUFFIX = os.environ.get("CRM_TEST_SUFFIX", "main")
# With pytest-xdist each worker is a run of its own.
RUN = "_".join(filter(None, [SUFFIX, os.environ.get("PYTEST_XDIST_WORKER", "")]))
WEB_PORT, LIVE_PORT = free_port(), free_port()
_kept_open = []


def start_redis(folder: Path) -> str:
    """The address of a Redis that ends with this process."""
    port = free_port()
    service = redis.service(port, folder, durable=False)
    process = spawn(service, subprocess.DEVNULL)
    atexit.register(end, process)
    deadline = time.monotonic() + 15
    while not service.ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("The tests' Redis did not start.")
        time.sleep(0.01)
    return redis.url(port)


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    process.kill()


def start() -> dict[str, str]:
    """Starts what the tests need and returns the environment that says where it is."""
    port, password, mark = testcluster.ensure()
    _kept_open.append(mark)
    folder = Path(tempfile.mkdtemp(prefix=f"guanxi-test-{RUN}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "static").mkdir()  # WhiteNoise warns when it is not there
    return {
        "DJANGO_SETTINGS_MODULE": "crm.settings",
        "TESTING": "1",
        "DEBUG": "0",
        "SECRET_KEY": "tests only, no secret: " + "x" * 40,
        "FIELD_ENCRYPTION_KEY": "tests only, no secret: " + "y" * 40,
        "DATABASE_URL": postgres.url(port, password, f"crm_{SUFFIX}"),
        "REDIS_URL": start_redis(folder / "redis"),
        "REDIS_PREFIX": f"test-{RUN}",
        "PUBLIC_URL": f"http://{LOOPBACK}:{WEB_PORT}",
        "LIVE_URL": f"http://{LOOPBACK}:{LIVE_PORT}/live/",
        # Nobody listens there: a test that sends mail asks for `smtp_sink`.
        "SMTP_HOST": LOOPBACK,
        "SMTP_PORT": str(free_port()),
        "SMTP_SECURITY": "none",
        "MEDIA_ROOT": str(folder / "media"),
        "STATIC_ROOT": str(folder / "static"),
        "MAILBOX_URL": "",
        "LOG_LEVEL": "WARNING",
        # Playwright's sync API runs inside an event loop, and Django would refuse the ORM there.
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
    }


# --- one migrated database to copy from --------------------------------------------------------------------


def migrations_digest() -> str:
    """Changes with whatever changes what `migrate` makes."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("migrations/*.py")]
    files += [*(ROOT / "crm" / "lib" / "postgres").glob("*.py"), ROOT / "crm" / "settings.py"]
    files += [ROOT / "crm" / "lib" / "tenancy.py", ROOT / "requirements.txt"]
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return total.hexdigest()[:16]


def template_database() -> str:
    """The name of a migrated, empty database; made when no earlier run made it from the same migrations."""
    name = f"tpl_{migrations_digest()}"
    port = int(os.environ["DATABASE_URL"].rsplit(":", 1)[1].split("/")[0])
    with open(testcluster.HOME / "template.lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        session = postgres.connect(port, testcluster.PASSWORD)
        session.autocommit = True
        with contextlib.closing(session), session.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'tpl\\_%'")
            known = {row[0] for row in cursor.fetchall()}
            if name in known:
                return name
            for old in known:
                # Another run may be copying from it right now; it then goes with the next change.
                with contextlib.suppress(postgres.psycopg2.Error):
                    cursor.execute(f'DROP DATABASE IF EXISTS "{old}"')
            draft = f"tpl_draft_{os.getpid()}"
            cursor.execute(f'CREATE DATABASE "{draft}"')
            migrate(postgres.url(port, testcluster.PASSWORD, draft))
            cursor.execute(f'ALTER DATABASE "{draft}" RENAME TO "{name}"')
    return name


def migrate(url: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"The migrations fail:\n{done.stdout}{done.stderr}")
