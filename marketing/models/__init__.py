"""Segments, templates, campaigns, deliveries, journeys: one noun a file."""

from marketing.models.campaign import Campaign, Link, Version
from marketing.models.delivery import Delivery, SendingPolicy, SendingRun
from marketing.models.domains import DomainCount, DomainCounting, SenderDomain
from marketing.models.engagement import Attribution, Engagement
from marketing.models.feedback import BounceMailbox, SoftBounce
from marketing.models.journey import Enrolment, Journey, Passage, StepMail
from marketing.models.pacing import PaceLimit, WarmupDay, WarmupPlan
from marketing.models.segment import Segment, SegmentMember, SegmentPin, TouchedCustomer
from marketing.models.template import Template

__all__ = [
    "Attribution",
    "BounceMailbox",
    "Campaign",
    "Delivery",
    "DomainCount",
    "DomainCounting",
    "Engagement",
    "Enrolment",
    "Journey",
    "Link",
    "PaceLimit",
    "Passage",
    "Segment",
    "SegmentMember",
    "SegmentPin",
    "SenderDomain",
    "SendingPolicy",
    "SendingRun",
    "SoftBounce",
    "StepMail",
    "Template",
    "TouchedCustomer",
    "Version",
    "WarmupDay",
    "WarmupPlan",
]
