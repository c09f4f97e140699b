"""Promised times count opening hours of the shop's own clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from service.sla import Clock

WORKDAYS = frozenset({0, 1, 2, 3, 4})
SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def clock(zone: ZoneInfo = SHANGHAI, *, holidays: tuple[date, ...] = ()) -> Clock:
    return Clock(zone, WORKDAYS, time(9), time(18), frozenset(holidays))


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    "case, start, hours, end",
    [
        ("inside one day", "2026-11-18T10:00", 4, "2026-11-18T14:00"),
        ("over night", "2026-11-18T16:00", 4, "2026-11-19T11:00"),
        ("over the weekend", "2026-11-20T17:00", 2, "2026-11-23T10:00"),
        ("asked at night", "2026-11-18T23:00", 1, "2026-11-19T10:00"),
        ("asked on Sunday", "2026-11-22T12:00", 9, "2026-11-23T18:00"),
        ("to closing time exactly", "2026-11-18T09:00", 9, "2026-11-18T18:00"),
        ("nothing left", "2026-11-18T10:00", 0, "2026-11-18T10:00"),
    ],
)
def test_due(case, start, hours, end):
    assert clock().after(at(start), hours * 3600) == at(end), case


def test_a_holiday_is_no_working_day():
    closed = clock(holidays=(date(2026, 11, 19),))
    assert closed.after(at("2026-11-18T17:00"), 2 * 3600) == at("2026-11-20T10:00")


def test_the_hour_that_spring_skips_is_not_counted():
    always = Clock(BERLIN, frozenset(range(7)), time(0), time(23, 59), frozenset())
    start = datetime(2026, 3, 29, 0, 0, tzinfo=BERLIN).astimezone(UTC)
    assert always.after(start, 4 * 3600) == datetime(2026, 3, 29, 5, 0, tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    "case, start, end, hours",
    [
        ("a day", "2026-11-18T09:00", "2026-11-18T18:00", 9),
        ("a weekend", "2026-11-20T17:00", "2026-11-23T10:00", 2),
        ("backwards", "2026-11-18T14:00", "2026-11-18T10:00", -4),
        ("at night", "2026-11-18T20:00", "2026-11-19T08:00", 0),
    ],
)
def test_between(case, start, end, hours):
    assert clock().between(at(start), at(end)) == hours * 3600, case


def test_a_shop_that_never_opens_still_gets_an_answer():
    shut = Clock(SHANGHAI, frozenset(), time(9), time(18), frozenset())
    assert shut.after(at("2026-11-18T10:00"), 3600) == at("2026-11-18T11:00")
