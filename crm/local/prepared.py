"""Remembers for which code the database and static files were prepared: a second start is quick."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import psycopg2

from crm.local import postgres
from crm.local.place import ROOT, Place

PACKAGES = ("crm", "customers", "orders", "reviews", "service", "marketing")
STATIC_FOLDERS = ("static", "assets")


def relevant_files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (ROOT / package).rglob("migrations/*.py")
        yield from (ROOT / package).rglob("static/**/*")
    for folder in STATIC_FOLDERS:
        yield from (ROOT / folder).rglob("*")
    yield ROOT / "requirements.txt"
    yield ROOT / "crm" / "settings.py"


def fingerprint(env: dict[str, str]) -> str:
    """Changes with any migration, static file, library or setting that `prepare` looks at."""
    total = hashlib.sha256()
    for path in sorted(relevant_files()):
        if path.is_file():
            stat = path.stat()
            total.update(f"{path.relative_to(ROOT)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    for name in ("DATABASE_URL", "STATIC_ROOT", "DEBUG"):
        total.update(f"{name}={env.get(name, '')}\n".encode())
    return total.hexdigest()


def stamp(place: Place) -> Path:
    return place.home / "prepared"


def is_prepared(place: Place, env: dict[str, str], port: int) -> bool:
    """True when nothing changed since the last `prepare`, and the database still holds a shop."""
    mark = stamp(place)
    return mark.is_file() and mark.read_text() == fingerprint(env) and has_shop(place, port)


def remember(place: Place, env: dict[str, str]) -> None:
    stamp(place).write_text(fingerprint(env))


def has_shop(place: Place, port: int) -> bool:
    try:
        session = postgres.connect(port, place.secrets()["POSTGRES_PASSWORD"], postgres.DATABASE)
    except psycopg2.OperationalError:
        return False
    try:
        with session.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT FROM accounts_merchant)")
            row = cursor.fetchone()
            return bool(row and row[0])
    except psycopg2.errors.UndefinedTable:
        return False
    finally:
        session.close()
