"""A row of the file as somebody's answer, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.imports.models import ImportBatch
from crm.imports.rows import Refuse
from customers.identities import Contact, Key, keys_of
from customers.importing.cells import CellReader, nobody, words_of
from customers.models.consent import Channel, Purpose

# Clocks of two systems differ; an answer from further ahead is a wrong date.
AHEAD = timedelta(minutes=5)


@dataclass
class Told:
    """One answer. `answered_at` is None where the file doesn't say when; `proof` is what the ledger keeps."""

    row: int
    number: int | None
    contact: Contact
    channel: str
    purpose: str
    granted: bool
    answered_at: datetime | None
    wording: str
    proof: dict[str, Any]
    keys: list[Key] = field(default_factory=list)
    customer_id: int | None = None

    @property
    def topic(self) -> tuple[int | None, str, str]:
        """What an answer is about: of two on one topic the later one holds."""
        return self.customer_id, self.channel, self.purpose


class AnswerReader(CellReader):
    """Reads staged rows of one batch of consents."""

    def __init__(self, batch: ImportBatch, merchant: Merchant) -> None:
        super().__init__(batch, merchant)
        self.channel = batch.options.get("channel", "")
        self.about = {"legal_basis": batch.options["legal_basis"], "file": batch.sha256}

    def entry(self, row: int, told: Mapping[str, Any]) -> Told:
        if told.get("granted") is None:
            raise Refuse("granted", "missing", _("is empty"))
        contact = Contact(name=str(told.get("name", "")), email=self.email(told), phone=self.phone(told, ""))
        number, keys = self.number(told), keys_of(self.merchant, contact)
        if not (number or keys):
            raise nobody()
        return Told(
            row=row,
            number=number,
            contact=contact,
            channel=self._channel(told),
            purpose=self._purpose(told),
            granted=bool(told["granted"]),
            answered_at=self._at(told),
            wording=str(told.get("wording", "")),
            proof=self._proof(row, told),
            keys=keys,
        )

    def _channel(self, told: Mapping[str, Any]) -> str:
        if "channel" not in told and not self.channel:
            raise Refuse("channel", "missing", _("is empty"))
        return self.choice("channel", told.get("channel", self.channel), words_of(Channel))

    def _purpose(self, told: Mapping[str, Any]) -> str:
        return self.choice("purpose", told.get("purpose", Purpose.MARKETING.value), words_of(Purpose))

    def _at(self, told: Mapping[str, Any]) -> datetime | None:
        at: datetime | None = told.get("answered_at")
        now = timezone.now()
        if at is not None and at > now + AHEAD:
            raise Refuse("answered_at", "date", _("“%(day)s” is yet to come") % {"day": at.isoformat()})
        return min(at, now) if at else None

    def _proof(self, row: int, told: Mapping[str, Any]) -> dict[str, Any]:
        proof: dict[str, Any] = {**self.about, "row": row}
        proof |= {name: told[name] for name in ("source", "proof") if told.get(name)}
        if told.get("ip"):
            try:
                proof["ip"] = str(ip_address(told["ip"].strip()))
            except ValueError:
                text = _("“%(text)s” is no IP address") % {"text": told["ip"][:60]}
                raise Refuse("ip", "ip", text) from None
        return proof
