"""Remembers for which code the database and static files were prepared: a second start is quick."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import psycopg2

from crm.local import postgres
from crm.local.place import ROOT, Place

PACKAGES = ("crm", "customers", "orders", "reviews", "service", "marketing")
ALWAYS = (ROOT / "requirements.txt", ROOT / "crm" / "settings.py")


def migration_files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (ROOT / package).rglob("migrations/*.py")


def static_files() -> Iterator[Path]:
    for folder in ("static", "assets"):
        yield from (ROOT / folder).rglob("*")


# What each job of crm/local/prepare.py looks at: (files, names of settings).
JOBS = {
    "database": (migration_files, ("DATABASE_URL",)),
    "static": (static_files, ("STATIC_ROOT", "DEBUG")),
}


def fingerprint(job: str, env: dict[str, str]) -> str:
    """Changes with any file, library or setting that the job looks at."""
    files, names = JOBS[job]
    total = hashlib.sha256()
    for path in sorted([*ALWAYS, *files()]):
        if path.is_file():
            stat = path.stat()
            total.update(f"{path.relative_to(ROOT)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    for name in names:
        total.update(f"{name}={env.get(name, '')}\n".encode())
    return total.hexdigest()


def remembered(place: Place) -> dict[str, str]:
    try:
        stamp: dict[str, str] = json.loads((place.home / "prepared.json").read_text())
    except (OSError, ValueError):
        return {}
    return stamp


def jobs_due(place: Place, env: dict[str, str], port: int | None) -> list[str]:
    """The jobs whose files have changed since they last ran; `port` is None for a database not ours."""
    done = remembered(place)
    due = [job for job in JOBS if done.get(job) != fingerprint(job, env)]
    if "database" not in due and (port is None or not has_shop(place, port) or has_sleeping(place, port)):
        due.insert(0, "database")
    return due


def remember(place: Place, env: dict[str, str]) -> None:
    stamp = {job: fingerprint(job, env) for job in JOBS}
    (place.home / "prepared.json").write_text(json.dumps(stamp, indent=1))


def has_shop(place: Place, port: int) -> bool:
    """Whether the embedded database holds a shop."""
    return bool(answer(place, port, "SELECT EXISTS (SELECT FROM accounts_merchant)"))


def has_sleeping(place: Place, port: int) -> bool:
    """Whether the loading of a big demo shop was killed while its indexes rested."""
    asleep = "indrelid > 16383 AND NOT indisready AND NOT indisunique"
    return bool(answer(place, port, f"SELECT EXISTS (SELECT FROM pg_index WHERE {asleep})"))


def has_tables(place: Place, port: int) -> bool:
    """Whether anything was ever migrated in the embedded database."""
    return bool(answer(place, port, "SELECT to_regclass('django_migrations') IS NOT NULL"))


def answer(place: Place, port: int, question: str) -> object:
    """The first column of the first row; None also where the database or the table is not there."""
    try:
        session = postgres.connect(port, place.secrets()["POSTGRES_PASSWORD"], postgres.DATABASE)
    except psycopg2.OperationalError:
        return None
    try:
        with session.cursor() as cursor:
            cursor.execute(question)
            row = cursor.fetchone()
            return row[0] if row else None
    except psycopg2.errors.UndefinedTable:
        return None
    finally:
        session.close()
