"""Exported files: private, under MEDIA_ROOT, no address of their own, deleted after a day."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

FOLDER = "exports"
CHUNK_BYTES = 1 << 20


def fresh_path(merchant_id: int) -> str:
    """Where a new file may lie, relative to MEDIA_ROOT; readable by this user alone, empty."""
    folder = Path(FOLDER) / str(merchant_id)
    (Path(settings.MEDIA_ROOT) / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    relative = folder / uuid.uuid4().hex
    os.close(os.open(full_path(str(relative)), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return str(relative)


def full_path(relative: str) -> Path:
    return Path(settings.MEDIA_ROOT) / relative


def delete_file(relative: str) -> None:
    full_path(relative).unlink(missing_ok=True)


def digest_of(relative: str) -> tuple[int, str]:
    """(bytes, SHA-256) of the file."""
    digest, size = hashlib.sha256(), 0
    with full_path(relative).open("rb") as file:
        for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
            size += len(chunk)
            digest.update(chunk)
    return size, digest.hexdigest()


def orphans(known: set[str], older_than: float) -> Iterator[Path]:
    """Files that no export names, last written before that instant (seconds since the epoch)."""
    root = Path(settings.MEDIA_ROOT) / FOLDER
    if root.is_dir():
        for path in root.glob("*/*"):
            relative = str(path.relative_to(settings.MEDIA_ROOT))
            if relative not in known and path.stat().st_mtime < older_than:
                yield path
