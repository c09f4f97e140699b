"""Whether one version did better than another, or chance did.

Shares (opened, clicked) are compared by the difference of two proportions with Newcombe's hybrid score
interval (R. G. Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10, from Wilson's intervals);
revenue for each mail by Welch's interval of two means in its large-sample form. With several versions the
95 % is divided among the comparisons (Bonferroni). A version is called better only when the whole interval
lies on its side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

SURE = 0.95
# Below this a large-sample interval of money says nothing.
FEW_MAILS = 30


@dataclass(frozen=True)
class Share:
    """`hits` of `mails`."""

    hits: int
    mails: int

    @property
    def value(self) -> float:
        return self.hits / self.mails if self.mails else 0.0


@dataclass(frozen=True)
class Mean:
    """Sum and sum of squares of a figure over `mails`, in the shop's currency."""

    total: float
    squares: float
    mails: int

    @property
    def value(self) -> float:
        return self.total / self.mails if self.mails else 0.0

    @property
    def variance(self) -> float:
        """Of the mean, unbiased."""
        if self.mails < 2:
            return math.inf
        spread = max(self.squares - self.total**2 / self.mails, 0.0)
        return spread / (self.mails - 1) / self.mails


@dataclass(frozen=True)
class Difference:
    """How much more the first has than the second, and between which bounds it surely lies."""

    value: float
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        return self.low > 0 or self.high < 0


def z_of(comparisons: int) -> float:
    """The normal quantile for that many comparisons made together."""
    return NormalDist().inv_cdf(1 - (1 - SURE) / 2 / max(comparisons, 1))


def shares_differ(one: Share, other: Share, *, comparisons: int = 1) -> Difference:
    if not one.mails or not other.mails:
        return Difference(0.0, -1.0, 1.0)
    z = z_of(comparisons)
    (low1, high1), (low2, high2) = wilson(one, z), wilson(other, z)
    gap = one.value - other.value
    return Difference(
        gap,
        gap - math.hypot(one.value - low1, high2 - other.value),
        gap + math.hypot(high1 - one.value, other.value - low2),
    )


def wilson(share: Share, z: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion."""
    n, p = share.mails, share.value
    middle = p + z * z / (2 * n)
    reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)


def means_differ(one: Mean, other: Mean, *, comparisons: int = 1) -> Difference:
    gap = one.value - other.value
    if min(one.mails, other.mails) < FEW_MAILS:
        return Difference(gap, -math.inf, math.inf)
    reach = z_of(comparisons) * math.sqrt(one.variance + other.variance)
    if reach == 0 and gap == 0:
        return Difference(0.0, 0.0, 0.0)
    return Difference(gap, gap - reach, gap + reach)
