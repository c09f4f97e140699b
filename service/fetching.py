"""Reading the desk's mailbox by IMAP. A mail is marked as seen after its words are committed."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.utils import timezone
from imap_tools import AND, BaseMailBox, MailBox, MailBoxUnencrypted, MailMessageFlags
from imap_tools.errors import ImapToolsError

from crm.accounts.models import Merchant
from crm.lib.crypto import decrypt
from crm.lib.errors import Upstream
from crm.lib.tenancy import all_merchants, merchant_scope
from service.inbound import mail_receive
from service.models import ServiceSettings

log = structlog.get_logger()

TIMEOUT_SECONDS = 20
# One look's worth; the next comes in a minute.
PER_LOOK = 100


@contextmanager
def _mailbox(desk: ServiceSettings) -> Iterator[BaseMailBox]:
    kind = MailBox if desk.mailbox_tls else MailBoxUnencrypted
    try:
        box = kind(desk.mailbox_host, desk.mailbox_port, timeout=TIMEOUT_SECONDS)
        with box.login(desk.mailbox_user, decrypt(desk.mailbox_secret), "INBOX") as open_box:
            yield open_box
    except (ImapToolsError, OSError, ssl.SSLError, socket.gaierror) as error:
        raise Upstream(f"{type(error).__name__}: {error}"[:300], retryable=True, code="imap") from error


def fetch(*, merchant: Merchant) -> dict[str, int]:
    """How many unseen mails became replies, new tickets, or were ignored. Raises Upstream when IMAP fails."""
    desk = ServiceSettings.objects.exclude(mailbox_host="").first()
    counted = {"reply": 0, "opened": 0, "ignored": 0}
    if desk is None:
        return counted
    state: dict[str, Any] = {"at": timezone.now().isoformat(), "error": ""}
    try:
        with _mailbox(desk) as box:
            for one in box.fetch(AND(seen=False), mark_seen=False, limit=PER_LOOK, bulk=False):
                received = mail_receive(merchant=merchant, raw=one.obj.as_bytes())
                counted[received.outcome] += 1
                log.info("mail received", outcome=received.outcome, reason=received.reason)
                box.flag(str(one.uid), [MailMessageFlags.SEEN], True)
    except Upstream as error:
        state["error"] = str(error.message)
        raise
    finally:
        ServiceSettings.objects.filter(pk=desk.pk).update(mailbox_state=state | counted)
    return counted


def fetch_all() -> int:
    """Looks into every shop's mailbox; mails written down. A mailbox that fails keeps nobody else waiting."""
    with all_merchants(reason="the sweeper looks after every merchant"):
        desks = ServiceSettings.objects.exclude(mailbox_host="").filter(merchant__is_active=True)
        merchants = [desk.merchant for desk in desks.select_related("merchant")]
    written = 0
    for merchant in merchants:
        with merchant_scope(merchant):
            try:
                counted = fetch(merchant=merchant)
            except Upstream as error:
                log.warning("mailbox not read", merchant=merchant.slug, error=str(error.message))
                continue
            written += counted["reply"] + counted["opened"]
    return written
