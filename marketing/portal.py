"""What marketing puts into "my data": mails that were sent, journeys, groups and the score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.models import Customer, Metrics
from customers.portal_registry import add_collector
from marketing.models import Delivery, Engagement, Enrolment, SegmentMember

Grants = dict[str, list[int]]
CHUNK = 500


def _mails(customer: Customer | None, _grants: Grants) -> Iterator[dict[str, Any]]:
    """Every marketing mail that left, with what came back of it."""
    if customer is None:
        return
    sent = Delivery.objects.filter(customer=customer, state=Delivery.State.SENT).select_related("campaign")
    for one in sent.order_by("sent_at", "id").iterator(chunk_size=CHUNK):
        yield {
            "sent_at": one.sent_at,
            "subject": one.campaign.subject,
            "address": one.address,
            "opened_at": one.opened_at,
            "clicked_at": one.clicked_at,
            "unsubscribed_at": one.unsubscribed_at,
        }


def _opens(customer: Customer | None, _grants: Grants) -> Iterator[dict[str, Any]]:
    if customer is None:
        return
    rows = Engagement.objects.filter(delivery__customer=customer).select_related("link")
    for one in rows.order_by("at", "id").iterator(chunk_size=CHUNK):
        yield {
            "at": one.at,
            "kind": one.get_kind_display(),
            "by": one.get_label_display(),
            "link": one.link.target if one.link else "",
            "browser": one.user_agent,
        }


def _profile(customer: Customer | None, _grants: Grants) -> dict[str, Any]:
    """What the shop concludes about the person: score, groups, journeys."""
    if customer is None:
        return {}
    metrics = Metrics.objects.filter(customer=customer).first()
    groups = SegmentMember.objects.filter(customer=customer).select_related("segment").order_by("segment_id")
    journeys = Enrolment.objects.filter(customer=customer).select_related("journey").order_by("entered_at")
    return {
        "score": metrics.score if metrics else None,
        "tier": metrics.tier if metrics else "",
        "orders_count": metrics.orders_count if metrics else 0,
        "net": metrics.net if metrics else 0,
        "groups": [one.segment.name for one in groups],
        "journeys": [
            {"name": one.journey.name, "entered_at": one.entered_at, "state": one.get_state_display()}
            for one in journeys
        ],
    }


WORDS = {
    "sent_at": _("Sent"),
    "subject": _("Subject"),
    "address": _("To"),
    "opened_at": _("Opened"),
    "clicked_at": _("Clicked"),
    "unsubscribed_at": _("Unsubscribed"),
    "at": _("When"),
    "kind": _("What"),
    "by": _("By"),
    "link": _("Link"),
    "browser": _("Browser"),
    "score": _("Score (0–100)"),
    "tier": _("Tier"),
    "orders_count": _("Orders"),
    "net": _("Spent"),
    "groups": _("Groups"),
    "journeys": _("Series of mails"),
    "name": _("Name"),
    "entered_at": _("Since"),
    "state": _("State"),
}
add_collector("mails", _("Mails that we sent you"), _mails, words=WORDS)
add_collector("opens", _("What came back of our mails"), _opens, words=WORDS)
add_collector("profile", _("What we conclude about you"), _profile, words=WORDS)
