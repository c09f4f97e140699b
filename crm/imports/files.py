"""Uploaded files: private, under MEDIA_ROOT, streamed and hashed on their way in, deleted after 30 days."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils.translation import gettext as _

from crm.lib.errors import Rejected

from .models import ImportBatch
from .readers import UPLOAD_LIMITS

CHUNK_BYTES = 1 << 20
KEEP_DAYS = 30


@dataclass(frozen=True)
class StoredFile:
    path: Path
    relative: str
    size: int
    sha256: str


def store_upload(upload: IO[bytes], merchant_id: int) -> StoredFile:
    """Writes the upload under a name of our own. Raises Rejected beyond the limit, leaving nothing behind."""
    folder = Path("imports") / str(merchant_id)
    (Path(settings.MEDIA_ROOT) / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    relative = folder / uuid.uuid4().hex
    path = Path(settings.MEDIA_ROOT) / relative
    limit = UPLOAD_LIMITS.max_bytes
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as target:
            for chunk in iter(lambda: upload.read(CHUNK_BYTES), b""):
                size += len(chunk)
                if limit is not None and size > limit:
                    raise Rejected(
                        _("The file is larger than %(limit)s MB. Split it, or use the import_orders command.")
                        % {"limit": limit >> 20},
                        code="file_too_large",
                    )
                digest.update(chunk)
                target.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return StoredFile(path, str(relative), size, digest.hexdigest())


def describe_local(path: Path) -> StoredFile:
    """A file that the command was given: hashed where it lies, not copied."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
            digest.update(chunk)
    return StoredFile(path, str(path), path.stat().st_size, digest.hexdigest())


def path_of(batch: ImportBatch) -> Path:
    """Where the batch's file lies. Raises Rejected when it is gone (deleted after 30 days, or moved)."""
    path = Path(settings.MEDIA_ROOT) / batch.file_path  # an absolute path of the command stays itself
    if not batch.file_path or not path.is_file():
        raise Rejected(_("The file is no longer here. Upload it again."), code="file_gone")
    return path


def is_upload(batch: ImportBatch) -> bool:
    return bool(batch.file_path) and not Path(batch.file_path).is_absolute()


def delete_file(batch: ImportBatch) -> None:
    """Removes an upload; a file that belongs to somebody else (the command's) is left alone."""
    if is_upload(batch):
        (Path(settings.MEDIA_ROOT) / batch.file_path).unlink(missing_ok=True)


def orphans(known: set[str], older_than: float) -> Iterator[Path]:
    """Uploads that no batch names, last written before that instant (seconds since the epoch)."""
    root = Path(settings.MEDIA_ROOT) / "imports"
    if root.is_dir():
        for path in root.glob("*/*"):
            relative = str(path.relative_to(settings.MEDIA_ROOT))
            if relative not in known and path.stat().st_mtime < older_than:
                yield path
