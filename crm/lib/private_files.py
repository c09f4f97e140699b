"""Files that no address serves: under MEDIA_ROOT, readable by this user alone, named by us, streamed and
hashed on their way in. Views hand them out after a check."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings

from crm.lib.errors import Rejected

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class StoredFile:
    """`relative` to MEDIA_ROOT; `size` in bytes; `sha256` in hex."""

    path: Path
    relative: str
    size: int
    sha256: str


def full_path(relative: str) -> Path:
    return Path(settings.MEDIA_ROOT) / relative


def fresh_path(folder: str, merchant_id: int) -> str:
    """Where a new file lies, relative to MEDIA_ROOT; there already, and empty."""
    inside = Path(folder) / str(merchant_id)
    full_path(str(inside)).mkdir(parents=True, exist_ok=True, mode=0o700)
    relative = str(inside / uuid.uuid4().hex)
    os.close(os.open(full_path(relative), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return relative


def store(
    upload: IO[bytes], *, folder: str, merchant_id: int, most: int | None, refusal: Rejected
) -> StoredFile:
    """Writes the upload; raises `refusal` beyond `most` bytes, and leaves nothing behind then."""
    relative = fresh_path(folder, merchant_id)
    digest, size = hashlib.sha256(), 0
    try:
        with full_path(relative).open("wb") as target:
            for chunk in iter(lambda: upload.read(CHUNK_BYTES), b""):
                size += len(chunk)
                if most is not None and size > most:
                    raise refusal
                digest.update(chunk)
                target.write(chunk)
    except BaseException:
        delete_file(relative)
        raise
    return StoredFile(full_path(relative), relative, size, digest.hexdigest())


def digest_of(path: Path) -> tuple[int, str]:
    """(bytes, SHA-256) of the file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
            size += len(chunk)
            digest.update(chunk)
    return size, digest.hexdigest()


def delete_file(relative: str) -> None:
    """Also when it is gone already."""
    full_path(relative).unlink(missing_ok=True)


def orphans(folder: str, known: set[str], older_than: float) -> Iterator[Path]:
    """Files of the folder that nobody names, last written before that instant (seconds since the epoch)."""
    root = full_path(folder)
    if root.is_dir():
        for path in root.glob("*/*"):
            relative = str(path.relative_to(settings.MEDIA_ROOT))
            if relative not in known and path.stat().st_mtime < older_than:
                yield path
