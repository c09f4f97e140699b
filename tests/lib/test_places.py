"""Countries by their names in the reader's language."""

from __future__ import annotations

import pytest
from django.utils import translation

from crm.lib.ui.places import country_choices, country_name


@pytest.mark.parametrize(
    "language, code, name",
    [
        ("en", "CN", "China"),
        ("zh-hans", "DE", "德国"),
        ("zh-hant", "de", "德國"),
        ("en", "??", "??"),
        ("en", "EU", "EU"),
    ],
)
def test_a_country_has_its_name(language, code, name):
    with translation.override(language):
        assert country_name(code) == name


def test_the_choices_are_the_countries_of_iso_3166():
    with translation.override("zh-hans"):
        choices = country_choices()
    assert 249 <= len(choices) <= 250  # 249 and Kosovo
    assert choices[0] == ("AF", "阿富汗")
    assert all(len(code) == 2 for code, _ in choices)
