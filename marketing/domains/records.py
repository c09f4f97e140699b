"""The rows that a shop pastes into its DNS."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from django.conf import settings

from marketing.domains.checking import DKIM, DMARC, GOOD, MEANINGS, SPF
from marketing.domains.spf import SpfBroken, closed, with_server
from marketing.engine import dkim
from marketing.models import SenderDomain


@dataclass(frozen=True)
class Row:
    """`name` is written in full; `is_there` tells that the DNS has it already."""

    what: str
    kind: str
    name: str
    value: str
    is_there: bool


def rows_of(row: SenderDomain, reports_to: str) -> list[Row]:
    """SPF, DKIM, DMARC. `reports_to` is the address that gets DMARC's reports."""
    there = {name for name in (SPF, DKIM, DMARC) if _state(row, name) == GOOD}
    return [
        Row("SPF", "TXT", row.domain, _spf(row), SPF in there),
        Row(
            "DKIM",
            "TXT",
            f"{row.selector}._domainkey.{row.domain}",
            dkim.record(row.key_type, row.public_key),
            DKIM in there,
        ),
        Row("DMARC", "TXT", f"_dmarc.{row.domain}", _dmarc(row, reports_to), DMARC in there),
    ]


def _state(row: SenderDomain, name: str) -> str:
    code = row.findings.get(name, {}).get("code", "")
    return MEANINGS[code][0] if code in MEANINGS else ""


def _spf(row: SenderDomain) -> str:
    record = str(row.findings.get(SPF, {}).get("record", ""))
    code = row.findings.get(SPF, {}).get("code", "")
    host = settings.SMTP_HOST
    if code in ("spf_good", "spf_unproved"):
        return record
    if code == "spf_open":
        return closed(record)
    if code == "spf_endless":
        return f"{record} ~all"
    try:
        public = ipaddress.ip_address(host)
    except ValueError:
        if "." not in host:
            return record or "v=spf1 mx ~all"
    else:
        if not public.is_global:
            return record or "v=spf1 mx ~all"
        return f"v=spf1 ip{public.version}:{public} ~all"
    try:
        return with_server(record, host)
    except SpfBroken:
        return with_server("", host)


def _dmarc(row: SenderDomain, reports_to: str) -> str:
    record = str(row.findings.get(DMARC, {}).get("record", ""))
    if _state(row, DMARC) == GOOD:
        return record
    return f"v=DMARC1; p=none; rua=mailto:{reports_to or f'postmaster@{row.domain}'}"
