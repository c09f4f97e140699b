"""From the button to the first mail: the audience is written down, then the sending begins.

A small audience is written down in the request. A big one is a worker's: its campaign is `preparing`, chunk
by chunk in the order of the customers' ids, so that a worker that dies costs a chunk and a cancellation waits
for one. Nothing is sent before the last row is there.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.events.emitting import emit
from crm.integrations.connecting import connection_of
from crm.lib.errors import Rejected
from marketing.campaigns import events
from marketing.campaigns.audience import audience_sql
from marketing.campaigns.turning import locked, ring, turn
from marketing.models import Campaign, Delivery
from marketing.segments.counting import TooDear, patience
from marketing.sending import carriers, content, freezing

State = Campaign.State
# Written down while the member waits.
AT_ONCE = 1_000


def few(campaign: Campaign) -> list[int] | None:
    """The audience when it is small and quickly found, else None. Raises Rejected without an audience."""
    audience = audience_sql(campaign)
    try:
        with patience():
            ids = audience.first(AT_ONCE + 1)
    except TooDear:
        return None
    return ids if len(ids) <= AT_ONCE else None


def write_down(campaign: Campaign, customer_ids: Sequence[int]) -> int:
    """How many rows were made for these people."""
    domain = content.sender_address(campaign, campaign.merchant).rpartition("@")[2].lower()
    return freezing.freeze(
        campaign=campaign,
        merchant=campaign.merchant,
        customer_ids=customer_ids,
        domain=domain,
        app_id=carriers.app_id_of(connection_of(campaign.channel)) if not campaign.is_mail else "",
    )


def begin(campaign: Campaign) -> Campaign:
    """Its rows are there: it is being sent from now on. The caller holds the campaign. Raises Rejected when
    there is not a single row."""
    people = Delivery.objects.filter(campaign=campaign).count()
    if not people:
        raise Rejected(_("Nobody is in this audience right now."), code="empty_audience")
    freezing.tell_the_planner(people)
    now = timezone.now()
    turn(campaign, State.SENDING, started_at=campaign.started_at or now, frozen_at=now, trouble="")
    emit(
        events.CAMPAIGN_STARTED,
        merchant=campaign.merchant,
        subject=campaign,
        data={"campaign": campaign.name, "people": people},
    )
    ring(campaign)
    return campaign


def campaign_prepare(*, campaign: Campaign) -> bool:
    """Writes the audience down and begins; whether it did both. Called again after a death it goes on where
    the rows end. Whose audience can't be found, or is empty, is a draft again and says why."""
    try:
        ids = audience_sql(campaign).ids(after=campaign.prepared_to)
    except Rejected as refusal:
        return _draft_again(campaign, str(refusal.message))
    done_to = campaign.prepared_to
    for chunk in freezing.chunks(ids):
        if not _write_chunk(campaign, chunk, done_to):
            return False
        done_to = chunk[-1]
    try:
        with transaction.atomic():
            current = locked(campaign)
            if current.state != State.PREPARING or current.prepared_to != done_to:
                return False
            begin(current)
    except Rejected as refusal:
        return _draft_again(campaign, str(refusal.message))
    return True


@transaction.atomic
def _write_chunk(campaign: Campaign, chunk: Sequence[int], done_to: int) -> bool:
    """False when it was cancelled, or another worker is at it."""
    current = locked(campaign)
    if current.state != State.PREPARING or current.prepared_to != done_to:
        return False
    write_down(current, chunk)
    current.prepared_to = chunk[-1]
    current.save(update_fields=["prepared_to", "updated_at"])
    return True


@transaction.atomic
def _draft_again(campaign: Campaign, words: str) -> bool:
    current = locked(campaign)
    if current.state == State.PREPARING and not Delivery.objects.filter(campaign=current).exists():
        turn(current, State.DRAFT, started_at=None, scheduled_at=None, prepared_to=0, trouble=words[:500])
    return False
