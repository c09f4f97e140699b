"""The transactional mailbox out: a row in the caller's transaction, then the shop's provider or SMTP, at
least once.

Campaigns don't go through here (marketing/sending/ sends those at most once); codes, receipts and answers do.
"""

from __future__ import annotations

import smtplib
from datetime import datetime, timedelta
from email.utils import formataddr, make_msgid

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection, transaction
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.ringing import ring_task
from crm.integrations.catalog import MESSENGERS
from crm.integrations.connecting import connection_of
from crm.integrations.messengers.base import Fate, Message
from crm.integrations.models import Connection, OutboundMail
from crm.lib.errors import Rejected, Upstream
from crm.lib.tenancy import all_merchants, merchant_scope

log = structlog.get_logger()

# Eight tries over about a day, then the mail stands as refused on the staff's page.
MAX_ATTEMPTS = 8
FIRST_WAIT_SECONDS = 20
LONGEST_WAIT_SECONDS = 6 * 3600
SWEEP_LIMIT = 500
KEEP_BODIES_DAYS = 30


def post(
    *,
    merchant: Merchant,
    to: str,
    subject: str,
    text: str,
    purpose: str,
    html: str = "",
    headers: dict[str, str] | None = None,
    dedupe_key: str | None = None,
    message_id: str = "",
    expires_at: datetime | None = None,
) -> OutboundMail | None:
    """The queued mail, or None when `dedupe_key` was posted before. Must be called inside a transaction; the
    mail leaves after its commit. Raises Rejected when an address or header could smuggle in a second
    header."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("post() needs the transaction that the mail belongs to")
    clean = {"to": to, "subject": " ".join(subject.split()), **(headers or {})}
    if any("\n" in value or "\r" in value for value in clean.values()):
        raise Rejected("A mail's address or header can't contain a line break.", code="bad_header")
    mail = OutboundMail(
        merchant=merchant,
        to=to,
        subject=clean["subject"][:300],
        text=text,
        html=html,
        headers=headers or {},
        message_id=message_id or make_msgid(domain=sender_domain(merchant)),
        purpose=purpose,
        dedupe_key=dedupe_key,
        expires_at=expires_at,
    )
    if dedupe_key and OutboundMail.objects.filter(dedupe_key=dedupe_key).exists():
        return None
    mail.save()
    transaction.on_commit(lambda: ring_task("integrations.send_mail", [mail.pk], queue="mail"), robust=True)
    return mail


def sender_of(merchant: Merchant) -> str:
    """The shop's From: its own sender, else the installation's with the shop's name."""
    if merchant.sender_email:
        return formataddr((merchant.sender_name or merchant.name, merchant.sender_email))
    return settings.DEFAULT_FROM_EMAIL


def sender_domain(merchant: Merchant) -> str:
    return sender_of(merchant).rpartition("@")[2].strip("> ") or "localhost"


def send(mail_id: int) -> bool:
    """True when the mail left. The row stays locked while SMTP speaks, so that two workers don't send it
    twice;
    a worker killed between the server's 250 and our commit makes a second copy with the same Message-ID."""
    with transaction.atomic(), all_merchants(reason="a mail is claimed by id, its merchant comes with it"):
        mail = (
            OutboundMail.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("merchant")
            .filter(pk=mail_id, state=OutboundMail.State.QUEUED, due_at__lte=timezone.now())
            .first()
        )
        if mail is None:
            return False
        if mail.expires_at and mail.expires_at < timezone.now():
            mail.state, mail.error = OutboundMail.State.FAILED, "expired before it could be sent"
        else:
            _try(mail)
        mail.save(update_fields=["state", "attempts", "error", "due_at", "sent_at"])
        return mail.state == OutboundMail.State.SENT


def _try(mail: OutboundMail) -> None:
    """By the shop's mail provider when one is connected, else by the installation's server."""
    with merchant_scope(mail.merchant):
        provider = connection_of(Connection.Channel.EMAIL)
    if provider is not None:
        _by_provider(mail, provider)
    else:
        _by_server(mail)


def _by_provider(mail: OutboundMail, provider: Connection) -> None:
    """A doubt counts as a failure, because this mail must arrive; a mailbox knows the second one by its
    Message-ID."""
    message = Message(
        to=mail.to,
        reference=mail.message_id.strip("<>"),
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        sender=sender_of(mail.merchant),
        headers={"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated", **mail.headers},
    )
    receipt = MESSENGERS[provider.platform].send(message, provider.secrets())
    if receipt.fate is Fate.ACCEPTED:
        mail.state, mail.sent_at, mail.error = OutboundMail.State.SENT, timezone.now(), ""
    else:
        words = f"{provider.name}: {receipt.fate} {receipt.code} {receipt.text}".strip()
        _failed(mail, Upstream(words, retryable=True), permanent=receipt.fate is Fate.REFUSED)


def _by_server(mail: OutboundMail) -> None:
    message = EmailMultiAlternatives(
        mail.subject,
        mail.text,
        sender_of(mail.merchant),
        [mail.to],
        headers={"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated", **mail.headers},
    )
    if mail.html:
        message.attach_alternative(mail.html, "text/html")
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _text in error.recipients.values()}
        _failed(mail, error, permanent=all(code >= 500 for code in codes))
    except smtplib.SMTPResponseException as error:
        _failed(mail, error, permanent=error.smtp_code >= 500)
    except (smtplib.SMTPException, OSError) as error:
        _failed(mail, error, permanent=False)
    else:
        mail.state, mail.sent_at, mail.error = OutboundMail.State.SENT, timezone.now(), ""


def _failed(mail: OutboundMail, error: Exception, *, permanent: bool) -> None:
    mail.attempts += 1
    mail.error = repr(error)[:1_000]
    if permanent or mail.attempts >= MAX_ATTEMPTS:
        mail.state = OutboundMail.State.FAILED
    wait = min(FIRST_WAIT_SECONDS * 3 ** (mail.attempts - 1), LONGEST_WAIT_SECONDS)
    mail.due_at = timezone.now() + timedelta(seconds=wait)
    log.warning("mail not sent", mail=mail.pk, attempts=mail.attempts, permanent=permanent, error=mail.error)


def sweep() -> int:
    """Rings for every mail that is due and was missed; empties bodies past their time. Mails rung."""
    with all_merchants(reason="the sweeper looks after every merchant"):
        due = OutboundMail.objects.filter(state=OutboundMail.State.QUEUED, due_at__lte=timezone.now())
        ids = list(due.order_by("due_at").values_list("id", flat=True)[:SWEEP_LIMIT])
        old = timezone.now() - timedelta(days=KEEP_BODIES_DAYS)
        done = OutboundMail.objects.filter(state=OutboundMail.State.SENT, sent_at__lt=old)
        done.exclude(text="", html="").update(text="", html="")
    for mail_id in ids:
        ring_task("integrations.send_mail", [mail_id], queue="mail")
    return len(ids)
