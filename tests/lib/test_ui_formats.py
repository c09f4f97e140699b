"""Money, times, rates and initials as people read them, in the three languages."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from crm.lib.ui import formats
from crm.lib.ui.people import HUES, hue, initials

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)  # noon in Shanghai


@pytest.mark.parametrize(
    "case, language, amount, currency, home, shown",
    [
        ("own currency, short sign", "en", "3280", "CNY", "CNY", "¥3,280.00"),
        ("foreign currency, English", "en", "3280", "CNY", "USD", "CN¥3,280.00"),
        ("simplified Chinese", "zh-hans", "3280", "CNY", "", "¥3,280.00"),
        ("traditional Chinese", "zh-hant", "3280", "CNY", "", "CN¥3,280.00"),
        ("dollar in Chinese", "zh-hans", "12.5", "USD", "CNY", "US$12.50"),
        ("yen beside a shop in yuan", "en", "9800", "JPY", "CNY", "JP¥9,800"),
        ("yen at home has no cents", "en", "9800.4", "JPY", "JPY", "¥9,800"),
        ("dinar has three places", "en", "1.2345", "KWD", "CNY", "KWD\u00a01.235"),
        ("no sign known", "en", "66", "CHF", "", "CHF\u00a066.00"),
        ("minus before the sign", "en", "-12.5", "USD", "USD", "−$12.50"),
        ("half up", "en", "0.125", "EUR", "", "€0.13"),
        ("millions", "zh-hans", "1234567.8", "EUR", "", "€1,234,567.80"),
        ("Taiwan dollar", "zh-hant", "99", "TWD", "TWD", "NT$99.00"),
    ],
)
def test_money(case: str, language: str, amount: str, currency: str, home: str, shown: str) -> None:
    with translation.override(language):
        assert formats.money_text(Decimal(amount), currency, home=home) == shown


def test_whole_money_leaves_out_the_minor_unit() -> None:
    assert formats.money_text(Decimal("18420.49"), "CNY", home="CNY", whole=True) == "¥18,420"


@pytest.mark.parametrize(
    "case, ago, shown",
    [
        ("now", timedelta(seconds=20), "just now"),
        ("minutes", timedelta(minutes=12), "12 min ago"),
        ("hours of today", timedelta(hours=3), "3 h ago"),
        ("last evening, few hours back", timedelta(hours=13), "yesterday"),
        ("yesterday by the local day", timedelta(hours=30), "yesterday"),
        ("days", timedelta(days=12), "12 days ago"),
        ("this year", timedelta(days=100), "14 Aug"),
        ("another year", timedelta(days=400), "18 Oct 2025"),
        ("soon", timedelta(minutes=-30), "in 30 min"),
        ("tomorrow", timedelta(hours=-20), "tomorrow"),
        ("in some days", timedelta(days=-5), "in 5 days"),
    ],
)
def test_relative_time_counts_local_days(case: str, ago: timedelta, shown: str) -> None:
    with timezone.override("Asia/Shanghai"):
        assert formats.relative_text(NOW - ago, NOW) == shown


@pytest.mark.parametrize(
    "zone, shown",
    [
        ("Asia/Shanghai", "22 Nov 2026, 12:00 UTC+8"),
        ("UTC", "22 Nov 2026, 04:00 UTC"),
        ("Asia/Kolkata", "22 Nov 2026, 09:30 UTC+5:30"),
        ("America/New_York", "21 Nov 2026, 23:00 UTC−5"),
    ],
)
def test_exact_time_names_its_zone(zone: str, shown: str) -> None:
    with timezone.override(zone):
        assert formats.exact_text(NOW) == shown


def test_heading_of_a_day() -> None:
    today = date(2026, 11, 22)
    days = (today, today - timedelta(days=1), today - timedelta(days=4), date(2025, 1, 2))
    shown = [formats.heading_text(day, today) for day in days]
    assert shown == ["Today", "Yesterday", "Wednesday, 18 Nov", "2 Jan 2025"]


@pytest.mark.parametrize(
    "rate, places, sign, shown",
    [
        (0.12, 0, True, "+12\u202f%"),
        (-0.044, 1, True, "−4.4\u202f%"),
        (0, 0, True, "0\u202f%"),
        (Decimal("0.5"), 0, False, "50\u202f%"),
    ],
)
def test_percent(rate: float, places: int, sign: bool, shown: str) -> None:
    assert formats.percent_text(rate, places, sign=sign) == shown


@pytest.mark.parametrize(
    "name, shown",
    [
        ("李晓梅", "晓梅"),
        ("王芳", "王芳"),
        ("司马相如", "相如"),
        ("李 晓梅", "晓梅"),
        ("Anna de Vries", "AV"),
        ("anna", "A"),
        ("O’Brien", "O"),
        ("wang@example.cn", "W"),
        ("jean-luc.picard@example.cn", "JP"),
        ("김민수", "민수"),
        ("", ""),
        ("  ", ""),
        ("!!!", ""),
    ],
)
def test_initials(name: str, shown: str) -> None:
    assert initials(name) == shown


def test_a_name_keeps_its_colour() -> None:
    assert hue("李晓梅") == hue(" 李晓梅 ")
    assert hue("Anna") == hue("ANNA")
    assert {hue(str(number)) for number in range(200)} == set(range(HUES))


@pytest.mark.parametrize(
    "value, shown",
    [
        ("+8613800138000", "+86 138 0013 8000"),
        ("+442079460958", "+44 20 7946 0958"),
        ("13800138000", "13800138000"),
        ("+86•••8000", "+86•••8000"),
        ("+nonsense", "+nonsense"),
        ("", ""),
    ],
)
def test_phones_are_grouped_as_people_read_them(value: str, shown: str) -> None:
    assert formats.phone_text(value) == shown
