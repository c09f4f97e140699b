"""Marketing by REST; each part registers its own operations."""

from marketing.campaigns import api as campaigns_api
from marketing.campaigns import rules_api
from marketing.domains import api as domains_api
from marketing.feedback import api as feedback_api
from marketing.pacing import api as pacing_api
from marketing.segments import api as segments_api

__all__ = ["campaigns_api", "domains_api", "feedback_api", "pacing_api", "rules_api", "segments_api"]
