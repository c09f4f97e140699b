"""Putting addresses on the suppression list by hand or by file, and taking one off with a reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.actor import current_actor
from crm.events.emitting import Draft, emit, emit_many
from crm.lib.errors import Conflict, Rejected
from customers import events
from customers.consent import REACHED_BY, address_digest, note_without, suppress
from customers.models import Identity, Suppression
from customers.models.consent import Channel
from customers.normalising import normalise_email, normalise_phone
from customers.suppressions.selectors import may_lift

Reason = Suppression.Reason
# What a colleague, a file or a program may give as the reason; an erasure puts its own there.
REASONS = (Reason.MANUAL, Reason.BOUNCE, Reason.COMPLAINT)
REASON_CHOICES = [(one.value, one.label) for one in REASONS]
LONGEST_ADDRESS = 320
LONGEST_NOTE = 300
# One file's worth, written in one transaction within seconds.
MOST_ADDRESSES = 20_000
FILE_BYTES = 4 * 2**20


@dataclass
class Brought:
    """What became of the lines of a file: put on the list, there already, and no address at all, with the
    numbers of the first twenty of those lines."""

    added: int = 0
    known: int = 0
    wrong: int = 0
    wrong_lines: list[int] = field(default_factory=list)


def address_of(merchant: Merchant, channel: str, text: str) -> str:
    """The address in the form that the list is kept by, "" where the text is none. Phone numbers without a
    country are read as numbers of the shop's."""
    if len(text) > LONGEST_ADDRESS:
        return ""
    if channel == Channel.EMAIL:
        return normalise_email(text)
    if channel == Channel.SMS:
        return normalise_phone(text, merchant.country)
    return text.strip()


def address_needed(merchant: Merchant, channel: str, text: str) -> str:
    """The same; raises Rejected at `address` for what is none."""
    value = address_of(merchant, channel, text)
    if not value:
        words = {
            Channel.EMAIL: _("Enter an e-mail address."),
            Channel.SMS: _("Enter a phone number, with its country such as +44."),
            Channel.WECHAT: _("Enter the person's WeChat openid or unionid."),
        }[Channel(channel)]
        raise Rejected(words, code="bad_address", fields={"address": [words]})
    return value


@transaction.atomic
def suppression_add(
    *, merchant: Merchant, channel: str, address: str, note: str, reason: str = Reason.MANUAL
) -> Suppression:
    """The entry. Raises Rejected for no address, no reason in words, or a reason that only the house gives,
    Conflict (code "suppressed_already") where it is on the list for as grave a reason."""
    value = address_needed(merchant, channel, address)
    _check_reason(reason)
    entry = suppress(
        merchant=merchant, channel=channel, value=value, reason=reason, note=_words(note), customer=None
    )
    if entry is None:
        raise Conflict(_("This address is on the list already."), code="suppressed_already")
    return entry


def _check_reason(reason: str) -> None:
    if reason not in REASONS:
        words = _("Choose a reason.")
        raise Rejected(words, code="bad_reason", fields={"reason": [words]})


def _words(note: str) -> str:
    note = " ".join(note.split())
    if not note or len(note) > LONGEST_NOTE:
        words = _("Say why, in at most %(n)s characters.") % {"n": LONGEST_NOTE}
        raise Rejected(words, code="no_reason", fields={"note": [words]})
    return note


@transaction.atomic
def suppression_release(*, suppression: Suppression, note: str, address: str = "") -> None:
    """Takes the entry off the list: the address may be written to again where its owner allows it; no consent
    comes back by that. `address`, where it is known, is taken out of the note.

    Raises Rejected without a reason in words, Conflict (code "erased") for who was erased: that was their
    right; Conflict (code "released_already") where somebody else was faster."""
    entry = Suppression.objects.select_for_update(of=("self",)).filter(pk=suppression.pk).first()
    if entry is None:
        raise Conflict(_("This address is not on the list any more."), code="released_already")
    if not may_lift(entry):
        words = _("Whoever had this address was erased. It stays on the list.")
        raise Conflict(words, code="erased")
    said = note_without(address, _words(note))
    emit(
        events.ADDRESS_RELEASED,
        merchant=entry.merchant_id,
        customer=entry.customer_id,
        subject=entry,
        data={"channel": entry.channel, "reason": entry.reason, "note": said},
    )
    entry.delete()


@transaction.atomic
def suppressions_bring(
    *, merchant: Merchant, channel: str, lines: Iterable[str], note: str, reason: str = Reason.MANUAL
) -> Brought:
    """Puts the addresses of a file on the list, one a line: the first field of a line counts, a first line
    that is no address is its heading. What is on the list stays as it is. Announces each address as history:
    nobody's handlers run twenty thousand times. Raises Rejected beyond MOST_ADDRESSES."""
    _check_reason(reason)
    said = _words(note)
    brought = Brought()
    values = _addresses(merchant, channel, lines, brought)
    # In the order of the addresses, as everybody who puts several on the list, so that none wait in a circle.
    digests = {address_digest(value): value for value in sorted(values)}
    here = Suppression.objects.filter(channel=channel, digest__in=digests)
    known = set(here.values_list("digest", flat=True))
    owners = _owners(channel, [value for digest, value in digests.items() if digest not in known])
    fresh = [
        Suppression(
            merchant=merchant,
            channel=channel,
            digest=digest,
            reason=reason,
            note=said,
            added_by=current_actor(),
            customer_id=owners.get(value),
        )
        for digest, value in digests.items()
        if digest not in known
    ]
    # Who adds the same address at this moment is waited for, and was first.
    Suppression.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=2_000)
    mine = Suppression.objects.filter(channel=channel, digest__in=[one.digest for one in fresh])
    written = list(mine.values_list("pk", "customer_id"))
    data = {"channel": channel, "reason": reason, "note": said}
    label = Suppression._meta.label_lower
    emit_many(
        [Draft(events.ADDRESS_SUPPRESSED, customer_id, label, pk, data) for pk, customer_id in written],
        merchant=merchant,
        backfill=True,
    )
    brought.added, brought.known = len(written), len(values) - len(written)
    return brought


def _addresses(merchant: Merchant, channel: str, lines: Iterable[str], brought: Brought) -> set[str]:
    values: set[str] = set()
    for number, line in enumerate(lines, 1):
        cell = line.replace(";", ",").replace("\t", ",").split(",")[0].strip().strip('"')
        if not cell:
            continue
        value = address_of(merchant, channel, cell)
        if value:
            values.add(value)
        elif number > 1:
            brought.wrong += 1
            brought.wrong_lines = [*brought.wrong_lines, number][:20]
        if len(values) > MOST_ADDRESSES:
            words = _("At most %(n)s addresses at once. Split the file.") % {"n": MOST_ADDRESSES}
            raise Rejected(words, code="too_many", fields={"file": [words]})
    return values


def _owners(channel: str, values: list[str]) -> dict[str, int]:
    known = Identity.objects.filter(kind__in=REACHED_BY[Channel(channel)], value__in=values)
    return dict(known.order_by("-pk").values_list("value", "customer_id"))
