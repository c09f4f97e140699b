"""Exported files: private, no address of their own, deleted after a day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crm.lib import private_files
from crm.lib.private_files import delete_file, full_path

__all__ = ["delete_file", "digest_of", "fresh_path", "full_path", "orphans"]
FOLDER = "exports"


def fresh_path(merchant_id: int) -> str:
    """Where a new file may lie, relative to MEDIA_ROOT; readable by this user alone, empty."""
    return private_files.fresh_path(FOLDER, merchant_id)


def digest_of(relative: str) -> tuple[int, str]:
    """(bytes, SHA-256) of the file."""
    return private_files.digest_of(full_path(relative))


def orphans(known: set[str], older_than: float) -> Iterator[Path]:
    """Files that no export names, last written before that instant (seconds since the epoch)."""
    return private_files.orphans(FOLDER, known, older_than)
