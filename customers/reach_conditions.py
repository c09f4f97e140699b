"""Segment conditions over whom nobody may write to: suppressed, not confirmed yet, not to be profiled."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm.lib.crypto import keyed_hash_sql
from customers.models import ConsentRequest, Customer, Suppression
from customers.models.consent import Channel
from customers.models.wording import Purpose
from customers.segmenting import Condition, Members, Params, Row, Scope, add_condition, choice_field

REACH = _("Consent and reach")
CUSTOMERS, SUPPRESSED = Customer._meta.db_table, Suppression._meta.db_table
HAS = choice_field("has", _("Comparison"), (("is", _("are")), ("not", _("are not"))))
# Suppression knows addresses and numbers; a WeChat account is not suppressed, its owner unsubscribes.
COLUMNS = {Channel.EMAIL: "email", Channel.SMS: "phone"}


def _suppressed(params: Params, scope: Scope) -> Members:
    """The list holds keyed hashes, which PostgreSQL computes for each customer's own address."""
    column = COLUMNS[Channel(params["channel"])]
    digest, keys = keyed_hash_sql(f"c.{column}", purpose="suppression")
    among = scope.among("c.id")
    listed = f"SELECT s.digest FROM {SUPPRESSED} s WHERE s.merchant_id = %s::bigint AND s.channel = %s"
    found = Members(
        f"SELECT c.id AS customer_id FROM {CUSTOMERS} c WHERE c.merchant_id = %s::bigint{among.text}"
        f" AND c.{column} <> '' AND {digest} IN ({listed})",
        (scope.merchant_id, *among.params, *keys, scope.merchant_id, params["channel"]),
    )
    if params["has"] == "is":
        return found
    around = scope.among("m.customer_id")
    return Members(
        f"SELECT m.customer_id FROM customers_metrics m WHERE m.merchant_id = %s::bigint{around.text}"
        f" AND NOT EXISTS (SELECT 1 FROM ({found.text}) x WHERE x.customer_id = m.customer_id)",
        (scope.merchant_id, *around.params, *found.params),
    )


def _unconfirmed(params: Params, scope: Scope) -> Members:
    return scope.members(
        ConsentRequest._meta.db_table,
        "t.confirmed_at IS NULL AND t.cancelled_at IS NULL AND t.expires_at > %s AND t.purpose = %s",
        [scope.now, params["purpose"]],
    )


def _profiling(params: Params, scope: Scope) -> Row:
    word = "IS NOT NULL" if params["did"] == "did" else "IS NULL"
    return Row(f"c.profiling_stopped_at {word}", (), "c")


def register() -> None:
    """Called by customers/conditions.py, which is found at start."""
    channels = [(one.value, one.label) for one in COLUMNS]
    for condition in (
        Condition(
            "customers.suppressed",
            REACH,
            _("On the suppression list"),
            _("who {has} on the suppression list by {channel}"),
            _suppressed,
            (HAS, choice_field("channel", _("Channel"), channels)),
        ),
        Condition(
            "customers.unconfirmed",
            REACH,
            _("Hasn't confirmed yet"),
            _("who said yes to {purpose} and haven't confirmed it yet"),
            _unconfirmed,
            (choice_field("purpose", _("Purpose"), Purpose.choices),),
        ),
        Condition(
            "customers.profiling",
            REACH,
            _("Doesn't want to be profiled"),
            _("who {did} refused to be profiled"),
            _profiling,
            (choice_field("did", _("Comparison"), (("did", _("have")), ("not", _("have not")))),),
        ),
    ):
        add_condition(condition)
