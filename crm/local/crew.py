"""The Celery processes of the embedded stack, forked from one that has loaded the code.

Loading Django and every app takes a process two seconds of a core; a second start has less than ten in all.
Forks also share that memory. In production each is a container of its own (docker-compose.yml).
"""

import os
import sys
from collections.abc import Callable

import django

from crm.celery import app
from crm.local.processes import Printer, Service, StopRequested, Supervisor

# A worker child that grew past this is replaced after its task (kilobytes). No task may hold over 300 MB.
WORKER_MEMORY_KB = 400_000
# A worker first finishes what it holds; what it cannot finish, a sweeper finds.
WORKER_GRACE_SECONDS = 25.0
# Beat holds nothing, and one that is told to stop while it still starts may never do so by itself.
BEAT_GRACE_SECONDS = 5.0


def worker(name: str, queues: str, processes: int) -> list[str]:
    words = ["worker", "-Q", queues, "-c", str(processes), "-n", f"{name}@%h", "--loglevel", "WARNING"]
    words += ["--prefetch-multiplier", "1", "--max-memory-per-child", str(WORKER_MEMORY_KB)]
    return [*words, "--without-gossip", "--without-mingle"]


def members() -> dict[str, list[str]]:
    """Workers apart, because a sign-in code must not wait behind an import or a campaign, and beat."""
    return {
        "worker": worker("worker", "default,mail", max(2, min(4, os.cpu_count() or 2))),
        "sender": worker("sender", "campaigns", 1),
        "bulk": worker("bulk", "imports,insight", 1),
        "beat": ["beat", "--pidfile=", "--loglevel", "WARNING"],
    }


def celery(words: list[str]) -> Callable[[], None]:
    return lambda: app.start(argv=["--quiet", *words])


def main() -> int:
    django.setup()
    app.loader.import_default_modules()
    app.finalize()
    try:
        with Supervisor(Printer(sys.stdout)) as supervisor:
            for name, words in members().items():
                grace = BEAT_GRACE_SECONDS if name == "beat" else WORKER_GRACE_SECONDS
                service = Service(name, [], {}, grace=grace, stage=1, forked=celery(words))
                supervisor.launch(service).ready = True
            while True:
                supervisor.tick(1.0)
    except StopRequested:
        return 0


if __name__ == "__main__":
    sys.exit(main())
