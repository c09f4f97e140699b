"""Reading the desk's mailbox by IMAP. A mail is marked as seen after its words are committed."""

from __future__ import annotations

import structlog

from crm.accounts.models import Merchant
from crm.integrations import imap
from crm.lib.tenancy import all_merchants
from service.inbound import mail_receive
from service.models import ServiceSettings

log = structlog.get_logger()


def fetch(*, merchant: Merchant) -> dict[str, int]:
    """How many unseen mails became replies, new tickets, or were ignored. Raises Upstream when IMAP fails."""
    desk = ServiceSettings.objects.exclude(mailbox_host="").first()
    counted = {"reply": 0, "opened": 0, "ignored": 0}
    if desk is None:
        return counted

    def take(raw: bytes) -> str:
        received = mail_receive(merchant=merchant, raw=raw)
        log.info("mail received", outcome=received.outcome, reason=received.reason)
        return received.outcome

    return imap.look(
        _account(desk),
        take,
        counted=counted,
        note=lambda state: ServiceSettings.objects.filter(pk=desk.pk).update(mailbox_state=state),
    )


def _account(desk: ServiceSettings) -> imap.Account:
    return imap.Account(
        host=desk.mailbox_host,
        port=desk.mailbox_port,
        user=desk.mailbox_user,
        secret=desk.mailbox_secret,
        tls=desk.mailbox_tls,
    )


def fetch_all() -> int:
    """Looks into every shop's mailbox; mails written down."""
    with all_merchants(reason="the sweeper looks after every merchant"):
        desks = ServiceSettings.objects.exclude(mailbox_host="").filter(merchant__is_active=True)
        merchants = [desk.merchant for desk in desks.select_related("merchant").order_by("merchant")]
    counted = imap.look_into_all(merchants, lambda merchant: fetch(merchant=merchant))
    return counted["reply"] + counted["opened"]
