"""The throwaway PostgreSQL that test runs share: the first one starts it; long unused, it ends itself.

`ensure()` is called by tests/conftest.py. The keeper is a process of its own, because the run that started
the cluster may end long before another that uses it.
"""

import fcntl
import json
import shutil
import subprocess
import sys
import time
from typing import IO, Any

from crm.local import postgres
from crm.local.place import ROOT, Place, Refused, private_write, try_lock
from crm.local.ports import free_port
from crm.local.processes import Printer, StopRequested, Supervisor

HOME = ROOT / ".local" / "test"
RECORD = HOME / "cluster.json"
# A developer's next run comes within minutes; ten developers' forgotten clusters should not fill the machine.
IDLE_SECONDS = 900.0
START_SECONDS = 180.0
PASSWORD = "throwaway"


def ensure() -> tuple[int, str, IO[str]]:
    """(port, password, the user's mark) of the running cluster; keep the mark open as long as it is used."""
    HOME.mkdir(parents=True, exist_ok=True)
    mark = open(HOME / "users.lock", "a+")  # noqa: SIM115  it is the caller's to close
    fcntl.flock(mark, fcntl.LOCK_SH)  # waits while a keeper is just stopping
    with open(HOME / "start.lock", "a+") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        known = running()
        if not known:
            start_keeper()
            known = wait_for_keeper()
    return known["port"], PASSWORD, mark


def running() -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(RECORD.read_text())
    except (OSError, ValueError):
        return {}
    return known if postgres.accepts(known["port"], PASSWORD) else {}


def start_keeper() -> None:
    RECORD.unlink(missing_ok=True)
    with open(HOME / "log", "w") as log:
        subprocess.Popen(
            [sys.executable, "-m", "crm.local", "testcluster", "keep"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_for_keeper() -> dict[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if known := running():
            return known
        time.sleep(0.05)
    raise Refused(f"The test PostgreSQL did not start. It said:\n{(HOME / 'log').read_text()}")


def keep() -> int:
    """The keeper: holds PostgreSQL until nobody has used it for a while, or it is told to stop."""
    place = Place(HOME).prepare()
    with place.owned("make test"):
        try:
            with Supervisor(Printer(sys.stdout)) as supervisor:
                port = start_server(supervisor)
                private_write(RECORD, json.dumps({"port": port}))
                watch(supervisor)
        except StopRequested:
            return 0
        finally:
            RECORD.unlink(missing_ok=True)
    return 0


def start_server(supervisor: Supervisor) -> int:
    """The port; a cluster that a crash has spoilt (it runs without fsync) is thrown away and made anew."""
    data = HOME / "postgres"
    for last in (False, True):
        port = free_port()
        try:
            postgres.initialise(data, PASSWORD, durable=False)
            postgres.forget_dead_owner(data)
            supervisor.start(postgres.service(data, port, PASSWORD, durable=False))
        except Refused as problem:
            if last:
                raise
            print(f"{problem}\nMaking the test cluster anew.", flush=True)
            supervisor.stop_all()
            shutil.rmtree(data, ignore_errors=True)
        else:
            return port
    raise AssertionError("unreachable")


def watch(supervisor: Supervisor) -> None:
    """Returns when the cluster was idle for long, holding new users off from that moment on."""
    last_use = time.monotonic()
    with open(HOME / "users.lock", "a+") as users:
        while True:
            supervisor.tick(5.0)
            if not try_lock(users, fcntl.LOCK_EX):
                last_use = time.monotonic()
                continue
            if time.monotonic() - last_use > IDLE_SECONDS:
                supervisor.stop_all()
                RECORD.unlink(missing_ok=True)
                return
            fcntl.flock(users, fcntl.LOCK_UN)


def stop() -> int:
    """Stops the cluster, unless somebody's tests still use it."""
    place = Place(HOME)
    if not HOME.exists() or not place.is_owned():
        return 0
    if not place.wait_unused(0):
        print("The test PostgreSQL stays: other tests use it.", file=sys.stderr)
        return 0
    return place.stop_owner()
