"""The component tags: what they write, and that nothing a customer typed becomes markup."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import tablericons
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from crm.accounts import navigation
from crm.events.types import REGISTRY
from crm.lib.ui.icons import icon_svg
from crm.lib.ui.parts import Chart, Series, TimelineEntry, by_day, spark_path

ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def written(source: str, **context: Any) -> str:
    return Template(source).render(Context(context))


@pytest.mark.parametrize(
    "source",
    [
        "{% ui_button x %}",
        "{% ui_button x href=x title=x icon_only=True icon='x' %}",
        "{% ui_badge x tone='good' %}",
        "{% ui_person x href=x line=x %}",
        "{% ui_stat x x period=x href=x %}",
        "{% ui_progress 1 2 x note=x %}",
        "{% ui_secret x x %}",
        "{% ui_empty x x action=x href=x %}",
        "{% ui_card title=x hint=x link=x href=x id=x %}{{ x }}{% endui_card %}",
        "{% ui_notice title=x %}{{ x }}{% endui_notice %}",
        "{% ui_fact x %}{{ x }}{% endui_fact %}",
        "{% ui_dialog 'd' x %}{{ x }}{% endui_dialog %}",
        "{% ui_menu x %}{{ x }}{% endui_menu %}",
        "{% ui_money 1 x %}",
        "{% ui_spark wave x %}",
        "{% ui_timeline entries %}",
        "{% ui_chart chart %}",
        "{% ui_heat chart %}",
        "{% ui_more x %}",
    ],
)
def test_words_from_outside_are_escaped(source: str) -> None:
    entry = TimelineEntry(timezone.now(), ATTACK, href=ATTACK, body=ATTACK, quote=ATTACK, actor=ATTACK)
    chart = Chart("c", ATTACK, [ATTACK], [Series(ATTACK, [1])])
    html = written(source, x=ATTACK, entries=[entry], chart=chart, wave=[1, 2])
    assert "<script>alert" not in html
    assert "<img src=x" not in html


@pytest.mark.parametrize(
    "case, value, shown",
    [("a number", 1304, "1,304"), ("a fraction", 1204.5, "1,204.5"), ("a text", "1304 ms", "1304 ms")],
)
def test_the_figure_of_a_stat_is_grouped(case: str, value: object, shown: str) -> None:
    assert f">{shown}</div>" in written("{% ui_stat 'Sent' value %}", value=value)


def test_money_shows_the_shops_own_currency_short() -> None:
    request = RequestFactory().get("/")
    request.merchant = SimpleNamespace(base_currency="CNY")  # type: ignore[attr-defined]
    html = written("{% ui_money amount 'CNY' %}", amount=Decimal("3280.0000"), request=request)
    assert ">¥3,280.00<" in html
    assert 'title="CNY 3280.0000"' in html
    assert "–" in written("{% ui_money amount 'CNY' %}", amount=None)


def test_time_carries_the_instant_and_the_exact_words() -> None:
    at = datetime(2026, 11, 18, 6, 5, tzinfo=UTC)
    with timezone.override("Asia/Shanghai"):
        html = written("{% ui_time at %}", at=at)
    assert 'datetime="2026-11-18T06:05:00+00:00"' in html
    assert 'title="18 Nov 2026, 14:05 UTC+8"' in html


def test_person_without_a_name_still_has_one() -> None:
    assert "No name" in written("{% ui_person '' %}")
    assert ">晓梅<" in written("{% ui_person '李晓梅' %}")
    assert ">梅<" in written("{% ui_avatar '李晓梅' 's' %}")


def test_button_is_a_link_only_with_an_address() -> None:
    assert written("{% ui_button 'Go' href='/x/' %}").startswith("<a ")
    html = written("{% ui_button 'Go' hx_post='/x/' disabled=True icon_only=True icon='x' %}")
    assert 'type="button"' in html
    assert 'hx-post="/x/"' in html
    assert " disabled" in html
    assert 'aria-label="Go"' in html


@pytest.mark.parametrize(
    "seconds, shown",
    [
        (30, "30 s"),
        (720, "12 min"),
        (7500, "2 h 5 min"),
        (7200, "2 h"),
        (90000, "1 day 1 h"),
        (86400, "1 day"),
    ],
)
def test_length_of_time(seconds: int, shown: str) -> None:
    assert written("{{ s|ui_seconds }}", s=seconds) == shown


def test_timeline_groups_by_the_local_day() -> None:
    late = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)  # 23:30 in Shanghai
    entries = [TimelineEntry(late + timedelta(hours=1), "b"), TimelineEntry(late, "a")]
    with timezone.override("Asia/Shanghai"):
        assert [day.day.day for day in by_day(entries)] == [19, 18]
    with timezone.override("UTC"):
        assert [day.day.day for day in by_day(entries)] == [18]


def test_spark_spans_its_box() -> None:
    assert spark_path([1]) == ""
    assert spark_path([0, 10]) == "M0.0 30.0L120.0 2.0"
    assert spark_path([5, 5, 5]) == "M0.0 16.0L60.0 16.0L120.0 16.0"


def test_chart_brings_its_figures_as_a_table() -> None:
    chart = Chart(
        "c", "Revenue", ["Mon", "Tue"], [Series("This week", [1204.5, None])], format="money", currency="EUR"
    )
    html = written("{% ui_chart chart %}", chart=chart)
    assert "€1,204.50" in html
    assert '"currency": "EUR"' in html


class SampleForm(forms.Form):
    name = forms.CharField(help_text="As seen.")
    note = forms.CharField(required=False)
    kind = forms.MultipleChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.CheckboxSelectMultiple)
    on = forms.BooleanField(required=False)


def test_form_ties_help_and_error_to_the_field() -> None:
    html = written("{% ui_form form %}", form=SampleForm({"name": ""}))
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'id="id_name_error"' in html
    assert "(optional)" in html
    assert "<legend" in html
    assert html.count("form-control") == 2


def test_every_icon_that_the_code_names_exists() -> None:
    items = [item for group in (*navigation.GROUPS, *navigation.SETTINGS) for item in group.items]
    for name in {item.icon for item in (*items, *navigation.FOOT)} | {
        kind.icon for kind in REGISTRY.values()
    }:
        assert icon_svg(name).startswith("<svg")


def test_an_unknown_icon_is_an_error() -> None:
    with pytest.raises(tablericons.IconDoesNotExist):
        icon_svg("no-such-icon")
