"""Proving an address by a six-digit code.

The request that asks does the same whether or not it names somebody: it counts, writes one row and rings a
worker. Only the worker looks whom the words name, and only a mail that arrives tells. So neither answer,
status nor time can tell a stranger who buys here.
"""

from __future__ import annotations

import secrets
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from hmac import compare_digest

import structlog
from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.ringing import ring_task
from crm.integrations import mail
from crm.lib.crypto import keyed_hash
from crm.lib.errors import TooMany
from crm.lib.tenancy import all_merchants, merchant_scope
from crm.lib.throttle import count_up
from customers.models import Identity, PortalCode
from customers.portal_registry import FINDERS, Found

log = structlog.get_logger()

CODE_MINUTES = 10
# A million codes, five tries, five codes an hour for one order or address: 1 in 40,000 an hour.
TRIES = 5
WINDOW_MINUTES = 60
PER_REFERENCE = 5
PER_CONTACT = 5
# An office or a dormitory shares one address.
PER_IP = 30
CODE_TRIES_PER_IP = 60
KEEP_DAYS = 2


def code_ask(*, merchant: Merchant, reference: str, contact: str, ip: str, language: str = "") -> uuid.UUID:
    """The public id of the question. Same work for a hit and a miss. Raises TooMany, for both alike."""
    reference, contact = _plain(reference)[:60], _plain(contact)[:320]
    digests = {
        "ip_digest": _digest(merchant, "ip", ip),
        "reference_digest": _digest(merchant, "reference", reference.casefold().lstrip("#")),
        "contact_digest": _digest(merchant, "contact", contact.casefold()),
    }
    _check_doorbell(merchant, digests)
    with transaction.atomic():
        _check_rows(digests)
        now = timezone.now()
        row = PortalCode.objects.create(
            merchant=merchant,
            reference=reference,
            contact=contact,
            language=language,
            created_at=now,
            expires_at=now + timedelta(minutes=CODE_MINUTES),
            **digests,
        )
        ring = partial(ring_task, "customers.portal_send_code", [merchant.pk, row.pk], queue="mail")
        transaction.on_commit(ring, robust=True)
    return row.public_id


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _digest(merchant: Merchant, kind: str, value: str) -> str:
    return keyed_hash(f"{merchant.pk}:{kind}:{value}", purpose="portal-throttle")


LIMITS = {"ip_digest": PER_IP, "reference_digest": PER_REFERENCE, "contact_digest": PER_CONTACT}


def _check_rows(digests: dict[str, str]) -> None:
    since = timezone.now() - timedelta(minutes=WINDOW_MINUTES)
    for column, digest in digests.items():
        asked = PortalCode.objects.filter(**{column: digest}, created_at__gt=since)
        if asked[: LIMITS[column]].count() >= LIMITS[column]:
            raise TooMany(code="portal_throttled")


def _check_doorbell(merchant: Merchant, digests: dict[str, str]) -> None:
    """The same limits in Redis, so that a flood never reaches the database. Without Redis the rows decide."""
    for column, digest in digests.items():
        if count_up(f"portal:{column}:{digest}", seconds=WINDOW_MINUTES * 60) > LIMITS[column]:
            raise TooMany(code="portal_throttled")


# --- the worker's half -------------------------------------------------------------------------------------


@transaction.atomic
def code_send(*, merchant: Merchant, code_id: int) -> bool:
    """True when somebody was named and their code's mail stands in the outbox. Twice sends one code."""
    row = PortalCode.objects.select_for_update().filter(pk=code_id, state=PortalCode.State.ASKED).first()
    if row is None:
        return False
    found = _find(row.reference, row.contact) if row.expires_at > timezone.now() else None
    row.reference = row.contact = ""  # what strangers type is not kept
    if found is None:
        row.state = PortalCode.State.NOBODY
        row.save()
        return False
    code = f"{secrets.randbelow(10**6):06d}"
    row.state, row.address, row.customer, row.grants = (
        PortalCode.State.SENT,
        found.address,
        found.customer,
        found.grants,
    )
    row.code_digest = _code_digest(row, code)
    row.save()
    _post(merchant, row, code)
    return True


def _find(reference: str, contact: str) -> Found | None:
    for finder in FINDERS:
        found = finder(reference, contact)
        if found is not None:
            return found
    return None


def _code_digest(row: PortalCode, code: str) -> str:
    return keyed_hash(f"{row.public_id}:{code}", purpose="portal-code")


def _post(merchant: Merchant, row: PortalCode, code: str) -> None:
    known = {language for language, _name in settings.LANGUAGES}
    with translation.override(row.language if row.language in known else merchant.locale):
        context = {"shop": merchant, "code": code, "minutes": CODE_MINUTES}
        mail.post(
            merchant=merchant,
            to=row.address,
            purpose="portal_code",
            expires_at=row.expires_at,
            subject=_("%(code)s is your code for %(shop)s") % {"code": code, "shop": merchant.name},
            text=render_to_string("portal/mail/code.txt", context),
            html=render_to_string("portal/mail/code.html", context),
            dedupe_key=f"portal-code:{row.public_id}",
        )


def sweep_codes() -> int:
    """Rings again for questions whose ring was lost, and forgets old ones; how many were rung."""
    now = timezone.now()
    with all_merchants(reason="the sweeper looks after every merchant"):
        lost = PortalCode.objects.filter(
            state=PortalCode.State.ASKED, created_at__lt=now - timedelta(seconds=20), expires_at__gt=now
        )
        due = list(lost.values_list("merchant_id", "pk")[:500])
        PortalCode.objects.filter(created_at__lt=now - timedelta(days=KEEP_DAYS)).delete()
    for merchant_id, code_id in due:
        ring_task("customers.portal_send_code", [merchant_id, code_id], queue="mail")
    return len(due)


def send_in_scope(merchant_id: int, code_id: int) -> None:
    with merchant_scope(merchant_id):
        merchant = Merchant.objects.filter(pk=merchant_id, is_active=True).first()
        if merchant is not None:
            code_send(merchant=merchant, code_id=code_id)


# --- the second question -----------------------------------------------------------------------------------


class Answer(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"
    OVER = "over"


@dataclass(frozen=True)
class Proof:
    """`answer` OVER: expired, used, or out of tries; ask for a new code."""

    answer: Answer
    address: str = ""
    customer_id: int | None = None
    grants: dict[str, list[int]] | None = None


@transaction.atomic
def code_check(*, merchant: Merchant, public_id: uuid.UUID, code: str, ip: str) -> Proof:
    """What the typed code proves. A question that named nobody answers exactly like a wrong code.

    Locks the row, so that parallel guesses are counted one by one. Raises TooMany by address of the caller.
    """
    if count_up(f"portal:tries:{_digest(merchant, 'ip', ip)}", seconds=900) > CODE_TRIES_PER_IP:
        raise TooMany(code="portal_throttled")
    row = PortalCode.objects.select_for_update(of=("self",)).filter(public_id=public_id).first()
    if row is None or row.used_at or row.expires_at <= timezone.now() or row.tries >= TRIES:
        return Proof(Answer.OVER)
    row.tries += 1
    right = compare_digest(_code_digest(row, code), row.code_digest or "-" * 64)
    if right:
        row.used_at = timezone.now()
    row.save(update_fields=["tries", "used_at"])
    if not right:
        return Proof(Answer.OVER if row.tries >= TRIES else Answer.WRONG)
    if row.customer_id:
        Identity.objects.filter(
            customer_id=row.customer_id, kind=Identity.Kind.EMAIL, value=row.address, verified_at__isnull=True
        ).update(verified_at=row.used_at)
    return Proof(Answer.RIGHT, row.address, row.customer_id, row.grants)
