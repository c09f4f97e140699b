"""E-mail addresses that the server refused for good, shown to whoever registered (bounces, suppression)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from customers.models.consent import Channel
from marketing.models import Delivery


@dataclass(frozen=True, slots=True)
class Refusal:
    """A mail that the server answered with 5xx. `receipt` is its answer: code, enhanced code, words."""

    delivery_id: int
    customer_id: int
    address: str
    receipt: str


Taker = Callable[[int, Sequence[Refusal]], None]
TAKERS: list[Taker] = []


def on_refused(taker: Taker) -> Taker:
    """Has `taker(merchant_id, refusals)` called some seconds after the answers, in the merchant's scope and
    in a transaction. It may see a refusal twice."""
    TAKERS.append(taker)
    return taker


def hand_on(*, merchant_id: int, delivery_ids: Sequence[int]) -> None:
    """Those of the mails that were refused, to every taker; no query when nobody asked."""
    if not TAKERS:
        return
    rows = Delivery.objects.filter(
        merchant=merchant_id, pk__in=list(delivery_ids), state=Delivery.State.FAILED, reason="refused"
    ).filter(campaign__channel=Channel.EMAIL)
    found = [
        Refusal(*row) for row in rows.order_by("pk").values_list("pk", "customer_id", "address", "receipt")
    ]
    if found:
        for taker in TAKERS:
            taker(merchant_id, found)
