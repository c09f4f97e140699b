"""The shop's mailbox for bounces: saved, shown, looked into."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.lib.crypto import encrypt
from crm.lib.errors import Rejected
from customers.normalising import normalise_email
from marketing.feedback import events
from marketing.feedback.return_path import LONGEST_LOCAL
from marketing.models import BounceMailbox


def bounce_mailbox(merchant: Merchant) -> BounceMailbox:
    """The shop's, or an empty one that is not saved."""
    return BounceMailbox.objects.first() or BounceMailbox(merchant=merchant)


@transaction.atomic
def bounce_mailbox_save(
    *,
    merchant: Merchant,
    address: str,
    host: str,
    user: str,
    port: int = 993,
    tls: bool = True,
    password: str = "",
) -> BounceMailbox:
    """Saves it; an empty password keeps the one that is stored, for the same server and user only. Raises
    Rejected with the fields that are wrong."""
    row, _new = BounceMailbox.objects.select_for_update(of=("self",)).get_or_create(merchant=merchant)
    wrong: dict[str, list[str]] = {}
    known = normalise_email(address) if address else ""
    local = known.rpartition("@")[0]
    if address and (not known or "+" in local or len(local) > LONGEST_LOCAL or not known.isascii()):
        wrong["address"] = [
            _("An address without a plus, at most %(n)s letters before the @.") % {"n": LONGEST_LOCAL}
        ]
    # A stored password goes to the server that it was typed for and to no other.
    keeps = bool(row.secret) and (row.host, row.user) == (host, user)
    if host and not (password or keeps):
        wrong["password"] = [_("The mailbox needs its password.")]
    if host and not user:
        wrong["user"] = [_("The mailbox needs its user name.")]
    if wrong:
        raise Rejected(next(iter(wrong.values()))[0], fields={k: list(v) for k, v in wrong.items()})
    row.address, row.host, row.port, row.user, row.tls = known, host, port, user, tls
    if password:
        row.secret = encrypt(password)
    elif not keeps:
        row.secret = ""
    row.save()
    emit(events.BOUNCE_MAILBOX_CHANGED, merchant=merchant, subject=row, data={"has_host": bool(host)})
    return row
