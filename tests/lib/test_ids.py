"""Ids that somebody may have typed."""

import pytest

from crm.lib.ids import row_id, row_ids


@pytest.mark.parametrize(
    "text, found",
    [
        ("17", 17),
        ("0017", 17),
        ("9" * 18, int("9" * 18)),
        ("9" * 19, None),
        ("", None),
        ("-1", None),
        ("1.0", None),
    ]
    + [(text, None) for text in ("²", "\u0661", "one", " 1", "1_0")],
)
def test_an_id_is_digits_that_a_column_holds(text, found):
    assert row_id(text) == found


def test_what_is_no_id_is_left_out():
    assert row_ids(["3", "²", "", "1", "9" * 40]) == [3, 1]
