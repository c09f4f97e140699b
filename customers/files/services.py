"""Keeping, handing out and deleting files about a person or a firm."""

from __future__ import annotations

import unicodedata
from functools import partial
from pathlib import PurePosixPath
from typing import IO

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.events.emitting import emit
from crm.events.types import EventType
from crm.lib import private_files
from crm.lib.errors import NotFound, Rejected
from customers import events
from customers.models import Company, Customer, File

FOLDER = "files"
MOST_BYTES = 20 << 20
MOST_FILES = 200
# A file without a row is one whose transaction failed; the sweep gives uploads this long to commit.
ORPHAN_SECONDS = 24 * 3600


def file_add(*, about: Customer | Company, upload: IO[bytes], name: str, by: Membership | None) -> File:
    """The file, kept under a name of ours and announced; the same bytes under the same name a second time are
    the first. Raises Rejected for more than 20 MB, an empty file, or the 201st."""
    limit = _("A file can have %(most)s MB.") % {"most": MOST_BYTES >> 20}
    refusal = Rejected(limit, code="file_too_large", fields={"file": [limit]})
    stored = private_files.store(
        upload, folder=FOLDER, merchant_id=about.merchant_id, most=MOST_BYTES, refusal=refusal
    )
    try:
        with transaction.atomic():
            return _keep(about, stored, clean_name(name), by)
    except BaseException:
        private_files.delete_file(stored.relative)
        raise


def _keep(
    about: Customer | Company, stored: private_files.StoredFile, name: str, by: Membership | None
) -> File:
    type(about).objects.select_for_update(of=("self",)).get(pk=about.pk)
    if not stored.size:
        text = _("The file is empty.")
        raise Rejected(text, code="file_empty", fields={"file": [text]})
    same = about.files.filter(sha256=stored.sha256, name=name).first()
    if same is not None:
        transaction.on_commit(partial(private_files.delete_file, stored.relative))
        return same
    if about.files.count() >= MOST_FILES:
        text = _("There are %(most)s files already; delete some first.") % {"most": MOST_FILES}
        raise Rejected(text, code="too_many_files", fields={"file": [text]})
    whose = {"customer": about} if isinstance(about, Customer) else {"company": about}
    file: File = File.objects.create(
        merchant_id=about.merchant_id,
        name=name,
        path=stored.relative,
        size=stored.size,
        sha256=stored.sha256,
        uploader=by,
        **whose,
    )
    _announce(events.FILE_ADDED, file)
    return file


@transaction.atomic
def file_delete(*, file: File) -> None:
    """The row, and with the commit the bytes."""
    _announce(events.FILE_DELETED, file)
    transaction.on_commit(partial(private_files.delete_file, file.path))
    file.delete()


def file_open(*, file: File) -> IO[bytes]:
    """The bytes; the download stands in the event log before the first of them leaves. Raises NotFound when
    they are gone from the disk."""
    path = private_files.full_path(file.path)
    if not path.is_file():
        raise NotFound()
    with transaction.atomic():
        _announce(events.FILE_READ, file)
    return path.open("rb")


def files_forget(files: list[File]) -> int:
    """Without a word in the log: for an erasure. The bytes go with the commit."""
    for file in files:
        transaction.on_commit(partial(private_files.delete_file, file.path))
    return int(File.objects.filter(pk__in=[file.pk for file in files]).delete()[0])


def orphans_delete(known: set[str]) -> int:
    """Removes files that no row of any shop names, a day after they were written; how many."""
    border = timezone.now().timestamp() - ORPHAN_SECONDS
    gone = list(private_files.orphans(FOLDER, known, border))
    for path in gone:
        private_files.delete_file(str(path.relative_to(settings.MEDIA_ROOT)))
    return len(gone)


def clean_name(name: str) -> str:
    """The last part of a path, without signs that nobody types; "file" for nothing."""
    last = PurePosixPath(name.replace("\\\\", "/")).name
    shown = "".join(one for one in last if unicodedata.category(one)[0] != "C").strip()
    if len(shown) > 200:
        stem, dot, ending = shown.rpartition(".")
        shown = f"{stem[: 199 - len(ending)]}.{ending}" if dot and len(ending) < 20 else shown[:200]
    return shown or "file"


def _announce(kind: EventType, file: File) -> None:
    data = {"name": file.name, "file": file.pk, "size": file.size}
    subject = file.customer or file.company
    emit(kind, merchant=file.merchant_id, subject=subject, customer=file.customer, data=data)
