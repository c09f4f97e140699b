"""Mails that no person wrote: the desk opens no ticket for them, an upper floor may know what they say."""

from __future__ import annotations

from collections.abc import Callable

from crm.accounts.models import Merchant

# (merchant, the raw mail) → whether it was a bounce or complaint that somebody took. Runs in the transaction
# that receives the mail, in the merchant's scope.
Take = Callable[[Merchant, bytes], bool]
_TAKERS: list[Take] = []


def on_returned(take: Take) -> Take:
    """Registers who is shown the mails that machines sent to the desk."""
    _TAKERS.append(take)
    return take


def taken(merchant: Merchant, raw: bytes) -> bool:
    """Whether anybody took it."""
    answers = [take(merchant, raw) for take in _TAKERS]
    return any(answers)
