"""Segment conditions over whom one may write to, and by what: allowed, reachable, suppressed, unconfirmed."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm.lib.crypto import keyed_hash_sql
from customers.models import Consent, ConsentRequest, Customer, Identity, Suppression
from customers.models.consent import Channel
from customers.models.wording import Purpose
from customers.segmenting import Condition, Members, Params, Row, Scope, add_condition, choice_field

REACH = _("Consent and reach")
CUSTOMERS, SUPPRESSED = Customer._meta.db_table, Suppression._meta.db_table
HAS = choice_field("has", _("Comparison"), (("is", _("are")), ("not", _("are not"))))
# Suppression knows addresses and numbers; a WeChat account is not suppressed, its owner unsubscribes.
COLUMNS = {Channel.EMAIL: "email", Channel.SMS: "phone"}


def _consent(params: Params, scope: Scope) -> Members:
    """Reads the entry of the ledger that holds for each customer, along customers_consent_holds."""
    among = scope.among("k.customer_id")
    held = f"""SELECT k.customer_id FROM {Consent._meta.db_table} k
        WHERE k.holds AND k.merchant_id = %s::bigint AND k.channel = %s AND k.purpose = %s{among.text}"""
    args = (scope.merchant_id, params["channel"], params["purpose"], *among.params)
    if params["state"] == "never":
        return scope.outside(Members(held, args))
    wanted = "" if params["state"] == "granted" else "NOT "
    return Members(f"{held} AND {wanted}k.granted", args)


def _reachable(params: Params, scope: Scope) -> Row | Members:
    if params["channel"] == Channel.EMAIL:
        return Row("c.email <> ''", (), "c")
    if params["channel"] == Channel.SMS:
        return Row("c.phone <> ''", (), "c")
    return scope.members(Identity._meta.db_table, "t.kind = %s", [Identity.Kind.WECHAT_OPENID])


def _suppressed(params: Params, scope: Scope) -> Members:
    """The list holds keyed hashes, which PostgreSQL computes for each customer's own address: 3 µs each,
    alone 3 s of a million. An index would have to hold the key, and a column be kept by every way in of an
    address; whose address it was when it was listed (`customer`) is not whose it is now."""
    column = COLUMNS[Channel(params["channel"])]
    digest, keys = keyed_hash_sql(f"c.{column}", purpose="suppression")
    among = scope.among("c.id")
    listed = f"SELECT s.digest FROM {SUPPRESSED} s WHERE s.merchant_id = %s::bigint AND s.channel = %s"
    found = Members(
        f"SELECT c.id AS customer_id FROM {CUSTOMERS} c WHERE c.merchant_id = %s::bigint{among.text}"
        f" AND c.{column} <> '' AND {digest} IN ({listed})",
        (scope.merchant_id, *among.params, *keys, scope.merchant_id, params["channel"]),
    )
    return found if params["has"] == "is" else scope.outside(found)


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
            "customers.consent",
            REACH,
            _("Consent"),
            _("who {state} {purpose} by {channel}"),
            _consent,
            (
                choice_field(
                    "state",
                    _("State"),
                    (
                        ("granted", _("allowed")),
                        ("withdrawn", _("withdrew")),
                        ("never", _("were never asked for")),
                    ),
                ),
                choice_field("purpose", _("Purpose"), Purpose.choices),
                choice_field("channel", _("Channel"), Channel.choices),
            ),
        ),
        Condition(
            "customers.reachable",
            REACH,
            _("Can be reached"),
            _("who can be reached by {channel}"),
            _reachable,
            (choice_field("channel", _("Channel"), Channel.choices),),
        ),
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
