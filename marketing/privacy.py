"""Mails, segments and journeys after an erasure: how many were sent and read stays, to whom goes."""

from __future__ import annotations

from django.utils import timezone

from crm.lib.privacy import Person, add_eraser, harmless, personal
from marketing.merging import count_members
from marketing.models import Delivery, Engagement, Enrolment, SegmentMember, SegmentPin, TouchedCustomer
from marketing.segments.pinning import count_pins

State = Delivery.State


def wipe(person: Person) -> int:
    ids = person.customer_ids
    mine = Delivery.objects.filter(customer_id__in=ids)
    mine.filter(state__in=(State.QUEUED, State.DEFERRED)).update(state=State.SKIPPED, reason="erased")
    changed: int = mine.update(address="", receipt="")
    Engagement.objects.filter(delivery__customer_id__in=ids).update(user_agent="")
    TouchedCustomer.objects.filter(customer_id__in=ids).delete()
    _leave_segments(person.merchant_id, ids)
    walking = Enrolment.objects.filter(customer_id__in=ids, state__in=Enrolment.OPEN)
    walking.update(state=Enrolment.State.LEFT, reason="erased", ended_at=timezone.now())
    Enrolment.objects.filter(customer_id__in=ids).exclude(reason="erased").update(reason="")
    return changed


def _leave_segments(merchant_id: int, ids: set[int]) -> None:
    """Out of every list, with the counts beside them kept true."""
    members = SegmentMember.objects.filter(customer_id__in=ids)
    rows = list(members.values("segment_id"))
    members.delete()
    count_members(merchant_id, rows, -1)
    pins = SegmentPin.objects.filter(customer_id__in=ids)
    segments = set(pins.values_list("segment_id", flat=True))
    pins.delete()
    count_pins(segments)


add_eraser("marketing", wipe=wipe)
personal("marketing.delivery", "address", "receipt")
harmless(
    "marketing.delivery",
    *("reason", "message_id", "provider_id", "bounce_code", "version"),
    why="a code of ours, a random id, a mail server's number",
)
harmless("marketing.softbounce", "channel", "digest", why="a keyed hash, as on the suppression list")
harmless(
    "marketing.senderdomain",
    *("domain", "selector", "key_type", "secret", "public_key", "findings"),
    why="the shop's own domain, its key and what its DNS says",
)
harmless("marketing.domaincount", "domain", why="the part behind the @, of twenty mails or more")
harmless("marketing.pacelimit", "kind", "name", "per", why="a way or a receiver that a limit is for")
harmless("marketing.warmupplan", "domain", "state", "amounts", why="the shop's own domain and numbers")
harmless("marketing.warmupday", "stay", why="a code of ours")
harmless("marketing.bouncemailbox", "address", "host", "user", "secret", "state", why="the shop's own")
personal("marketing.engagement", "user_agent")
harmless("marketing.engagement", "device", why="phone, tablet or computer")
personal("marketing.enrolment", "reason")
harmless("marketing.enrolment", "key", "step", why="ids")
harmless("marketing.passage", "step", "reason", why="the id of a step, a code of ours")
harmless("marketing.stepmail", "step", why="the id of a step")
harmless("marketing.segment", "name", "definition", "trouble", why="the shop's own rules")
harmless("marketing.segment", "built_rule", "cancel_actor", why="a hash of a rule, a colleague's id")
CONTENT = ("subject", "preheader", "body", "text", "name")
harmless("marketing.template", *CONTENT, why="what the shop writes before anybody's name is in it")
harmless(
    "marketing.campaign",
    *(*CONTENT, "sender_name", "sender_email", "reply_to", "trouble", "trial_winner"),
    *("channel", "carrier_template", "carrier_values", "carrier_url"),
    why="what the shop writes before anybody's name is in it",
)
harmless(
    "marketing.version",
    *("letter", "subject", "preheader", "body", "text"),
    why="what the shop writes before anybody's name is in it",
)
harmless("marketing.link", "target", why="a page of the shop")
harmless("marketing.journey", "name", "trigger", "filter", "steps", why="the shop's own path")
