"""Rules of repetition: the small part of RFC 5545 that people use, checked, told in words, and counted on.

FREQ=DAILY, FREQ=WEEKLY with BYDAY, FREQ=MONTHLY with BYMONTHDAY (1–31, or -1 for the last day); INTERVAL
1–99; UNTIL as
a date. Counted in local time, so that nine o'clock stays nine o'clock when the clocks change.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from dateutil.rrule import rrulestr
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.lib.ui.formats import day_text
from customers.services import fault

DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
WORKDAYS: Final = ("MO", "TU", "WE", "TH", "FR")
FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY")
MOST_INTERVAL = 99
PART = re.compile(r"^(FREQ|INTERVAL|BYDAY|BYMONTHDAY|UNTIL)=([A-Z0-9,+-]+)$")


def parsed(rule: str) -> dict[str, str]:
    """The parts of a rule. Raises Rejected (field "rule") for what isn't in the subset."""
    parts: dict[str, str] = {}
    for one in rule.strip().upper().removeprefix("RRULE:").split(";"):
        match = PART.match(one)
        if match is None or match[1] in parts:
            raise _wrong()
        parts[match[1]] = match[2]
    _check(parts)
    return parts


def _check(parts: dict[str, str]) -> None:
    frequency = parts.get("FREQ", "")
    interval = parts.get("INTERVAL", "1")
    fits = frequency in FREQUENCIES and interval.isdigit() and 1 <= int(interval) <= MOST_INTERVAL
    days = parts.get("BYDAY", "").split(",") if "BYDAY" in parts else []
    fits = fits and set(days) <= set(DAYS) and (not days or frequency == "WEEKLY")
    if "BYMONTHDAY" in parts:
        on = parts["BYMONTHDAY"]
        fits = fits and frequency == "MONTHLY" and (on == "-1" or (on.isdigit() and 1 <= int(on) <= 31))
    if not fits or ("UNTIL" in parts and _until(parts["UNTIL"]) is None):
        raise _wrong()


def _until(text: str) -> date | None:
    try:
        return datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007 - a calendar's day, not an instant
    except ValueError:
        return None


def _wrong() -> Exception:
    return fault(
        "rule", _("This rule of repetition isn't understood. Daily, weekly on days and monthly are.")
    )


def canonical(rule: str, start: datetime) -> str:
    """The rule with what it leaves to its first day written out, so that each next one can be counted from
    the one
    before. `start` is the first due time in local time. "" for no rule."""
    if not rule.strip():
        return ""
    parts = parsed(rule)
    if parts["FREQ"] == "WEEKLY" and "BYDAY" not in parts:
        parts["BYDAY"] = DAYS[start.weekday()]
    if "BYDAY" in parts:
        parts["BYDAY"] = ",".join(day for day in DAYS if day in parts["BYDAY"].split(","))
    if parts["FREQ"] == "MONTHLY" and "BYMONTHDAY" not in parts:
        parts["BYMONTHDAY"] = str(start.day)
    if parts.get("INTERVAL") == "1":
        parts.pop("INTERVAL")
    if "UNTIL" in parts:
        parts["UNTIL"] = parts["UNTIL"][:8]
    order = ("FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "UNTIL")
    return ";".join(f"{name}={parts[name]}" for name in order if name in parts)


def next_due(rule: str, due: datetime, *, not_before: datetime | None = None) -> datetime | None:
    """The first time of the rule after `due`, and not before `not_before`; None when the rule has ended. All
    in
    local time without a zone."""
    parts = parsed(rule)
    until = _until(parts.pop("UNTIL", ""))
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    times = rrulestr(text, dtstart=due)
    border = max(due, not_before - timedelta(microseconds=1)) if not_before else due
    found: datetime | None = times.after(border)
    if found is None or (until is not None and found.date() > until):
        return None
    return found


def words(rule: str) -> str:
    """ "every 2 weeks on Mon, Thu until 31 Dec", in the active language; "" for no rule."""
    if not rule:
        return ""
    parts = parsed(rule)
    every = int(parts.get("INTERVAL", "1"))
    if parts["FREQ"] == "DAILY":
        more = ngettext("every %(n)s day", "every %(n)s days", every) % {"n": every}
        text = _("every day") if every == 1 else more
    elif parts["FREQ"] == "WEEKLY":
        text = _weekly_words(parts.get("BYDAY", ""), every)
    else:
        text = _monthly_words(parts.get("BYMONTHDAY", ""), every)
    until = _until(parts.get("UNTIL", ""))
    return _("%(rule)s until %(day)s") % {"rule": text, "day": day_text(until)} if until else text


# One is said without its number ("every week"), which a plural can't do for languages that have none.


def _weekly_words(by_day: str, every: int) -> str:
    if by_day == ",".join(WORKDAYS) and every == 1:
        return _("every working day")
    names = day_names()
    shown = ", ".join(names[day] for day in by_day.split(",") if day)
    if every == 1:
        return _("every week on %(days)s") % {"days": shown}
    text = ngettext("every %(n)s week on %(days)s", "every %(n)s weeks on %(days)s", every)
    return text % {"n": every, "days": shown}


def _monthly_words(on: str, every: int) -> str:
    if on == "-1":
        if every == 1:
            return _("on the last day of every month")
        text = ngettext(
            "on the last day of every %(n)s month", "on the last day of every %(n)s months", every
        )
        return text % {"n": every}
    if every == 1:
        return _("every month on day %(day)s") % {"day": on}
    text = ngettext("every %(n)s month on day %(day)s", "every %(n)s months on day %(day)s", every)
    return text % {"n": every, "day": on}


def day_names() -> dict[str, str]:
    short = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    return dict(zip(DAYS, short, strict=True))


def end_of(day: date) -> datetime:
    """Local midnight after the day: from then on a task of that day is late."""
    return datetime.combine(day + timedelta(days=1), time())
