"""The list of erasures outside of the database: what a restored backup is erased by again.

A file of JSON lines at ERASURE_LEDGER that backups leave out and restores leave alone. It holds ids, times
and keyed hashes, nothing that says who somebody was.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from crm.accounts.models import Merchant
from crm.lib.errors import Rejected
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.identities import Key, key_digest
from customers.models import Customer, Erasure, Identity
from customers.privacy.erasing import customer_erase, keys_remember

log = structlog.get_logger()
BATCH = 500


@dataclass(frozen=True)
class Line:
    """One erasure. `keys` are (kind, scope, digest)."""

    merchant: int
    customer: int
    customer_created_at: str
    erased_at: str
    reason: str
    keys: list[list[str]]


def path() -> Path:
    return Path(settings.ERASURE_LEDGER)


def record_all() -> int:
    """Writes every erasure that is done and not in the file yet; how many. A line may stand there twice after
    a crash between file and commit: replaying it twice is harmless."""
    written = 0
    with all_merchants(reason="the ledger of erasures is one file for the installation"):
        while True:
            with transaction.atomic():
                waiting = Erasure.objects.select_for_update(skip_locked=True).filter(
                    state=Erasure.State.DONE, recorded_at__isnull=True
                )
                batch = list(waiting.order_by("pk")[:BATCH])
                if not batch:
                    return written
                _append(_line(erasure) for erasure in batch)
                Erasure.objects.filter(pk__in=[erasure.pk for erasure in batch]).update(
                    recorded_at=timezone.now()
                )
                written += len(batch)


def _line(erasure: Erasure) -> Line:
    assert erasure.done_at is not None
    return Line(
        erasure.merchant_id,
        erasure.customer_id,
        erasure.customer_created_at.isoformat(),
        erasure.done_at.isoformat(),
        erasure.reason,
        [list(key) for key in erasure.keys.order_by("pk").values_list("kind", "scope", "digest")],
    )


def _append(lines: Iterable[Line]) -> None:
    """On the disk when this returns. One writer at a time."""
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(asdict(line), ensure_ascii=False) + "\n" for line in lines)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read(file: Path | None = None) -> Iterator[Line]:
    """Every line; none when there is no file. Raises Rejected for a line that can't be read: half a ledger
    would leave somebody in."""
    source = file or path()
    if not source.exists():
        return
    with source.open(encoding="utf-8") as text:
        for number, row in enumerate(text, 1):
            try:
                yield Line(**json.loads(row))
            except (ValueError, TypeError) as error:
                raise Rejected(f"{source}, line {number}: not an erasure ({error}).") from error


@dataclass
class Replay:
    """`erased` customers were in the database and are erased again; `remembered` erasures only had their
    hashes brought back; `strangers` belong to shops that are not here."""

    erased: int = 0
    remembered: int = 0
    strangers: int = 0


def replay(file: Path | None = None) -> Replay:
    """Erases whom the ledger names and the database still (or again) knows.

    Somebody is named by the id and birth of their row, or by an identity that is older than the erasure: who
    came back of their own will later stays. Everything is done twice without harm.
    """
    done = Replay()
    by_merchant: dict[int, list[Line]] = defaultdict(list)
    for line in read(file):
        by_merchant[line.merchant].append(line)
    with all_merchants(reason="the ledger of erasures is one file for the installation"):
        merchants = {one.pk: one for one in Merchant.objects.filter(pk__in=list(by_merchant))}
    for merchant_id, lines in by_merchant.items():
        if merchant_id not in merchants:
            done.strangers += len(lines)
            continue
        with merchant_scope(merchants[merchant_id]):
            owners = _owners({digest for line in lines for _kind, _scope, digest in line.keys})
            for line in lines:
                _replay_one(merchants[merchant_id], line, owners, done)
    return done


def _owners(digests: set[str]) -> dict[str, list[tuple[int, datetime]]]:
    """Digest → (customer, since when) of the identities that have it. Hashes every identity of the shop."""
    found: dict[str, list[tuple[int, datetime]]] = defaultdict(list)
    rows = Identity.objects.values_list("kind", "scope", "value", "customer_id", "created_at")
    for kind, scope, value, customer_id, created_at in rows.iterator(chunk_size=5_000):
        digest = key_digest(Key(kind, scope, value))
        if digest in digests:
            found[digest].append((customer_id, created_at))
    return found


def _replay_one(merchant: Merchant, line: Line, owners: dict[str, Any], done: Replay) -> None:
    erased_at = parse_datetime(line.erased_at)
    assert erased_at is not None
    named = Customer.objects.filter(
        pk=line.customer, created_at=line.customer_created_at, erased_at__isnull=True
    )
    ids = set(named.values_list("pk", flat=True))
    for _kind, _scope, digest in line.keys:
        ids |= {customer_id for customer_id, since in owners.get(digest, ()) if since <= erased_at}
    with transaction.atomic():
        for customer in Customer.objects.filter(pk__in=ids).order_by("pk"):
            customer_erase(customer=customer, reason=Erasure.Reason.REPLAY, by="", erased_at=erased_at)
            done.erased += 1
        erasure, is_new = _remembered(merchant, line, erased_at)
        keys_remember(erasure=erasure, digests=[(key[0], key[1], key[2]) for key in line.keys])
        done.remembered += int(is_new)


def _remembered(merchant: Merchant, line: Line, erased_at: datetime) -> tuple[Erasure, bool]:
    """The row of this erasure, made anew when the backup is older than it."""
    return Erasure.objects.get_or_create(
        merchant=merchant,
        customer_id=line.customer,
        customer_created_at=line.customer_created_at,
        state=Erasure.State.DONE,
        defaults={
            "reason": line.reason,
            "requested_at": erased_at,
            "due_at": erased_at,
            "done_at": erased_at,
            "recorded_at": timezone.now(),
        },
    )
