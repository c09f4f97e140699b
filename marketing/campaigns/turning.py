"""What every verb of a campaign needs: its row locked, its state changed and announced, a worker rung."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction

from crm.events.emitting import emit
from crm.lib.errors import NotFound
from marketing.campaigns import events
from marketing.models import Campaign
from marketing.sending import reaping

# Their own events tell of these.
_TOLD_ELSEWHERE = (Campaign.State.SENDING, Campaign.State.SENT)


def locked(campaign: Campaign) -> Campaign:
    """The row as it is now, held until the transaction ends. Raises NotFound."""
    found = (
        Campaign.objects.select_for_update(of=("self",))
        .select_related("merchant")
        .filter(pk=campaign.pk)
        .first()
    )
    if found is None:
        raise NotFound()
    return found


def turn(campaign: Campaign, state: str, **changes: Any) -> Campaign:
    """The campaign in that state with these fields changed; the caller holds it."""
    campaign.state = state
    for name, value in changes.items():
        setattr(campaign, name, value)
    campaign.save(update_fields=["state", *changes, "updated_at"])
    if state not in _TOLD_ELSEWHERE:
        announce(campaign)
    return campaign


def announce(campaign: Campaign) -> None:
    emit(
        events.CAMPAIGN_CHANGED,
        merchant=campaign.merchant,
        subject=campaign,
        data={"campaign": campaign.name, "state": campaign.state},
    )


def ring(campaign: Campaign) -> None:
    """A worker hears of it after the commit."""
    transaction.on_commit(partial(reaping.ring_for, campaign), robust=True)
