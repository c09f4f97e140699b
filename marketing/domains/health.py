"""How mail fares by the domain that it goes to, and when that is a reason to stop and think."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Sum
from django.utils import timezone

from crm.accounts.models import Merchant
from marketing.models import DomainCount

SPANS = (7, 30, 90)
SHOWN = 50
# Gmail's guidelines for senders: stay under 0.1 %, never reach 0.3 %.
COMPLAINTS_WARN, COMPLAINTS_BAD = 0.001, 0.003
# Amazon SES looks into accounts at 5 % and stops them at 10 %; half of that is early enough.
BOUNCES_WARN, BOUNCES_BAD = 0.02, 0.05
# One complaint among fifty readers is a person, not a rate.
LEAST_MAILS, LEAST_COMPLAINTS = 100, 2
FIGURES = ("sent", "hard", "soft", "blocked", "complained", "opened")


@dataclass(frozen=True)
class Health:
    """`domain` is "" for all that got only a few. Rates are 0–1, of the mails that left; complaints and opens
    of those that did not come back."""

    domain: str
    sent: int = 0
    hard: int = 0
    soft: int = 0
    blocked: int = 0
    complained: int = 0
    opened: int = 0

    @property
    def bounced(self) -> int:
        return self.hard + self.soft + self.blocked

    @property
    def delivered(self) -> int:
        return max(0, self.sent - self.bounced)

    @property
    def bounce_rate(self) -> float:
        return self.bounced / self.sent if self.sent else 0.0

    @property
    def complaint_rate(self) -> float:
        return self.complained / self.delivered if self.delivered else 0.0

    @property
    def open_rate(self) -> float:
        return self.opened / self.delivered if self.delivered else 0.0

    @property
    def bounce_tone(self) -> str:
        return self._tone(self.bounce_rate, BOUNCES_WARN, BOUNCES_BAD)

    @property
    def complaint_tone(self) -> str:
        if self.complained < LEAST_COMPLAINTS:
            return ""
        return self._tone(self.complaint_rate, COMPLAINTS_WARN, COMPLAINTS_BAD)

    def _tone(self, rate: float, warn: float, bad: float) -> str:
        if self.sent < LEAST_MAILS:
            return ""
        return "bad" if rate >= bad else "warn" if rate >= warn else ""


def health(*, merchant: Merchant, days: int) -> tuple[Health, list[Health]]:
    """(all together, the SHOWN largest domains) of the last `days` in the shop's time zone. Two queries over
    the counts, however many mails there are."""
    since = timezone.now().astimezone(merchant.zone).date() - timedelta(days=days - 1)
    rows = DomainCount.objects.filter(day__gte=since).order_by()
    sums = {name: Sum(name) for name in FIGURES}
    whole = rows.aggregate(**sums)
    together = Health("", **{name: whole[name] or 0 for name in FIGURES})
    largest = rows.values("domain").annotate(**sums).order_by("-sent", "domain")[:SHOWN]
    return together, [Health(**row) for row in largest]
