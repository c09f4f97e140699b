"""Promised times, counted in opening hours of the shop's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crm.accounts.models import Merchant
from service.models import BusinessHours, SlaPolicy, Ticket
from service.models.ticket import Priority

# (first answer, solution) in minutes of opening time, for shops that have set nothing.
DEFAULTS: dict[str, tuple[int, int]] = {
    Priority.URGENT: (60, 8 * 60),
    Priority.HIGH: (4 * 60, 24 * 60),
    Priority.NORMAL: (8 * 60, 48 * 60),
    Priority.LOW: (24 * 60, 96 * 60),
}
# A shop with no open day in a year has a wrong calendar; then the clock runs day and night.
LONGEST_DAYS = 366


@dataclass(frozen=True)
class Clock:
    """Opening hours with their zone."""

    zone: ZoneInfo
    days: frozenset[int]
    opens: time
    closes: time
    holidays: frozenset[object]

    def _span(self, day: datetime) -> tuple[datetime, datetime] | None:
        """Opening and closing instant of the local day, None when closed. Wall-clock: DST is right."""
        if day.weekday() not in self.days or day.date() in self.holidays:
            return None
        opens = datetime.combine(day.date(), self.opens, self.zone)
        closes = datetime.combine(day.date(), self.closes, self.zone)
        return opens.astimezone(UTC), closes.astimezone(
            UTC
        )  # two instants of one zone subtract as wall clocks

    def after(self, start: datetime, seconds: int) -> datetime:
        """The instant at which `seconds` of opening time have passed since `start`; `start` for none."""
        start = start.astimezone(UTC)
        left = float(max(seconds, 0))
        day = start.astimezone(self.zone)
        for _ in range(LONGEST_DAYS):
            span = self._span(day)
            if span is not None:
                begin = max(span[0], start)
                room = (span[1] - begin).total_seconds()
                if room > 0 and left <= room:
                    return begin + timedelta(seconds=left)
                left -= max(room, 0)
            day = datetime.combine(day.date() + timedelta(days=1), time(0), self.zone)
        return start + timedelta(seconds=left)

    def between(self, start: datetime, end: datetime) -> int:
        """Seconds of opening time from `start` to `end`; negative when the end lies before."""
        if end < start:
            return -self.between(end, start)
        total, day = 0.0, start.astimezone(self.zone)
        last = end.astimezone(self.zone).date()
        for _ in range(LONGEST_DAYS):
            span = self._span(day)
            if span is not None:
                total += max((min(span[1], end) - max(span[0], start)).total_seconds(), 0)
            if day.date() >= last:
                break
            day = datetime.combine(day.date() + timedelta(days=1), time(0), self.zone)
        return round(total)


def clock_of(merchant: Merchant) -> Clock:
    """The shop's opening hours; 9 to 21 every day where nothing is set. One query."""
    hours = BusinessHours.objects.first() or BusinessHours()
    return Clock(
        merchant.zone,
        frozenset(hours.days),
        _as_time(hours.opens),
        _as_time(hours.closes),
        frozenset(hours.holidays),
    )


def _as_time(value: time) -> time:
    return value.replace(tzinfo=None)


def promised_minutes(priority: str) -> tuple[int, int]:
    """(first answer, solution). One query."""
    policy = SlaPolicy.objects.filter(priority=priority).first()
    return (policy.first_response_minutes, policy.resolve_minutes) if policy else DEFAULTS[priority]


def start_clocks(merchant: Merchant, ticket: Ticket, now: datetime) -> None:
    """A new or reopened ticket: both clocks from the start. Sets fields, saves nothing."""
    first, resolve = promised_minutes(ticket.priority)
    clock = clock_of(merchant)
    ticket.first_response_due_at = clock.after(now, first * 60)
    ticket.resolve_due_at = clock.after(now, resolve * 60)
    ticket.resolve_seconds_left = None
    ticket.due_at = min(ticket.first_response_due_at, ticket.resolve_due_at)


def stop_clocks(merchant: Merchant, ticket: Ticket, now: datetime) -> None:
    """The ball leaves our court: what was left to solve it is kept. Sets fields, saves nothing."""
    if ticket.resolve_due_at and ticket.resolve_seconds_left is None:
        ticket.resolve_seconds_left = clock_of(merchant).between(now, ticket.resolve_due_at)
    ticket.due_at = None


def resume_clocks(merchant: Merchant, ticket: Ticket, now: datetime) -> None:
    """The ball is back: what was left to solve it runs on, an answer is due as for the first one."""
    clock = clock_of(merchant)
    first, resolve = promised_minutes(ticket.priority)
    left = resolve * 60 if ticket.resolve_seconds_left is None else ticket.resolve_seconds_left
    if ticket.resolve_seconds_left is not None or ticket.resolve_due_at is None:
        ticket.resolve_due_at = clock.after(now, left)
    ticket.resolve_seconds_left = None
    answer = clock.after(now, first * 60)
    if ticket.first_responded_at is None and ticket.first_response_due_at:
        answer = ticket.first_response_due_at
    ticket.due_at = min(answer, ticket.resolve_due_at) if ticket.waiting_since else ticket.resolve_due_at


def retime(merchant: Merchant, ticket: Ticket) -> None:
    """Another priority promises other times, counted from the same starts. Sets fields, saves nothing."""
    clock = clock_of(merchant)
    first, resolve = promised_minutes(ticket.priority)
    if ticket.first_responded_at is None:
        ticket.first_response_due_at = clock.after(ticket.opened_at, first * 60)
    if ticket.resolve_seconds_left is None:
        ticket.resolve_due_at = clock.after(ticket.opened_at, resolve * 60)
    if ticket.status != Ticket.Status.OPEN:
        return
    due = [ticket.resolve_due_at]
    if ticket.waiting_since:
        waiting = clock.after(ticket.waiting_since, first * 60)
        due.append(waiting if ticket.first_responded_at else ticket.first_response_due_at)
    ticket.due_at = min(one for one in due if one is not None)
