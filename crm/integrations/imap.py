"""Reading a mailbox by IMAP: unseen mails one by one, each marked as seen when its reader is done with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from imaplib import IMAP4
from typing import Any

import structlog
from django.utils import timezone
from imap_tools import AND, BaseMailBox, MailBox, MailBoxUnencrypted, MailMessageFlags
from imap_tools.errors import ImapToolsError

from crm.accounts.models import Merchant
from crm.lib.crypto import decrypt
from crm.lib.errors import CrmError, Upstream
from crm.lib.tenancy import merchant_scope

log = structlog.get_logger()

TIMEOUT_SECONDS = 20
# One look's worth; the next comes in a minute.
PER_LOOK = 100


@dataclass(frozen=True)
class Account:
    """Where a mailbox lies. `secret` is its password as crm.lib.crypto.encrypt made it."""

    host: str
    port: int
    user: str
    secret: str
    tls: bool = True


def unseen(account: Account, *, limit: int = PER_LOOK) -> Iterator[bytes]:
    """The raw bytes of at most `limit` unseen mails. A mail counts as seen once the caller asks for the next
    one or ends the loop in peace: what it raises on stays unseen. Raises Upstream when IMAP fails, Rejected
    for a password that can't be read any more."""
    with _opened(account) as box:
        for uid in box.uids(AND(seen=False))[:limit]:
            if raw := _raw(box, uid):
                yield raw
                box.flag(uid, [MailMessageFlags.SEEN], True)


def _raw(box: BaseMailBox, uid: str) -> bytes:
    """The mail as it lies there, unread by any parser: a hostile one must not end the look; b"" for one that
    is gone meanwhile. Marks nothing. Raises Upstream."""
    status, parts = box.client.uid("FETCH", uid, "(BODY.PEEK[])")
    if status != "OK":
        raise Upstream(f"FETCH: {status}", retryable=True, code="imap")
    return next((bytes(part[1]) for part in parts if isinstance(part, tuple)), b"")


def look(
    account: Account,
    take: Callable[[bytes], str],
    *,
    counted: dict[str, int],
    note: Callable[[dict[str, Any]], object],
) -> dict[str, int]:
    """`counted` with one more under what `take` called each unseen mail. `note` gets that with when the look
    was and what failed, for the page. Raises what `unseen` and `take` raise."""
    state: dict[str, Any] = {"at": timezone.now().isoformat(), "error": ""}
    try:
        for raw in unseen(account):
            counted[take(raw)] += 1
    except Exception as error:  # whatever it was, the page must not say that all is well
        state["error"] = str(error.message) if isinstance(error, CrmError) else type(error).__name__
        raise
    finally:
        note(state | counted)
    return counted


def look_into_all(
    merchants: Iterable[Merchant], look: Callable[[Merchant], Mapping[str, int]]
) -> Counter[str]:
    """The sums of what `look` counted in each shop, in its scope. A mailbox that can't be read, and a mail
    that `look` fails on, keep no other shop waiting."""
    counted: Counter[str] = Counter()
    for merchant in merchants:
        with merchant_scope(merchant):
            try:
                counted.update(look(merchant))
            except CrmError as error:
                log.warning("mailbox not read", merchant=merchant.slug, error=str(error.message))
            except Exception:  # a bug, or the database: told, and the next shop's turn
                log.exception("a look into a mailbox failed", merchant=merchant.slug)
    return counted


@contextmanager
def _opened(account: Account) -> Iterator[BaseMailBox]:
    kind = MailBox if account.tls else MailBoxUnencrypted
    try:
        box = kind(account.host, account.port, timeout=TIMEOUT_SECONDS)
        with box.login(account.user, decrypt(account.secret), "INBOX") as open_box:
            yield open_box
    except (ImapToolsError, IMAP4.error, OSError) as error:
        raise Upstream(f"{type(error).__name__}: {error}"[:300], retryable=True, code="imap") from error
