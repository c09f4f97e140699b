"""The rate to the merchant's base currency on the day of an order, inside SQL
(crm.accounts.services.rate_to_base)."""

from __future__ import annotations

from crm.accounts.models import ExchangeRate, Merchant

RATE = ExchangeRate._meta.db_table
MERCHANT = Merchant._meta.db_table


def rates_sql(alias: str) -> str:
    """An expression over a document: 1 for the base currency itself, the newest rate not after the order's
    day, else the oldest, else NULL. Needs the parameters merchant and currency."""
    currency = f"coalesce({alias}.currency, %(currency)s)"
    day = f"({alias}.placed_at AT TIME ZONE m.time_zone)::date"
    return f"""(
        SELECT CASE WHEN m.base_currency = {currency} THEN 1 ELSE (
            SELECT r.rate FROM {RATE} r WHERE r.merchant_id = m.id AND r.currency = {currency}
            ORDER BY r.valid_from_on <= {day} DESC,
                     CASE WHEN r.valid_from_on <= {day} THEN r.valid_from_on END DESC, r.valid_from_on LIMIT 1
        ) END FROM {MERCHANT} m WHERE m.id = %(merchant)s
    )"""
