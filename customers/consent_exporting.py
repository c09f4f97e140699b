"""What people allowed, as files: the answers that hold, and the whole ledger. An import of consents reads
both again."""

from __future__ import annotations

from django.db.models import F, Func, QuerySet, TextField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce
from django.urls import reverse
from django.utils.translation import gettext_lazy

from crm.exports.registry import Ask, Column, Exporter, columns_of, listing_words
from crm.lib.listing import Listing
from crm.lib.masking import DOTS, mask_email, mask_phone
from customers.filters import listing_of
from customers.models import Consent
from customers.selectors import customers_listed

WHO: tuple[tuple[str, str], ...] = (
    *(("number", "customer_id"), ("name", "customer__name"), ("email", "customer__email")),
    *(("phone", "customer__phone"), ("channel", "channel"), ("purpose", "purpose"), ("granted", "granted")),
)


def _hidden(value: str) -> str:
    return DOTS if value else ""


COLUMNS = (
    *columns_of(Consent, WHO, {"email": mask_email, "phone": mask_phone}),
    Column("answered_at", "told_at"),
    Column("source", "told_source"),
    Column("wording", "wording_version"),
    Column("legal_basis", "basis"),
    Column("ip", "told_ip", mask=_hidden),
    Column("proof", "told_proof", mask=_hidden),
)


def _listing(ask: Ask) -> Listing:
    return listing_of(ask.parameters, reverse("customer_list"), ask.viewer).exactly()


def _ledger(ask: Ask) -> QuerySet[Consent]:
    """Every answer of the people whom the list shows. Instants as ISO 8601 in UTC: which of two answers is
    the later one must not hang on a clock that was put back."""
    people = ask.ticked(customers_listed(membership=ask.viewer, listing=_listing(ask)))
    rows: QuerySet[Consent] = Consent.objects.filter(customer__in=people.values("pk"))
    return rows.annotate(
        told_at=_UtcText(F("recorded_at")),
        told_source=Coalesce(KT("proof__source"), F("source"), output_field=TextField()),
        basis=KT("proof__legal_basis"),
        told_ip=KT("proof__ip"),
        told_proof=Coalesce(KT("proof__proof"), Cast("proof", TextField())),
    )


class _UtcText(Func):
    template = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    output_field = TextField()


def _latest(ask: Ask) -> QuerySet[Consent]:
    """The newest answer of each person, channel and purpose: the one that holds."""
    return _ledger(ask).filter(holds=True)


CONSENTS = Exporter(
    key="consents",
    label=gettext_lazy("Consents that hold"),
    icon="mail-check",
    needs="customers.view",
    scope="customers.read",
    columns=COLUMNS,
    select=_latest,
    words=lambda ask: listing_words(_listing(ask)),
    order=("customer_id", "channel", "purpose", "pk"),
)
LEDGER = Exporter(
    key="consent_ledger",
    label=gettext_lazy("Consents, the whole ledger"),
    icon="book",
    needs="customers.view",
    scope="customers.read",
    columns=COLUMNS,
    select=_ledger,
    words=lambda ask: listing_words(_listing(ask)),
    # Oldest first: of two answers of one second the later line is the later answer, also when read again.
    order=("recorded_at", "pk"),
)
