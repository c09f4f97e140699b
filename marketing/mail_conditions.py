"""Segment conditions over campaigns: who got one, opened it, clicked in it, left by it."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from customers.segmenting import (
    HITS,
    Condition,
    Field,
    Members,
    Option,
    Params,
    Scope,
    add_condition,
    choice_field,
    days_field,
)
from marketing.models import Campaign, Delivery

MAIL = _("Mail")
DELIVERIES = Delivery._meta.db_table
GOT = "t.state = 'sent'"
# What somebody did with a mail of the campaign, as a predicate on their delivery.
DID = {
    "got": GOT,
    "opened": f"{GOT} AND t.opened_at IS NOT NULL",
    "clicked": f"{GOT} AND t.clicked_at IS NOT NULL",
    # Who clicked has read it, whatever the picture says.
    "unopened": f"{GOT} AND t.opened_at IS NULL AND t.clicked_at IS NULL",
    "unclicked": f"{GOT} AND t.clicked_at IS NULL",
    "left": "t.unsubscribed_at IS NOT NULL",
}


def search_campaigns(query: str, values: Sequence[str]) -> list[Option]:
    """Campaigns that were started, newest first."""
    if values:
        found = Campaign.objects.filter(pk__in=[int(value) for value in values if value.isdigit()])
    else:
        started = Campaign.objects.filter(state__in=Campaign.STARTED, name__icontains=query)
        found = started.order_by("-started_at", "-pk")[:HITS]
    return [Option(str(pk), name) for pk, name in found.values_list("pk", "name")]


def _campaign(params: Params, scope: Scope) -> Members:
    ids = [int(value) for value in params["values"]]
    if params["did"] == "missed":
        got = scope.members(DELIVERIES, f"t.campaign_id = ANY(%s::bigint[]) AND {GOT}", [ids])
        return scope.outside(got)
    return scope.members(DELIVERIES, f"t.campaign_id = ANY(%s::bigint[]) AND {DID[params['did']]}", [ids])


def _unsubscribed(params: Params, scope: Scope) -> Members:
    found = scope.members(DELIVERIES, "t.unsubscribed_at >= %s", [scope.days_ago(params["days"])])
    return scope.outside(found) if params["did"] == "not" else found


def register() -> None:
    """Called by marketing/conditions.py, which is found at start."""
    did = choice_field(
        "did",
        _("What they did"),
        (
            ("got", _("got")),
            ("opened", _("opened")),
            ("clicked", _("clicked in")),
            ("unopened", _("got and did not open")),
            ("unclicked", _("got and did not click in")),
            ("left", _("unsubscribed by")),
            ("missed", _("did not get")),
        ),
    )
    campaigns = Field("values", "search", _("Campaigns"), [], search=search_campaigns, numeric=True)
    add_condition(
        Condition(
            "marketing.campaign",
            MAIL,
            _("A certain campaign"),
            _("who {did} the campaign {values}"),
            _campaign,
            (did, campaigns),
        )
    )
    add_condition(
        Condition(
            "marketing.unsubscribed",
            MAIL,
            _("Unsubscribed"),
            _("who {did} unsubscribed by a mail in the last {days} days"),
            _unsubscribed,
            (
                choice_field("did", _("Comparison"), (("did", _("have")), ("not", _("have not")))),
                days_field(_("Days"), 90),
            ),
        )
    )
