"""The published figures (bench/duplicates.py) hold: the night's pass against sets of people with known
truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.identity_sets import fill, read, score_of
from crm.accounts.models import Merchant
from customers.duplicates.scanning import duplicates_find
from customers.models import DuplicatePair


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name, least_f1", [("febrl_dataset1", 0.97), ("febrl_dataset2", 0.97), ("fake_1000", 0.86)]
)
def test_who_is_one_person(scoped: Merchant, real_data: Path, name: str, least_f1: float) -> None:
    true = fill(scoped, read(name, real_data))
    duplicates_find()
    found = list(DuplicatePair.objects.values_list("low_id", "high_id", "band"))
    assert score_of({(low, high) for low, high, _band in found}, true).f1 >= least_f1
    certain = {(low, high) for low, high, band in found if band == DuplicatePair.Band.CERTAIN}
    # A band that calls nothing certain would be right about all of it.
    assert len(certain) >= len(true) / 10
    assert score_of(certain, true).precision >= 0.98
