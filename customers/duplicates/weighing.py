"""What agreement is worth: the model of Fellegi and Sunter. Pure; no database.

I. P. Fellegi, A. B. Sunter, "A Theory for Record Linkage", JASA 64 (1969). A level that the share m of true
pairs reach, and the share u of pairs of strangers, is worth log2(m/u) bits; the bits of the fields add up,
with the prior odds, to the log odds that both are one person. The shares are estimated from the shop's own
customers without any labels, by expectation maximisation (W. E. Winkler, "Using the EM Algorithm for Weight
Computation in the Fellegi-Sunter Model", 1988). PRIOR below is what is believed before: a shop's first
customers hardly move it. Agreement on a frequent name is worth less (Winkler, "Frequency-based Matching",
1989).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import log2
from typing import Any

from customers.duplicates.comparing import (
    AREA,
    CLOSE,
    DIFFERENT,
    INITIAL,
    LEVELS,
    LOCAL,
    MAILBOX,
    NICKNAME,
    OTHER_ORDER,
    SAME,
    SIMILAR,
    TAIL,
    TOWN,
    Agreement,
)
from customers.duplicates.persons import Person

Shares = dict[str, dict[str, float]]
# (field, level, the name agreed on where it is a frequent one) for each field that both know.
Pattern = tuple[tuple[str, str, str], ...]

# (share of true pairs, share of strangers) that reach the level.
_NAME = {
    SAME: (0.72, 0.006),
    OTHER_ORDER: (0.03, 0.0005),
    NICKNAME: (0.04, 0.001),
    CLOSE: (0.1, 0.003),
    INITIAL: (0.02, 0.002),
    SIMILAR: (0.04, 0.01),
    DIFFERENT: (0.05, 0.9775),
}
PRIOR: dict[str, dict[str, tuple[float, float]]] = {
    "given_name": _NAME,
    "family_name": _NAME,
    "birthday": {
        SAME: (0.85, 0.0002),
        CLOSE: (0.08, 0.002),
        SIMILAR: (0.04, 0.03),
        DIFFERENT: (0.03, 0.9678),
    },
    "email": {
        SAME: (0.25, 0.00001),
        MAILBOX: (0.1, 0.00001),
        LOCAL: (0.1, 0.0001),
        CLOSE: (0.15, 0.0001),
        SIMILAR: (0.1, 0.001),
        DIFFERENT: (0.3, 0.99878),
    },
    "phone": {SAME: (0.35, 0.00005), TAIL: (0.05, 0.00005), CLOSE: (0.15, 0.0001), DIFFERENT: (0.45, 0.9998)},
    "street": {SAME: (0.5, 0.0002), CLOSE: (0.15, 0.002), DIFFERENT: (0.35, 0.9978)},
    "town": {
        AREA: (0.3, 0.005),
        TOWN: (0.35, 0.05),
        CLOSE: (0.05, 0.01),
        SIMILAR: (0.1, 0.02),
        DIFFERENT: (0.2, 0.915),
    },
    "orders": {SAME: (0.35, 0.0003), DIFFERENT: (0.65, 0.9997)},
}
# The prior counts as so many pairs: true ones for m, strangers for u.
PRIOR_MATCHES, PRIOR_STRANGERS = 20.0, 200.0
# So many that nothing seen moves m from the prior.
FIXED = 1e12
# The matches found look like persons when this share of them, and at least so many, agree on the birthday
# but for a typing error; of strangers not one in a hundred does.
PERSONS_SHARE, PERSONS_PAIRS = 0.5, 30.0
# Believed before: of a hundred customers, five came twice.
PRIOR_REPEATED = 0.05
ROUNDS, SETTLED = 25, 0.001
# A name that only two people have is worth at most so many times the average name.
RAREST = 8.0
FREQUENT_NAMES = 500


@dataclass(frozen=True)
class Weights:
    """`prior`: the share of all pairs of customers that are one person. `frequent`: {field: {name: its
    share}}."""

    prior: float
    shares: dict[str, dict[str, tuple[float, float]]] = field(default_factory=lambda: PRIOR)
    frequent: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def bits(self, pattern: Pattern) -> dict[str, float]:
        """{field: bits}; positive speaks for one person."""
        return {name: self._bits(name, level, value) for name, level, value in pattern}

    def _bits(self, name: str, level: str, value: str) -> float:
        matches, strangers = self.shares[name][level]
        if level == SAME and name in self.frequent:
            strangers = max(self.frequent[name].get(value, 0.0), strangers / RAREST)
        return log2(matches / strangers)

    def pattern(self, agreement: Agreement, person: Person) -> Pattern:
        """The agreement with what else counts: the name on which both agree, where it is a frequent one."""
        return tuple(
            (name, level, self._frequent_value(name, level, person)) for name, level in agreement.items()
        )

    def _frequent_value(self, name: str, level: str, person: Person) -> str:
        if level != SAME or name not in self.frequent:
            return ""
        value = _name_part(name, person)
        return value if value in self.frequent[name] else ""

    def score(self, bits: Mapping[str, float]) -> float:
        """Log2 odds that both are one person."""
        return log2(self.prior / (1 - self.prior)) + sum(bits.values())

    def as_json(self) -> dict[str, Any]:
        return {"prior": self.prior, "shares": self.shares, "frequent": self.frequent}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Weights:
        """What `as_json` wrote. Levels that were added since take their prior shares."""
        shares = {
            name: {
                level: tuple(stored["shares"].get(name, {}).get(level, pair))
                for level, pair in levels.items()
            }
            for name, levels in PRIOR.items()
        }
        return cls(stored["prior"], shares, stored["frequent"])


def probability(score: float) -> float:
    """0–1 from log2 odds."""
    return 1 / (1 + math.pow(2, -max(min(score, 60.0), -60.0)))


def _name_part(name: str, person: Person) -> str:
    return person.name.given if name == "given_name" else person.name.family


def frequent_names(people: Iterable[Person]) -> dict[str, dict[str, float]]:
    """The shares of the names that most people have."""
    counts: dict[str, Counter[str]] = {"given_name": Counter(), "family_name": Counter()}
    for person in people:
        for name, counter in counts.items():
            counter[_name_part(name, person)] += 1
    return {name: _top_shares(counter) for name, counter in counts.items()}


def _top_shares(counter: Counter[str]) -> dict[str, float]:
    counter.pop("", None)
    total = counter.total() or 1
    return {value: count / total for value, count in counter.most_common(FREQUENT_NAMES) if count > 1}


def prior_weights(customers: int, frequent: Mapping[str, Mapping[str, float]] | None = None) -> Weights:
    """What is believed of a shop with so many customers before looking at them."""
    return Weights(min(0.01, PRIOR_REPEATED / max(customers - 1, 1)), PRIOR, frequent or {})


# --- estimating
# ----------------------------------------------------------------------------------------------

Patterns = Mapping[Pattern, int]


def estimate(candidates: Patterns, strangers: Patterns, *, pairs: float, start: Weights) -> Weights:
    """The shares that explain best what is seen, by expectation maximisation, without labels.

    `candidates`: how many pairs with a shared key have each pattern, of all or of an even sample; `pairs`:
    how many pairs, keys or not, they were chosen from. `strangers`: the same of pairs drawn at random; the
    few true ones among them count by what is left of their doubt. Pairs without a shared key are taken for
    strangers.
    """
    believed = _maximise(candidates, strangers, pairs, start, FIXED)
    seen = _maximise(candidates, strangers, pairs, start, PRIOR_MATCHES)
    return seen if _are_persons(seen, candidates) else believed


def _maximise(
    candidates: Patterns, strangers: Patterns, pairs: float, start: Weights, matches: float
) -> Weights:
    """`matches`: as how many true pairs the prior of m counts."""
    weights = start
    for _round in range(ROUNDS):
        matched, total = _tally(weights, candidates, true=True)
        unmatched, _rest = _tally(weights, strangers, true=False)
        prior = (total + PRIOR_MATCHES) / (pairs + PRIOR_MATCHES / start.prior)
        after = Weights(min(prior, 0.5), _shares(matched, unmatched, matches), start.frequent)
        moved = abs(after.prior - weights.prior) / weights.prior
        weights = after
        if moved < SETTLED:
            break
    return weights


def _are_persons(weights: Weights, candidates: Patterns) -> bool:
    """Without labels, the likeliest split of a shop without duplicates is into namesakes and others; those
    were born on different days. Then, and where birthdays are unknown, m stays as believed."""
    matched, _total = _tally(weights, candidates, true=True)
    known = sum(matched["birthday"].values())
    agree = matched["birthday"][SAME] + matched["birthday"][CLOSE]
    return known >= PERSONS_PAIRS and agree >= PERSONS_SHARE * known


def _tally(weights: Weights, patterns: Patterns, *, true: bool) -> tuple[Shares, float]:
    """({field: {level: expected pairs}}, expected pairs) of true pairs or of strangers."""
    counts: Shares = {name: dict.fromkeys(levels, 0.0) for name, levels in LEVELS.items()}
    total = 0.0
    for pattern, pairs in patterns.items():
        chance = probability(weights.score(weights.bits(pattern)))
        share = pairs * (chance if true else 1 - chance)
        total += share
        for name, level, _value in pattern:
            counts[name][level] += share
    return counts, total


def _shares(matched: Shares, unmatched: Shares, matches: float) -> dict[str, dict[str, tuple[float, float]]]:
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for name, levels in PRIOR.items():
        true, strange = sum(matched[name].values()), sum(unmatched[name].values())
        found[name] = {
            level: (
                (matched[name][level] + matches * m) / (true + matches),
                (unmatched[name][level] + PRIOR_STRANGERS * u) / (strange + PRIOR_STRANGERS),
            )
            for level, (m, u) in levels.items()
        }
    return found
