"""Consent through a merge and back: the stricter side holds, and nothing becomes mailable that was not.

For each channel and purpose:
- either side's newest answer is a withdrawal: withdrawn;
- both allowed it: allowed;
- one allowed it and the other was never asked: allowed only if the address that the one record is written to
  is the allowing side's own, else withdrawn;
- nobody was asked: not asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from crm.events.emitting import emit
from crm.events.types import Text
from customers import events
from customers.consent import profiling_settle
from customers.models import Consent, Customer, Identity, MergeRecord
from customers.models.consent import Channel, Purpose

SOURCE = "merge"
WECHAT = (Identity.Kind.WECHAT_UNIONID, Identity.Kind.WECHAT_OPENID)


@dataclass(frozen=True)
class Outcome:
    """One channel and purpose: each side's newest answer (None: never asked) and what holds then."""

    channel: str
    purpose: str
    survivor: bool | None
    absorbed: bool | None
    result: bool | None

    @property
    def channel_label(self) -> Text:
        return Channel(self.channel).label

    @property
    def purpose_label(self) -> Text:
        return Purpose(self.purpose).label

    @property
    def is_lost(self) -> bool:
        """Somebody's permission doesn't hold any more."""
        return self.result is False and (self.survivor is True or self.absorbed is True)

    def as_json(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "purpose": self.purpose,
            "survivor": self.survivor,
            "absorbed": self.absorbed,
            "result": self.result,
        }


Answers = dict[tuple[str, str], bool]


def answers_of(customer_id: int) -> Answers:
    """(channel, purpose) → the newest answer. One query."""
    rows = (
        Consent.objects.filter(customer_id=customer_id)
        .order_by("channel", "purpose", "-recorded_at", "-id")
        .distinct("channel", "purpose")
    )
    return {(one.channel, one.purpose): one.granted for one in rows}


def stricter(one: bool | None, other: bool | None) -> bool | None:
    """A withdrawal before everything, no answer before a permission."""
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def outcomes(survivor: Customer, absorbed: Customer, values: dict[str, Any]) -> list[Outcome]:
    """What each answer becomes when the one record has these values."""
    mine, theirs = answers_of(survivor.pk), answers_of(absorbed.pk)
    found = []
    for channel, purpose in sorted({*mine, *theirs}):
        ours, others = mine.get((channel, purpose)), theirs.get((channel, purpose))
        result: bool | None
        if ours is False or others is False:
            result = False
        elif ours is None:
            result = _written_to(absorbed, survivor, channel, values)
        elif others is None:
            result = _written_to(survivor, absorbed, channel, values)
        else:
            result = True
        found.append(Outcome(channel, purpose, ours, others, result))
    return found


def _written_to(granting: Customer, other: Customer, channel: str, values: dict[str, Any]) -> bool:
    """Whether the one record is reached on this channel just where the granting side was."""
    if channel == Channel.WECHAT:
        return not other.identities.filter(kind__in=WECHAT).exists()
    column = "email" if channel == Channel.EMAIL else "phone"
    return bool(values[column] == getattr(granting, column))


def write(customer: Customer, wanted: Iterable[tuple[str, str, bool | None]], *, record: MergeRecord) -> None:
    """An entry of the ledger for each answer that isn't the newest already, newer than all of them."""
    newest = {
        (one.channel, one.purpose): one
        for one in Consent.objects.filter(customer=customer)
        .order_by("channel", "purpose", "-recorded_at", "-id")
        .distinct("channel", "purpose")
    }
    for channel, purpose, granted in wanted:
        known = newest.get((channel, purpose))
        if granted is None or (known is not None and known.granted is granted):
            continue
        now = timezone.now()
        entry = Consent.objects.create(
            merchant_id=customer.merchant_id,
            customer=customer,
            channel=channel,
            purpose=purpose,
            granted=granted,
            source=SOURCE,
            proof={"merge": record.pk},
            recorded_at=max(now, known.recorded_at + timedelta(microseconds=1)) if known else now,
        )
        if purpose == Purpose.PROFILING:
            profiling_settle(customer_id=customer.pk)
        emit(
            events.CONSENT_GRANTED if granted else events.CONSENT_WITHDRAWN,
            merchant=customer.merchant_id,
            customer=customer,
            subject=entry,
            data={"channel": channel, "purpose": purpose, "source": SOURCE},
        )


def write_stricter(
    sides: Sequence[tuple[Customer, Answers]], together: Answers, *, record: MergeRecord
) -> None:
    """After an undo: nobody allows more than they allowed themselves and than the one record allowed.

    A permission is withdrawn where the other isn't one; what was never asked stays unasked.
    """
    for customer, own in sides:
        wanted = []
        for (channel, purpose), granted in own.items():
            held = together.get((channel, purpose))
            if granted and held is False:
                wanted.append((channel, purpose, False))
        wanted += [
            (channel, purpose, False)
            for (channel, purpose), held in together.items()
            if held is False and (channel, purpose) not in own
        ]
        write(customer, wanted, record=record)
