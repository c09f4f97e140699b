"""Celery finds this app's doors here; each part of marketing keeps its own."""

from marketing.campaigns.tasks import sweep_clicks
from marketing.domains.tasks import check_domain, check_domains, count_domains
from marketing.feedback.tasks import fetch_bounces, sweep_feedback
from marketing.journeys.tasks import sweep_journeys
from marketing.segments.tasks import build_segment, refresh_segments, sweep_segments
from marketing.sending.tasks import clear_campaign, prepare_campaign, send_campaign, sweep_sending

__all__ = [
    "build_segment",
    "check_domain",
    "check_domains",
    "clear_campaign",
    "count_domains",
    "fetch_bounces",
    "prepare_campaign",
    "refresh_segments",
    "send_campaign",
    "sweep_clicks",
    "sweep_feedback",
    "sweep_journeys",
    "sweep_segments",
    "sweep_sending",
]
