"""Real processes of the product, run against the test database."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import redis

from crm.local.ports import LOOPBACK
from crm.local.processes import Service, kill_group, spawn
from crm.local.stack import status

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180.0
ALL_QUEUES = "default,mail,campaigns,imports,insight"


@dataclass
class Worker:
    """A running Celery worker and what it said."""

    process: "subprocess.Popen[bytes]"
    output: IO[bytes]

    def said(self) -> str:
        self.output.flush()
        return Path(self.output.name).read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL to it and its children, as a power cut would."""
        kill_group(self.process.pid)
        self.process.wait()

    def stop(self) -> int:
        """A warm shutdown; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode


@contextlib.contextmanager
def worker_running(environment: Callable[[], dict[str, str]]) -> Iterator[Callable[..., Worker]]:
    """Yields `start(queues=…, concurrency=1, **environment)`, which returns once the worker listens."""
    workers: list[Worker] = []

    def start(*, queues: str = ALL_QUEUES, concurrency: int = 1, **more: object) -> Worker:
        from crm.lib.health import WORKER_KEY

        env = {**environment(), **{name: str(value) for name, value in more.items()}}
        key = f"{env['REDIS_PREFIX']}:{WORKER_KEY}"
        client = redis.Redis.from_url(env["REDIS_URL"])
        client.delete(key)
        command = [sys.executable, "-W", "ignore", "-m", "celery", "--quiet", "-A", "crm", "worker"]
        command += [
            "-Q",
            queues,
            "-c",
            str(concurrency),
            "--prefetch-multiplier",
            "1",
            "-n",
            f"test{len(workers)}@%h",
        ]
        command += ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        output = tempfile.NamedTemporaryFile(prefix="guanxi-worker-", suffix=".log")  # noqa: SIM115
        worker = Worker(spawn(Service("worker", command, env), output), output)
        workers.append(worker)
        deadline = time.monotonic() + START_SECONDS
        while not client.exists(key):
            if worker.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"The worker did not start. It said:\n{worker.said()}")
            time.sleep(0.05)
        client.close()
        return worker

    try:
        yield start
    finally:
        for worker in workers:
            worker.stop()
            worker.output.close()


@contextlib.contextmanager
def live_process_running(env: dict[str, str], port: int) -> Iterator[str]:
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws", "--host", LOOPBACK]
    command += ["--port", str(port), "--log-level", "warning", "crm.asgi:application"]
    process = spawn(Service("live", command, env), subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while status(f"http://{LOOPBACK}:{port}/healthz") != 200:
            assert process.poll() is None and time.monotonic() < deadline, "the live process did not start"
            time.sleep(0.05)
        yield env["LIVE_URL"]
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            kill_group(process.pid)
            process.wait()


def wait_until(true: Callable[[], object], *, seconds: float = 20.0, what: str = "") -> None:
    """Returns when the condition holds; fails the test when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or true}")
        time.sleep(0.05)
