"""`make backup` and `make restore`: database, uploads and keys of the embedded stack in one tar file."""

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from crm.local import postgres
from crm.local.environment import EXTERNAL_DATABASE, is_external
from crm.local.place import Place, Refused
from crm.local.running import call_manage, with_services
from crm.local.stack import Stack

DUMP, KEYS, MEDIA = "database.dump", "secrets.json", "media"


def tool(stack: Stack, name: str, *words: str) -> None:
    """Runs one of PostgreSQL's own programs on the embedded database."""
    password = stack.place.secrets()["POSTGRES_PASSWORD"]
    command = [str(postgres.binaries() / name), "--host", "127.0.0.1", "--port", str(stack.ports.postgres)]
    command += ["--username", postgres.SUPERUSER, "--no-password", *words]
    done = subprocess.run(command, env={**os.environ, "PGPASSWORD": password}, check=False)
    if done.returncode != 0:
        raise Refused(f"{name} failed; what it said is above.")


def require_embedded() -> None:
    if is_external(EXTERNAL_DATABASE):
        raise Refused("DATABASE_URL is set: back that database up with its own pg_dump (docs/operating.md).")


def backup(file: Path, port: int) -> int:
    """Writes the file, readable by its owner only; the product may go on meanwhile."""
    require_embedded()
    place = Place.from_environment()
    if not place.postgres.exists():
        raise Refused(f"There is nothing to save: {place.home} holds no database.")
    if file.exists():
        raise Refused(f"{file} exists already. Take another name.")

    def save(stack: Stack) -> int:
        with tempfile.TemporaryDirectory(dir=place.home) as folder:
            dump = Path(folder) / DUMP
            tool(stack, "pg_dump", "--format=custom", "--file", str(dump), postgres.DATABASE)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as out, tarfile.open(fileobj=out, mode="w") as archive:
                archive.add(dump, DUMP)
                archive.add(place.home / KEYS, KEYS)
                if (place.home / MEDIA).exists():
                    archive.add(place.home / MEDIA, MEDIA)
        print(f"Saved to {file} ({file.stat().st_size / 1e6:.1f} MB). It holds the keys: keep it safe.")
        return 0

    return with_services(place, port, save)


def unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Files and folders of ours into the folder; Refused for anything else or for a way out of it.

    By hand, because tarfile's own filter came with Python 3.11.4 only.
    """
    for member in archive:
        parts = PurePosixPath(member.name).parts
        if not parts or parts[0] not in (DUMP, KEYS, MEDIA) or ".." in parts:
            raise Refused(f"The backup names {member.name}, which is not ours. Nothing was restored.")
        target = folder.joinpath(*parts)
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        source = archive.extractfile(member) if member.isfile() else None
        if source is None:
            raise Refused(f"{member.name} in the backup is no plain file. Nothing was restored.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
        target.chmod(member.mode & 0o700 | 0o600)


def restore(file: Path, port: int) -> int:
    """Fills an empty state folder from the file; Refused when there is a database already."""
    require_embedded()
    place = Place.from_environment().prepare()
    if place.postgres.exists():
        raise Refused(
            f"{place.postgres} exists. `make clean` removes it, and then `make restore` fills it anew."
        )
    try:
        archive = tarfile.open(file)  # noqa: SIM115  closed below
    except (OSError, tarfile.TarError) as problem:
        raise Refused(f"{file} cannot be read as a backup: {problem}") from None
    with archive, tempfile.TemporaryDirectory(dir=place.home) as folder:
        if not {DUMP, KEYS} <= set(archive.getnames()):
            raise Refused(f"{file} is no backup: it holds no {DUMP} or no {KEYS}.")
        unpacked = Path(folder)
        unpack(archive, unpacked)
        (unpacked / KEYS).replace(place.home / KEYS)
        if (unpacked / MEDIA).exists():
            (unpacked / MEDIA).replace(place.home / MEDIA)

        def fill(stack: Stack) -> int:
            words = ["--exit-on-error", "--no-owner", "--jobs=2", "--dbname", postgres.DATABASE]
            tool(stack, "pg_restore", *words, str(unpacked / DUMP))
            # The backup may be older than an erasure, and than the code.
            return call_manage(stack, ["migrate", "--verbosity=0"]) or call_manage(stack, ["erasures_replay"])

        code = with_services(place, port, fill)
    if code:
        raise Refused(f"{file} was restored, but who was erased since may be in it: see above.")
    print(f"Restored {file} into {place.home}.")
    return code
