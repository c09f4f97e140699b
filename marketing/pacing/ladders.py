"""Ready-made amounts of a warm-up plan."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

# What mailbox providers and mail services advise: begin with tens, double at most.
SHAPES = {
    "double": (_("Twice as many each day (usual)"), 2.0),
    "half": (_("Half as many more each day (careful)"), 1.5),
    "fifth": (_("A fifth more each day (after trouble)"), 1.2),
}
FIRST, TOP = 50, 20_000


def ladder(first: int, factor: float, top: int, most: int) -> list[int]:
    """Amounts from `first` up to `top`, each `factor` times the one before in round numbers; `most` at most,
    the last one `top` in any case."""
    amounts = [min(first, top)]
    while amounts[-1] < top and len(amounts) < most:
        amounts.append(min(top, max(amounts[-1] + 1, _round(amounts[-1] * factor))))
    amounts[-1] = top
    return amounts


def _round(number: float) -> int:
    """To two digits."""
    unit = 10 ** max(0, len(str(int(number))) - 2)
    return int(round(number / unit) * unit)
