"""Whose answers they are: recognised, refused, or (where that was chosen) new prospects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from crm.events.backfilling import history
from crm.imports.models import ImportBatch
from crm.imports.rows import Wrong
from customers.consent import address_digest
from customers.identities import Kind, erased_owners, lock_keys, resolve
from customers.importing.consents.reading import Told
from customers.importing.making import source_of, strangers_make
from customers.models import Customer, Suppression
from customers.models.consent import Channel
from customers.recognising import keys_known
from customers.searching import search_rebuild

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def people_named(batch: ImportBatch, told: Sequence[Told]) -> dict[int, Wrong]:
    """Puts the customer on each answer, None for somebody unknown; row → why, for whom nobody may answer:
    erased, two people in one row, a number that nobody has. By e-mail, and by a phone where no e-mail is
    told."""
    known = keys_known(batch.merchant, {key for one in told for key in one.keys})
    unknown = [key for one in told for key in one.keys if key not in known and key.kind != Kind.PHONE]
    erased = erased_owners(unknown, at=BEGINNING)
    numbers = _numbered({one.number for one in told if one.number})
    wrong: dict[int, Wrong] = {}
    for one in told:
        by_email = next((known[key] for key in one.keys if key.kind == Kind.EMAIL and key in known), None)
        by_phone = next((known[key] for key in one.keys if key.kind == Kind.PHONE and key in known), None)
        if one.number:
            one.customer_id = numbers.get(one.number)
            if one.customer_id is None:
                text = _("no customer has the number %(number)s") % {"number": one.number}
                wrong[one.row] = Wrong("number", "number", text)
            elif by_email not in (None, one.customer_id):
                text = _("the number is customer %(one)s, the e-mail address customer %(other)s")
                values = {"one": one.customer_id, "other": by_email}
                wrong[one.row] = Wrong("number", "two_customers", text % values)
        elif any(key in erased for key in one.keys):
            text = _("This person was erased; a file doesn't bring them back.")
            wrong[one.row] = Wrong("", "erased", text)
        else:
            one.customer_id = by_email or (None if one.contact.email else by_phone)
    return wrong


def _numbered(numbers: set[int]) -> dict[int, int]:
    """Number → id of the customer, or of who they were merged into; erased ones are nobody."""
    rows = Customer.objects.filter(pk__in=numbers, erased_at__isnull=True)
    return {pk: merged or pk for pk, merged in rows.values_list("pk", "merged_into_id")}


def people_refused(batch: ImportBatch, told: Sequence[Told]) -> dict[int, Wrong]:
    """Row → why: nobody is recognised and unknown people are not taken in, or a yes for an address that
    bounced, complained or was suppressed by hand."""
    wrong: dict[int, Wrong] = {}
    if batch.options.get("unknown") != "prospect":
        text = _("Nobody here is recognised by it.")
        wrong |= {one.row: Wrong("", "unknown", text) for one in told if one.customer_id is None}
    addresses = _addresses(told)
    digests = {
        (one.channel, address_digest(addresses[one.row])): one.row for one in told if addresses.get(one.row)
    }
    found = Suppression.objects.filter(digest__in=[digest for _channel, digest in digests])
    barred = set(found.values_list("channel", "digest"))
    text = _("the address may not be written to: it bounced, complained, or was put on the list by hand")
    for one in told:
        address = addresses.get(one.row, "")
        if one.granted and address and (one.channel, address_digest(address)) in barred:
            wrong.setdefault(one.row, Wrong(_column(one), "suppressed", text))
    return wrong


def _addresses(told: Sequence[Told]) -> dict[int, str]:
    """Row → the address that the answer opens: the row's own, else the person's own; none for WeChat."""
    people = {one.customer_id for one in told if one.customer_id}
    rows = Customer.objects.filter(pk__in=people).values_list("pk", "email", "phone")
    known = {pk: {Channel.EMAIL: email, Channel.SMS: phone} for pk, email, phone in rows}
    told_as = {Channel.EMAIL: Kind.EMAIL, Channel.SMS: Kind.PHONE}
    found: dict[int, str] = {}
    for one in told:
        channel = Channel(one.channel)
        own = next((key.value for key in one.keys if key.kind == told_as.get(channel)), "")
        found[one.row] = own or known.get(one.customer_id or 0, {}).get(channel, "")
    return found


def _column(one: Told) -> str:
    return "email" if one.channel == Channel.EMAIL else "phone"


def people_lock(batch: ImportBatch, told: Sequence[Told]) -> None:
    """Nobody else gives these keys to anybody, and nobody else answers for these people, until the chunk
    commits."""
    lock_keys(batch.merchant, {key for one in told for key in one.keys})


def prospects_make(batch: ImportBatch, told: Sequence[Told]) -> int:
    """How many were new. The batch's own, so that an undo takes them back."""
    unknown = [one for one in told if one.customer_id is None]
    keys = ((one.row, one.contact, one.keys) for one in unknown)
    known = keys_known(batch.merchant, {key for one in unknown for key in one.keys})
    strangers = strangers_make(batch, keys, known, Customer.Kind.PROSPECT.value)
    made = set(strangers.values())
    with history():
        for one in unknown:
            if one.row in strangers:
                one.customer_id = strangers[one.row]
                continue
            found = resolve(merchant=batch.merchant, contact=one.contact, source=source_of(batch))
            assert found.customer is not None  # a row without a key was refused
            one.customer_id = found.customer.pk
            if found.created:
                made.add(found.customer.pk)
    now = timezone.now()
    Customer.objects.filter(pk__in=made).update(
        import_batch_id=batch.pk, kind=Customer.Kind.PROSPECT, created_at=now, updated_at=now
    )
    search_rebuild(made)
    return len(made)
