"""One limit's arithmetic: the generic cell rate algorithm (ITU-T I.371, virtual scheduling).

`free_at` is where the next message stands in time. It may leave a moment before, since a claim serves the
moment to come, and a limit that was not used for a while makes up for a little of that and not for more: in
any stretch of time at most `amount` times its length leave, and what `slack` and `HORIZON` hold.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from marketing.models import PaceLimit

# A claim's share: those whose moment is this near leave now.
HORIZON = timedelta(seconds=0.25)
# What is made up for: a second is what a provider counts itself, so there only a look that came late.
SLACK = {PaceLimit.Per.SECOND: timedelta(seconds=0.25)}
USUAL_SLACK = timedelta(seconds=2)


def slack(limit: PaceLimit) -> timedelta:
    """At least one message, so that a look that came late costs none."""
    return max(limit.gap, SLACK.get(PaceLimit.Per(limit.per), USUAL_SLACK))


def stands_at(limit: PaceLimit, now: datetime) -> datetime:
    """Where the next message stands in time."""
    return max(limit.free_at, now - slack(limit))


def is_free(limit: PaceLimit, now: datetime) -> bool:
    return stands_at(limit, now) <= now + HORIZON


def take(limit: PaceLimit, now: datetime) -> None:
    """One leaves."""
    limit.free_at = stands_at(limit, now) + limit.gap


def next_place(limit: PaceLimit, now: datetime) -> datetime:
    """Behind everybody who waits."""
    return max(limit.tail_at, limit.free_at, now)


def queue(limit: PaceLimit, now: datetime) -> datetime:
    """One waits: when to come again."""
    place = next_place(limit, now)
    limit.tail_at = place + limit.gap
    return place
