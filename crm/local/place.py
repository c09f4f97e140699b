"""Where the embedded stack keeps its state: one folder, one lock, one set of secrets, one running record."""

import contextlib
import fcntl
import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]


# Somebody who only looks whether the folder is owned holds its lock for an instant.
LOCK_PATIENCE_SECONDS = 0.5
OWNER_STOP_SECONDS = 60.0


class Refused(Exception):
    """The stack cannot start or go on; the text says why and what to do."""


class Busy(Refused):
    """Another process owns the state folder."""


@dataclass(frozen=True)
class Place:
    """The state folder (`.local/`, or where CRM_LOCAL points)."""

    home: Path

    @classmethod
    def from_environment(cls) -> "Place":
        return cls(Path(os.environ.get("CRM_LOCAL") or ROOT / ".local").resolve())

    def prepare(self) -> "Place":
        """Makes the folder; refuses when it belongs to somebody else."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            probe = self.home / ".writable"
            probe.write_text("")
            probe.unlink()
        except OSError as problem:
            raise Refused(
                f"{self.home} is not writable for this user ({problem.strerror}). It may have been made by "
                "another user, such as root: remove it as that user, or run as that user."
            ) from None
        return self

    @property
    def postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def redis(self) -> Path:
        return self.home / "redis"

    @property
    def running_file(self) -> Path:
        return self.home / "running.json"

    @property
    def sign_ins_file(self) -> Path:
        """How to sign in to the demo shop."""
        return self.home / "sign-ins.json"

    @property
    def erasures_file(self) -> Path:
        """Who was erased, as hashes; outlives the database (customers/privacy/ledger.py)."""
        return self.home / "erasures.jsonl"

    @property
    def unfinished_file(self) -> Path:
        """There while the demo shop is being made: after a kill it marks a database with half a shop."""
        return self.home / "demo-unfinished"

    def secrets(self) -> dict[str, str]:
        """The app's two keys, the database's and the mailbox's password; made once, mode 0600."""
        path = self.home / "secrets.json"
        kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        wanted = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "FIELD_ENCRYPTION_KEY": secrets.token_urlsafe(50),
            "POSTGRES_PASSWORD": secrets.token_hex(16),
            "MAILBOX_PASSWORD": secrets.token_hex(8),
        }
        if wanted.keys() <= kept.keys():
            return kept
        whole = {**wanted, **kept}
        private_write(path, json.dumps(whole, indent=1))
        return whole

    def running(self) -> dict[str, Any]:
        """What the process that holds the lock wrote down; empty when nothing runs."""
        try:
            record: dict[str, Any] = json.loads(self.running_file.read_text())
        except (OSError, ValueError):
            return {}
        return record

    def write_running(self, record: dict[str, Any]) -> None:
        private_write(self.running_file, json.dumps(record, indent=1))

    @contextlib.contextmanager
    def owned(self, command: str) -> Iterator[dict[str, Any]]:
        """Holds the folder for one process that starts services in it; Busy when another one has it.

        Yields the record of an earlier owner that was killed, empty when the last one ended properly.
        """
        deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
        with open(self.home / "lock", "a+") as lock:
            while not try_lock(lock, fcntl.LOCK_EX):
                if time.monotonic() > deadline:
                    raise Busy(self.busy_message())
                time.sleep(0.05)
            earlier = self.running()
            self.write_running({"command": command, "pid": os.getpid()})
            try:
                yield earlier
            finally:
                self.running_file.unlink(missing_ok=True)

    def busy_message(self) -> str:
        record = self.running()
        who = record.get("command", "another process")
        where = f" at {record['PUBLIC_URL']}" if "PUBLIC_URL" in record else ""
        return (
            f"`{who}` is already running on {self.home}{where} (process {record.get('pid', 'unknown')}). "
            "Stop it first, or give this one its own state folder: CRM_LOCAL=/some/folder make run PORT=…"
        )

    def is_owned(self) -> bool:
        """Whether some process holds the folder's lock now."""
        with open(self.home / "lock", "a+") as lock:
            return not try_lock(lock, fcntl.LOCK_SH)

    def stop_owner(self) -> int:
        """Asks the owner to stop and waits for it: 0 when it has gone, 1 when it stays."""
        with contextlib.suppress(ProcessLookupError, KeyError):
            os.kill(self.running()["pid"], signal.SIGTERM)
        deadline = time.monotonic() + OWNER_STOP_SECONDS
        while self.is_owned():
            if time.monotonic() > deadline:
                return 1
            time.sleep(0.1)
        return 0

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Marks the services as in use, so that their owner waits before it stops them."""
        with open(self.home / "users.lock", "a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield

    def wait_unused(self, seconds: float) -> bool:
        """True once nobody uses the services any more, False when `seconds` have passed."""
        deadline = time.monotonic() + seconds
        with open(self.home / "users.lock", "a+") as lock:
            while not try_lock(lock, fcntl.LOCK_EX):
                if time.monotonic() >= deadline:
                    return False
                time.sleep(0.1)
        return True


def try_lock(file: IO[str], kind: int) -> bool:
    """Takes the file's lock (LOCK_EX or LOCK_SH) without waiting; False when others hold it."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def private_write(path: Path, text: str) -> None:
    """Replaces the file in one step; nobody but its owner can read it at any moment."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    draft.replace(path)
