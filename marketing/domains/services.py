"""A sender domain's life: added with a key, looked at, switched on, its key renewed, removed."""

from __future__ import annotations

import ipaddress
import re
import secrets
from typing import Any

import idna
import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.lib.crypto import encrypt
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import all_merchants, merchant_scope
from marketing.domains import events
from marketing.domains.checking import BAD, DKIM, LATER, MEANINGS, look
from marketing.domains.dns import Asker, DnsTrouble, asker
from marketing.engine import dkim
from marketing.feedback.return_path import bounce_address
from marketing.models import SenderDomain

log = structlog.get_logger()
MOST_DOMAINS = 50
_DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def domain_needed(text: str) -> str:
    """The domain in ASCII and small letters; an address stands for its own. Raises Rejected at `domain`."""
    name = text.strip().rpartition("@")[2].rstrip(".").lower()
    try:
        name = name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        name = ""
    if not _DOMAIN.fullmatch(name):
        words = _("Enter a domain such as shop.com.")
        raise Rejected(words, code="bad_domain", fields={"domain": [words]})
    return name


@transaction.atomic
def sender_domain_add(
    *, merchant: Merchant, domain: str, key_type: str = SenderDomain.KeyType.RSA
) -> SenderDomain:
    """The domain with a key of its own, signing switched off. Raises Rejected for no domain or too many,
    Conflict where the shop has it."""
    name = domain_needed(domain)
    Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)
    if SenderDomain.objects.filter(domain=name).exists():
        raise Conflict(_("This domain is on the list already."), code="domain_known")
    if SenderDomain.objects.count() >= MOST_DOMAINS:
        raise Rejected(_("At most %(n)s domains.") % {"n": MOST_DOMAINS}, code="too_many")
    row = SenderDomain(merchant=merchant, domain=name, **_new_key(key_type))
    row.save()
    emit(events.DOMAIN_ADDED, merchant=merchant, subject=row, data={"domain": name})
    return row


def _new_key(key_type: str) -> dict[str, str]:
    private, public = dkim.new_key(key_type)
    return {
        "selector": f"gx{timezone.now():%y%m}{secrets.token_hex(2)}",
        "key_type": key_type,
        "secret": encrypt(private),
        "public_key": public,
    }


@transaction.atomic
def sender_domain_sign(*, row: SenderDomain, signs: bool) -> None:
    """Switches signing. Raises Conflict to switch it on while the DNS does not show the key: every mail would
    carry a signature that nobody can check."""
    locked = SenderDomain.objects.select_for_update().get(pk=row.pk)
    if signs and locked.findings.get(DKIM, {}).get("code") not in ("dkim_ready", "dkim_good"):
        raise Conflict(_("Add the DKIM row to the DNS and check first."), code="key_not_found")
    if locked.signs == signs:
        return
    locked.signs = signs
    finding = locked.findings.get(DKIM, {})
    if finding.get("code") in ("dkim_ready", "dkim_good"):
        locked.findings[DKIM] = finding | {"code": "dkim_good" if signs else "dkim_ready"}
    locked.save(update_fields=["signs", "findings"])
    data = {"domain": locked.domain, "signs": signs}
    emit(events.DOMAIN_SIGNING, merchant=locked.merchant_id, subject=locked, data=data)


@transaction.atomic
def sender_domain_renew(*, row: SenderDomain, key_type: str) -> SenderDomain:
    """A new key under a new selector, signing switched off until the DNS shows it. The old key is gone."""
    locked = SenderDomain.objects.select_for_update().get(pk=row.pk)
    for name, value in _new_key(key_type).items():
        setattr(locked, name, value)
    locked.signs = False
    locked.findings.pop(DKIM, None)
    locked.save()
    emit(events.DOMAIN_RENEWED, merchant=locked.merchant_id, subject=locked, data={"domain": locked.domain})
    return locked


@transaction.atomic
def sender_domain_remove(*, row: SenderDomain) -> None:
    emit(events.DOMAIN_REMOVED, merchant=row.merchant_id, subject=row, data={"domain": row.domain})
    row.delete()


# --- looking at the DNS ----------


def sender_domain_check(*, row: SenderDomain, ask: Asker | None = None) -> SenderDomain:
    """The row with what its DNS says now. Asks the network outside of any transaction; announces what got
    worse and what got well."""
    ask = ask or asker()
    findings = look(row, asker=ask, return_domain=_return_domain(row), servers=servers(ask))
    with transaction.atomic():
        locked = SenderDomain.objects.select_for_update().filter(pk=row.pk).first()
        if locked is None or locked.selector != row.selector:
            return row  # removed or renewed while we asked
        before = is_sound(locked.findings) if locked.checked_at else None
        locked.findings, locked.checked_at = findings, timezone.now()
        locked.save(update_fields=["findings", "checked_at"])
        after = is_sound(findings)
        if after is not None and after is not before:
            kind = events.DOMAIN_SOUND if after else events.DOMAIN_BROKEN
            emit(kind, merchant=locked.merchant_id, subject=locked, data={"domain": locked.domain})
    return locked


def is_sound(findings: dict[str, dict[str, Any]]) -> bool | None:
    """True when nothing is wrong, None when it is not known."""
    states = [MEANINGS.get(one.get("code", ""), (LATER,))[0] for one in findings.values()]
    if BAD in states:
        return False
    return None if LATER in states or not states else True


def _return_domain(row: SenderDomain) -> str:
    """The domain that mails come back to, where it belongs to this one; SPF is asked of it."""
    came = bounce_address().rpartition("@")[2]
    return came if came == row.domain or came.endswith(f".{row.domain}") else row.domain


def servers(ask: Asker) -> tuple[str, ...]:
    """The public addresses of the mail server, where it has any: it is the one that other servers see."""
    try:
        found = [str(ipaddress.ip_address(settings.SMTP_HOST))]
    except ValueError:
        try:
            found = ask.addresses(settings.SMTP_HOST) if "." in settings.SMTP_HOST else []
        except DnsTrouble:
            found = []
    return tuple(one for one in found if ipaddress.ip_address(one).is_global)


def check_all() -> int:
    """Every domain of every shop; how many were looked at. One that fails keeps nobody else waiting."""
    with all_merchants(reason="beat looks after every merchant"):
        rows = SenderDomain.objects.filter(merchant__is_active=True).select_related("merchant")
        domains = list(rows.order_by("checked_at", "pk")[:5_000])
    for row in domains:
        with merchant_scope(row.merchant):
            sender_domain_check(row=row)
    log.info("sender domains checked", count=len(domains))
    return len(domains)
