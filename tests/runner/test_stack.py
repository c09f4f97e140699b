"""`make run` as a person meets it: really started in a state folder of its own, used, broken, stopped."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crm.local.ports import LOOPBACK, Ports, is_free
from crm.local.processes import kill_group
from crm.local.stack import status
from tests.support.processes import wait_until
from tests.support.settings_names import ROOT

pytestmark = pytest.mark.services


def spare_block() -> int:
    """The start of seven free ports."""
    for base in range(20_000 + os.getpid() % 1000 * 7, 60_000, 7):
        if all(is_free(port) for port in vars(Ports.after(base)).values()):
            return base
    raise AssertionError("no seven free ports")


class Run:
    """One `python -m crm.local …` with its output."""

    def __init__(self, folder: Path, *words: str, **more: str) -> None:
        self.home = folder / "local"
        self.log = folder / f"{words[0]}-{time.monotonic_ns()}.log"
        self.env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        # DEBUG: static files are served as they lie, so the test need not compress them.
        self.env |= {"CRM_LOCAL": str(self.home), "CRM_DEMO": "0", "DEBUG": "1", **more}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "crm.local", *words],
                cwd=ROOT,
                env=self.env,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str, seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.said():
            assert self.process.poll() is None, f"ended early:\n{self.said()}"
            assert time.monotonic() < deadline, f"no {text!r} within {seconds} s:\n{self.said()}"
            time.sleep(0.05)

    def children(self) -> dict[str, int]:
        record = json.loads((self.home / "running.json").read_text())
        return {name: pid for name, (pid, _started) in record["children"].items()}

    def stop(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(240)


@contextlib.contextmanager
def running(folder: Path, *words: str, **more: str):
    run = Run(folder, *words, **more)
    try:
        yield run
    finally:
        with contextlib.suppress(OSError, ValueError, KeyError):
            left = run.children()
            kill_group(run.process.pid)
            for pid in left.values():
                kill_group(pid)
        run.process.wait(30)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def base():
    return spare_block()


def test_the_whole_stack_starts_serves_heals_and_stops(tmp_path, base):
    with running(tmp_path, "run", "--port", str(base)) as run:
        run.wait_for("Guanxi is up")
        assert f"http://127.0.0.1:{base}/" in run.said()
        assert status(f"http://{LOOPBACK}:{base}/readyz") == 200
        assert status(f"http://{LOOPBACK}:{base + 1}/healthz") == 200
        assert status(f"http://{LOOPBACK}:{base + 2}/") == 200
        children = run.children()
        assert set(children) == {"postgres", "redis", "mailbox", "web", "live", "crew"}

        second = Run(tmp_path, "run", "--port", str(base + 100))
        assert second.process.wait(120) == 1
        assert "is already running" in second.said()
        assert f"http://127.0.0.1:{base}" in second.said()

        # A killed web comes back on the same port.
        os.kill(children["web"], signal.SIGKILL)
        run.wait_for("starting it again in 0.5 s")
        wait_until(lambda: status(f"http://{LOOPBACK}:{base}/healthz") == 200, seconds=30)
        children = run.children()

        # A command uses what runs, and leaves it running.
        command = Run(tmp_path, "manage", "--", "shell", "-c", "print(6 * 7)")
        assert command.process.wait(240) == 0, command.said()
        assert "42" in command.said()
        assert all(alive(pid) for pid in children.values())

        assert run.stop() == 0
        assert run.said().rstrip().endswith("Stopped.")
        assert "stopped with" not in run.said(), "a child did not end with 0"
        assert "killed" not in run.said()
        assert not [name for name, pid in children.items() if alive(pid)]
        assert all(is_free(port) for port in vars(Ports.after(base)).values())


def test_a_taken_port_stops_the_start_before_anything_is_started(tmp_path, base):
    with socket.socket() as other:
        other.bind((LOOPBACK, base + 3))
        other.listen()
        run = Run(tmp_path, "run", "--port", str(base))
        assert run.process.wait(120) == 1

    assert f"Port {base + 3}, wanted for SMTP, is taken by process {os.getpid()}" in run.said()
    assert "Starting" not in run.said()
    assert not (run.home / "postgres").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_services_end_when_their_supervisor_is_killed_and_start_again(tmp_path, base):
    with running(tmp_path, "services", "--port", str(base)) as run:
        run.wait_for("Ctrl-C stops them")
        children = run.children()
        run.process.kill()
        run.process.wait()
        wait_until(lambda: not any(map(alive, children.values())), seconds=20)

    with running(tmp_path, "services", "--port", str(base)) as again:
        again.wait_for("Ctrl-C stops them")
        assert again.stop(signal.SIGTERM) == 0


def test_a_command_brings_its_own_services_and_takes_them_away(tmp_path, base):
    count = "import sys; from crm.accounts.models import Merchant; sys.exit(7 + Merchant.objects.count())"
    command = Run(tmp_path, "manage", "--port", str(base), "--", "shell", "-c", count)

    assert command.process.wait(240) == 7, command.said()
    assert (command.home / "postgres" / "PG_VERSION").exists()
    assert not (command.home / "postgres" / "postmaster.pid").exists()
    assert not (command.home / "running.json").exists()
    assert is_free(base + 5)
    assert is_free(base + 6)


def test_a_backup_gives_everything_back(tmp_path, base):
    file = tmp_path / "shop.tar"
    write = (
        "from django.db import connection as c; x = c.cursor();"
        "x.execute('CREATE TABLE kept (word text)'); x.execute(\"INSERT INTO kept VALUES ('安')\")"
    )
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    one = Run(here, "manage", "--port", str(base), "--", "shell", "--no-imports", "-c", write)
    assert one.process.wait(240) == 0, one.said()
    (one.home / "media").mkdir()
    (one.home / "media" / "photo.jpg").write_bytes(b"jpeg")

    saving = Run(here, "backup", "--port", str(base), str(file))
    assert saving.process.wait(240) == 0, saving.said()
    assert file.stat().st_mode & 0o777 == 0o600
    filling = Run(there, "restore", "--port", str(base), str(file))
    assert filling.process.wait(240) == 0, filling.said()

    read = (
        "from django.db import connection as c; x = c.cursor(); x.execute('TABLE kept'); print(x.fetchone())"
    )
    two = Run(there, "manage", "--port", str(base), "--", "shell", "--no-imports", "-c", read)
    assert two.process.wait(240) == 0, two.said()
    assert "安" in two.said()
    assert (two.home / "media" / "photo.jpg").read_bytes() == b"jpeg"
    assert (two.home / "secrets.json").read_text() == (one.home / "secrets.json").read_text()

    again = Run(there, "restore", "--port", str(base), str(file))
    assert again.process.wait(120) == 1
    assert "make clean" in again.said()
