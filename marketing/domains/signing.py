"""Who signs a mail: the key of its sender's domain, where the shop switched that on."""

from __future__ import annotations

from collections.abc import Iterable

from crm.lib.crypto import decrypt
from marketing.engine import dkim
from marketing.models import SenderDomain


def domain_row(address: str) -> SenderDomain | None:
    """The shop's row for the address' domain: its own, else the nearest above it (a signature of shop.com
    stands for news.shop.com too: RFC 7489, 3.1.1, relaxed). One query."""
    domain = address.rpartition("@")[2].lower()
    labels = domain.split(".")
    names = [".".join(labels[at:]) for at in range(max(1, len(labels) - 1))]
    rows: Iterable[SenderDomain] = SenderDomain.objects.filter(domain__in=names)
    return max(rows, key=lambda row: len(row.domain), default=None)


def signer_for(address: str) -> dkim.Signer | None:
    """The signer for mails from that address, None where they leave unsigned. Raises Rejected when the stored
    key can't be read. In the shop's scope."""
    row = domain_row(address)
    if row is None or not row.signs:
        return None
    return dkim.Signer(row.domain, row.selector, dkim.read_key(decrypt(row.secret)))
