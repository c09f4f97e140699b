"""What a domain's DNS says about mail from it: SPF, DKIM, DMARC, each with a state and what to do."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketing.domains.dns import Asker, DnsTrouble
from marketing.domains.spf import Policy, SpfBroken, catch_all
from marketing.engine import dkim
from marketing.models import SenderDomain

GOOD, WARN, BAD, LATER = "good", "warn", "bad", "later"
SPF, DKIM, DMARC = "spf", "dkim", "dmarc"
TITLES = {SPF: "SPF", DKIM: "DKIM", DMARC: "DMARC"}

# code → (state, what it means and what to do)
MEANINGS: dict[str, tuple[str, str | Promise]] = {
    "later": (LATER, _("The DNS did not answer. We ask again tomorrow; press Check now to ask before.")),
    "spf_good": (GOOD, _("The domain says who may send for it, and your mail server is among them.")),
    "spf_unproved": (
        GOOD,
        _("The domain says who may send for it. Whether your mail server is among them can't be seen here."),
    ),
    "spf_none": (BAD, _("Nothing says who may send for this domain. Add the SPF row below.")),
    "spf_many": (BAD, _("There are several SPF rows, so receivers use none. Put them together into one.")),
    "spf_open": (BAD, _("The SPF row lets everybody send (+all). End it with ~all.")),
    "spf_syntax": (BAD, _("The SPF row has a spelling mistake, so receivers don't use it.")),
    "spf_lookups": (
        BAD,
        _("The SPF row asks for more than ten names, so receivers don't use it. Take out what you left."),
    ),
    "spf_refuses": (BAD, _("The SPF row does not allow your mail server. Put the row below in its place.")),
    "spf_endless": (WARN, _("The SPF row says nothing about everybody else. End it with ~all.")),
    "dkim_good": (GOOD, _("The key in the DNS is ours: mails are signed here, and receivers can check it.")),
    "dkim_ready": (GOOD, _("The key in the DNS is ours. Switch signing on when you like.")),
    "dkim_relay": (
        WARN,
        _("Mails are not signed here. That is fine if your mail server or provider signs for this domain."),
    ),
    "dkim_none": (BAD, _("Mails are signed here, but nobody finds the key. Add the DKIM row below.")),
    "dkim_other": (BAD, _("Another key stands in the DNS. Put the DKIM row below in its place.")),
    "dkim_revoked": (
        BAD,
        _("The key in the DNS is empty, which calls it back. Put the DKIM row below in its place."),
    ),
    "dmarc_good": (GOOD, _("The domain says what becomes of mail that only pretends to be from it.")),
    "dmarc_watching": (
        GOOD,
        _("The domain asks for reports only (p=none). Once they are clean for weeks, make it p=quarantine."),
    ),
    "dmarc_silent": (WARN, _("Nobody gets the reports. Add rua=mailto: with an address that you read.")),
    "dmarc_none": (BAD, _("Gmail and Yahoo ask bulk senders for DMARC. Add the DMARC row below.")),
    "dmarc_broken": (
        BAD,
        _("The DMARC row has a spelling mistake, or there are several, so receivers use none."),
    ),
}


@dataclass(frozen=True)
class Found:
    """What was found about one of the three: a code of MEANINGS, and the record as it stands in the DNS."""

    code: str
    record: str = ""

    @property
    def state(self) -> str:
        return MEANINGS[self.code][0]

    @property
    def text(self) -> str | Promise:
        return MEANINGS[self.code][1]


def look(
    row: SenderDomain, *, asker: Asker, return_domain: str = "", servers: tuple[str, ...] = ()
) -> dict[str, dict[str, Any]]:
    """spf, dkim and dmarc → a Found as a dict. SPF is that of `return_domain`, whose address mails come back
    to; `servers` are the addresses that mails leave from, where they are known. Asks the network."""
    found = {
        SPF: _patiently(lambda: _spf(return_domain or row.domain, asker, servers)),
        DKIM: _patiently(lambda: _dkim(row, asker)),
        DMARC: _patiently(lambda: _dmarc(row.domain, asker)),
    }
    return {name: asdict(one) for name, one in found.items()}


def _patiently(ask: Any) -> Found:
    try:
        found: Found = ask()
    except DnsTrouble:
        return Found("later")
    return found


def _spf(domain: str, asker: Asker, servers: tuple[str, ...]) -> Found:
    policy = Policy(asker)
    record = ""
    try:
        record = policy.record(domain)
        if not record:
            return Found("spf_none")
        if catch_all(record) == "+":
            return Found("spf_open", record)
        public = [ipaddress.ip_address(one) for one in servers]
        if public and not policy.allows(domain, public):
            return Found("spf_refuses", record)
        if not public:
            policy.result(domain, ipaddress.ip_address("2001:db8::1"))  # walks all of it: is it sound?
    except SpfBroken as broken:
        return Found(f"spf_{broken}", record)
    if not catch_all(record) and "redirect=" not in record.lower():
        return Found("spf_endless", record)
    return Found("spf_good" if servers else "spf_unproved", record)


def _dkim(row: SenderDomain, asker: Asker) -> Found:
    records = [one for one in asker.texts(f"{row.selector}._domainkey.{row.domain}") if "p=" in one]
    if not records:
        return Found("dkim_none" if row.signs else "dkim_relay")
    tags = tags_of(records[0])
    if tags.get("p", "") == row.public_key and tags.get("k", dkim.RSA) == row.key_type:
        return Found("dkim_good" if row.signs else "dkim_ready", records[0])
    return Found("dkim_other" if tags.get("p") else "dkim_revoked", records[0])


def _dmarc(domain: str, asker: Asker) -> Found:
    """The domain's own record, else that of the domains above it (RFC 7489, 6.6.3)."""
    labels = domain.split(".")
    for depth in range(len(labels) - 1):
        name = ".".join(labels[depth:])
        records = [one for one in asker.texts(f"_dmarc.{name}") if one.lower().startswith("v=dmarc1")]
        if records:
            break
    else:
        return Found("dmarc_none")
    tags = tags_of(records[0])
    inherited = depth > 0
    policy = (tags.get("sp") if inherited else None) or tags.get("p", "")
    if len(records) > 1 or policy.lower() not in ("none", "quarantine", "reject"):
        return Found("dmarc_broken", records[0])
    if "rua" not in tags:
        return Found("dmarc_silent", records[0])
    return Found("dmarc_watching" if policy.lower() == "none" else "dmarc_good", records[0])


def tags_of(record: str) -> dict[str, str]:
    """`v=DKIM1; p=…` as tag → value, without blanks inside (RFC 6376, 3.2)."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, equals, value in pairs if equals}
