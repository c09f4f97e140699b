"""The labelled sets of people as customers of a shop: bench/duplicates.py and the tests read them here.

Only what a shop knows is taken: febrl's social security number is left out. A birthday that is no date
(febrl spoils some of them) is unknown, as it would be in a form. `truth` is who somebody really is; nothing
but the count of hits looks at it.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from pathlib import Path

from crm.accounts.models import Merchant
from customers.models import Address, Customer

Pair = tuple[int, int]


@dataclass(frozen=True)
class Known:
    """One record as a form would bring it."""

    truth: str
    customer: dict[str, object]
    address: dict[str, str] = field(default_factory=dict)


SETS = {
    "febrl_dataset1": "febrl/dataset1.csv",
    "febrl_dataset2": "febrl/dataset2.csv",
    "fake_1000": "splink/fake_1000.csv",
}


def read(name: str, folder: Path) -> Iterator[Known]:
    """The records of the set below the folder of real data."""
    with (folder / "identity" / SETS[name]).open(newline="") as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            values = {key.strip(): (value or "").strip() for key, value in row.items()}
            yield _fake(values) if name == "fake_1000" else _febrl(values)


def _febrl(row: dict[str, str]) -> Known:
    customer = {
        "given_name": row["given_name"],
        "family_name": row["surname"],
        "birthday_on": _date(row["date_of_birth"]),
    }
    address = {
        "line1": f"{row['street_number']} {row['address_1']}".strip(),
        "line2": row["address_2"],
        "city": row["suburb"],
        "postal_code": row["postcode"],
        "province": row["state"],
    }
    return Known(row["rec_id"].split("-")[1], customer, address)


def _fake(row: dict[str, str]) -> Known:
    customer = {
        "given_name": row["first_name"],
        "family_name": row["surname"],
        "birthday_on": _date(row["dob"].replace("-", "")),
        "email": row["email"],
        "city": row["city"],
    }
    return Known(row["cluster"], customer)


def _date(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


def fill(merchant: Merchant, records: Iterable[Known]) -> set[Pair]:
    """Makes them customers of the shop (in its scope); the true pairs, the lower id first."""
    wanted = list(records)
    made = Customer.objects.bulk_create(
        [Customer(merchant=merchant, **one.customer) for one in wanted], batch_size=1_000
    )
    Address.objects.bulk_create(
        [
            Address(merchant=merchant, customer=customer, **one.address)
            for customer, one in zip(made, wanted, strict=True)
            if any(one.address.values())
        ],
        batch_size=1_000,
    )
    same: dict[str, list[int]] = defaultdict(list)
    for customer, one in zip(made, wanted, strict=True):
        same[one.truth].append(customer.pk)
    return {pair for ids in same.values() for pair in combinations(sorted(ids), 2)}


@dataclass(frozen=True)
class Score:
    """Of pairs offered against pairs true."""

    offered: int
    hits: int
    true: int

    @property
    def precision(self) -> float:
        return self.hits / self.offered if self.offered else 0.0

    @property
    def recall(self) -> float:
        return self.hits / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.hits / (self.offered + self.true) if self.offered + self.true else 0.0


def score_of(offered: set[Pair], true: set[Pair]) -> Score:
    return Score(len(offered), len(offered & true), len(true))
