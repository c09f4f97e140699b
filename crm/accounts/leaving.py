"""What must end in the very moment in which a member leaves; each app adds its own from its `handover.py`."""

from __future__ import annotations

from collections.abc import Callable

from crm.accounts.models import Membership

End = Callable[[Membership], None]
_ENDINGS: list[End] = []


def on_leaving(end: End) -> End:
    """Registers a function of the membership, called inside the transaction that deactivates it and inside
    the merchant's scope."""
    _ENDINGS.append(end)
    return end


def end_everything(membership: Membership) -> None:
    for end in _ENDINGS:
        end(membership)
