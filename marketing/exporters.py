"""People of a segment, and of a campaign, as files."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.exports.registry import Ask, Exporter, columns_of, register
from crm.lib.errors import NotFound
from crm.lib.masking import mask_email, mask_phone
from customers.visibility import narrowed
from marketing.campaigns.selectors import GROUPS, people
from marketing.models import Campaign, Delivery, Segment, SegmentMember
from marketing.models.delivery import reason_text

MEMBER_COLUMNS = (
    *(("customer_id", "customer_id"), ("name", "customer__name"), ("email", "customer__email")),
    *(("phone", "customer__phone"), ("stage", "customer__stage"), ("country", "customer__country")),
    *(("language", "customer__language"), ("orders", "customer__metrics__orders_count")),
    *(("net", "customer__metrics__net"), ("last_order_at", "customer__metrics__last_order_at")),
    ("entered_at", "entered_at"),
)
MAIL_COLUMNS = (
    *(("customer_id", "customer_id"), ("name", "customer__name"), ("email", "address"), ("state", "state")),
    *(("reason", "reason"), ("sent_at", "sent_at"), ("opened_at", "opened_at"), ("clicked_at", "clicked_at")),
    ("unsubscribed_at", "unsubscribed_at"),
)


# --- a segment's people -------------------------------------------------------------------------------------


def _segment(ask: Ask) -> Segment:
    segment = Segment.objects.filter(pk=ask.number("segment")).first()
    if segment is None:
        raise NotFound()
    return segment


def _members(ask: Ask) -> QuerySet[SegmentMember]:
    rows = SegmentMember.objects.filter(segment=_segment(ask), customer__erased_at__isnull=True)
    return ask.ticked(narrowed(rows, ask.viewer, "customer__"), "customer")


register(
    Exporter(
        key="segment_people",
        label=gettext_lazy("People of a segment"),
        icon="chart-pie-2",
        needs="segments.view",
        scope="segments.read",
        columns=columns_of(SegmentMember, MEMBER_COLUMNS, {"email": mask_email, "phone": mask_phone}),
        select=_members,
        words=lambda ask: [_("Segment: %(name)s") % {"name": _segment(ask).name}],
        order=("-entered_at", "-pk"),
    )
)


# --- a campaign's mails -------------------------------------------------------------------------------------


def _campaign(ask: Ask) -> Campaign:
    campaign = Campaign.objects.filter(pk=ask.number("campaign")).first()
    if campaign is None:
        raise NotFound()
    return campaign


def _mails(ask: Ask) -> QuerySet[Delivery]:
    group, reason = ask.parameters.get("group", "all"), ask.parameters.get("reason", "")[:40]
    rows = people(_campaign(ask), membership=ask.viewer, group=group, reason=reason)
    return ask.ticked(rows, "customer")


def _mail_words(ask: Ask) -> list[str]:
    group, reason = ask.parameters.get("group", "all"), ask.parameters.get("reason", "")[:40]
    words = [_("Campaign: %(name)s") % {"name": _campaign(ask).name}]
    words += [str(GROUPS[group][0])] if group in GROUPS and group != "all" else []
    return [*words, *([reason_text(reason)] if reason else [])]


register(
    Exporter(
        key="campaign_people",
        label=gettext_lazy("Recipients of a campaign"),
        icon="send",
        needs="campaigns.view",
        scope="campaigns.read",
        columns=columns_of(Delivery, MAIL_COLUMNS, {"email": mask_email}),
        select=_mails,
        words=_mail_words,
        order=("-pk",),
    )
)
