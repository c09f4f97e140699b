"""What must end in the very moment in which a member leaves, or comes to see something else; each app adds
its own from its `handover.py`."""

from __future__ import annotations

from collections.abc import Callable

from crm.accounts.models import Membership

End = Callable[[Membership], None]
_ENDINGS: list[End] = []
_OTHER_EYES: list[End] = []


def on_leaving(end: End) -> End:
    """Registers a function of the membership, called inside the transaction that deactivates it and inside
    the merchant's scope."""
    _ENDINGS.append(end)
    return end


def on_other_eyes(end: End) -> End:
    """Registers a function of the membership, called inside the transaction that changes its team, visibility
    or region and inside the merchant's scope."""
    _OTHER_EYES.append(end)
    return end


def end_everything(membership: Membership) -> None:
    for end in _ENDINGS:
        end(membership)


def end_what_other_eyes_saw(membership: Membership) -> None:
    for end in _OTHER_EYES:
        end(membership)
