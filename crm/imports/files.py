"""Uploaded files of imports: private, deleted after 30 days."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

from crm.lib import private_files
from crm.lib.errors import Rejected
from crm.lib.private_files import StoredFile, digest_of, full_path

from .models import ImportBatch
from .readers import UPLOAD_LIMITS

FOLDER = "imports"
KEEP_DAYS = 30


def store_upload(upload: IO[bytes], merchant_id: int) -> StoredFile:
    """Writes the upload under a name of our own. Raises Rejected beyond the limit, leaving nothing behind."""
    most = UPLOAD_LIMITS.max_bytes
    text = _("The file is larger than %(limit)s MB. Split it, or use the import_orders command.")
    refusal = Rejected(text % {"limit": (most or 0) >> 20}, code="file_too_large")
    return private_files.store(upload, folder=FOLDER, merchant_id=merchant_id, most=most, refusal=refusal)


def describe_local(path: Path) -> StoredFile:
    """A file that the command was given: hashed where it lies, not copied."""
    size, digest = digest_of(path)
    return StoredFile(path, str(path), size, digest)


def path_of(batch: ImportBatch) -> Path:
    """Where the batch's file lies. Raises Rejected when it is gone (deleted after 30 days, or moved)."""
    path = full_path(batch.file_path)  # an absolute path of the command stays itself
    if not batch.file_path or not path.is_file():
        raise Rejected(_("The file is no longer here. Upload it again."), code="file_gone")
    return path


def is_upload(batch: ImportBatch) -> bool:
    return bool(batch.file_path) and not Path(batch.file_path).is_absolute()


def delete_file(batch: ImportBatch) -> None:
    """Removes an upload; a file that belongs to somebody else (the command's) is left alone."""
    if is_upload(batch):
        private_files.delete_file(batch.file_path)


def orphans(known: set[str], older_than: float) -> Iterator[Path]:
    """Uploads that no batch names, last written before that instant (seconds since the epoch)."""
    return private_files.orphans(FOLDER, known, older_than)
