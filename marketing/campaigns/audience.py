"""Who a campaign is for: the statement, and how many of them may be written to."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext as _

from crm.integrations.connecting import connection_of
from crm.lib.errors import Rejected
from customers.models import Consent, Customer
from customers.models.consent import Channel
from marketing.models import Campaign
from marketing.segments.selectors import segment_member_ids_sql
from marketing.sending import carriers, freezing
from marketing.sending.freezing import AudienceSql


@dataclass(frozen=True)
class Reach:
    """`people` in the audience; `reachable` of them have an address and allowed mail (before care holds)."""

    people: int
    reachable: int


def audience_sql(campaign: Campaign) -> AudienceSql:
    """Who it is for, as a statement of customer ids. Raises Rejected when no audience is chosen."""
    if campaign.audience == Campaign.Audience.EVERYONE:
        return AudienceSql.of(Customer.objects.present())
    if campaign.segment is None:
        raise Rejected(
            _("Choose who gets it."), code="no_audience", fields={"segment": [_("Choose a segment.")]}
        )
    sql, params = segment_member_ids_sql(campaign.segment)
    return AudienceSql(sql, params)


def reach(campaign: Campaign) -> Reach:
    """One query. Raises Rejected when no audience is chosen."""
    inner = audience_sql(campaign).text()
    channel = Channel(campaign.channel)
    address = freezing.ADDRESSES[channel]
    sql = f"""
        SELECT count(*), count(*) FILTER (WHERE k.granted AND {address} <> '')
        FROM {Customer._meta.db_table} c
        LEFT JOIN {Consent._meta.db_table} k ON k.merchant_id = %(merchant)s AND k.customer_id = c.id
              AND k.holds AND k.channel = %(channel)s AND k.purpose = 'marketing'
        WHERE c.merchant_id = %(merchant)s AND c.erased_at IS NULL AND c.merged_into_id IS NULL
              AND c.id IN (/*audience*/)
    """
    wechat = channel is Channel.WECHAT
    app_id = carriers.app_id_of(connection_of(channel)) if wechat else ""
    with connection.cursor() as cursor:
        values = {"merchant": campaign.merchant_id, "channel": channel.value, "app_id": app_id}
        cursor.execute(cursor.cursor.mogrify(sql, values).decode().replace("/*audience*/", inner))
        people, reachable = cursor.fetchone()
    return Reach(people=people, reachable=reachable)
