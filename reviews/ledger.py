"""The hash chain over every step of moderation.

Each entry's hash is SHA-256 over the canonical JSON (RFC 8785: sorted keys, no spaces, UTF-8) of its fields
and the hash before it, as in Certificate Transparency's log without its tree: changing, dropping or
inserting an entry breaks every hash after it, and publishing the newest hash pins all history.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone

from crm.events.actor import current_actor
from crm.lib.locking import hold
from reviews.models import LedgerEntry, Review

GENESIS = "0" * 64
Action = LedgerEntry.Action
# The review's state that each action leaves behind; the others leave it as it was.
STATE_AFTER = {
    Action.SUBMITTED: Review.State.PENDING,
    Action.EDITED: Review.State.PENDING,
    Action.PUBLISHED: Review.State.PUBLISHED,
    Action.WITHHELD: Review.State.WITHHELD,
}


@dataclass(frozen=True)
class Verdict:
    """`head` is the newest hash; `faults` tell what does not fit, oldest first, at most 100."""

    entries: int
    head: str
    faults: tuple[str, ...]

    @property
    def is_intact(self) -> bool:
        return not self.faults


def words_digest(review: Review) -> str:
    """SHA-256 of what the public reads of a review."""
    words = [review.rating, review.title, review.body]
    return hashlib.sha256(json.dumps(words, ensure_ascii=False).encode()).hexdigest()


def entry_hash(entry: LedgerEntry) -> str:
    fields = {
        "merchant": entry.merchant_id,
        "sequence": entry.sequence,
        "review": entry.review_id,
        "rating": entry.rating,
        "action": str(entry.action),
        "reason": entry.reason,
        "actor": entry.actor,
        "digest": entry.digest,
        "at": _instant(entry.happened_at),
        "previous": entry.previous,
    }
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def append(review: Review, action: str, *, reason: str = "", at: datetime | None = None) -> LedgerEntry:
    """The new link, in the caller's transaction. Locks the merchant's chain until it ends. `at` is for
    history brought in later; the order of links is the order of writing."""
    hold(f"ledger:{review.merchant_id}")
    last = LedgerEntry.objects.order_by("-sequence").first()
    entry = LedgerEntry(
        merchant_id=review.merchant_id,
        sequence=last.sequence + 1 if last else 1,
        review_id=review.pk,
        rating=review.rating,
        action=action,
        reason=reason,
        actor=current_actor(),
        digest=words_digest(review),
        happened_at=at or timezone.now(),
        previous=last.hash if last else GENESIS,
    )
    entry.hash = entry_hash(entry)
    entry.save(force_insert=True)
    return entry


def verify() -> Verdict:
    """Walks the scope's chain and compares every review with its last link; streams, constant memory for the
    chain, one small tuple a review."""
    faults: list[str] = []
    previous, count = GENESIS, 0
    newest: dict[int, tuple[str, str]] = {}  # review → (digest, state)
    for entry in LedgerEntry.objects.order_by("sequence").iterator(chunk_size=2_000):
        count += 1
        if entry.sequence != count or entry.previous != previous or entry.hash != entry_hash(entry):
            faults.append(f"entry {entry.sequence} does not follow from the one before it")
            count = entry.sequence
        previous = entry.hash
        _digest, state = newest.get(entry.review_id, ("", ""))
        newest[entry.review_id] = (entry.digest, STATE_AFTER.get(Action(entry.action), state))
    faults += _reviews_against(newest)
    return Verdict(count, previous, tuple(faults[:100]))


def _reviews_against(newest: dict[int, tuple[str, str]]) -> list[str]:
    faults = []
    for review in Review.objects.order_by("pk").iterator(chunk_size=2_000):
        digest, state = newest.pop(review.pk, ("", ""))
        if digest != words_digest(review):
            faults.append(f"review {review.pk} was changed outside the ledger")
        elif state != review.state:
            faults.append(f"review {review.pk} is {review.state}, the ledger says {state or 'nothing'}")
    return faults + [f"review {review_id} was deleted" for review_id in sorted(newest)]
