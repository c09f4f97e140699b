"""Writing campaigns and deciding over them: one function for each verb."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.events.emitting import emit
from crm.lib.errors import Conflict, Rejected
from marketing.campaigns import clearing, events, preparing, selectors
from marketing.campaigns.checklist import blocking
from marketing.campaigns.starters import starter_of
from marketing.campaigns.turning import announce, locked, ring, turn
from marketing.models import Campaign, Delivery, Segment, StepMail, Template
from marketing.sending import reaping

State = Campaign.State
CONTENT_FIELDS = ("subject", "preheader", "body", "text")


@transaction.atomic
def template_save(
    *,
    merchant: Merchant,
    template: Template | None = None,
    values: dict[str, Any],
    actor: Membership | None = None,
) -> Template:
    """The template with these words. Content that Liquid or MJML can't read is saved all the same: the page
    says what is wrong, and no campaign starts with it."""
    saved = template or Template(merchant=merchant)
    for name, value in values.items():
        setattr(saved, name, value)
    saved.save()
    return saved


@transaction.atomic
def template_archive(*, template: Template) -> None:
    """Out of the lists; campaigns made from it keep their copy."""
    template.archived_at = timezone.now()
    template.save(update_fields=["archived_at", "updated_at"])


@transaction.atomic
def campaign_create(
    *,
    merchant: Merchant,
    name: str,
    template: Template | None = None,
    segment: Segment | None = None,
    actor: Membership | None = None,
    values: dict[str, Any] | None = None,
) -> Campaign:
    """A draft with a copy of the template's words, or with a plain mail to begin with."""
    campaign = Campaign(merchant=merchant, name=name, template=template, segment=segment, created_by=actor)
    for field, value in (values or {}).items():
        setattr(campaign, field, value)
    if campaign.is_mail:
        source = template or starter_of(merchant)
        for field in set(CONTENT_FIELDS) - set(values or {}):
            setattr(campaign, field, getattr(source, field))
    else:
        campaign.template, campaign.tracks = None, False  # they carry no links of ours
    campaign.save()
    return campaign


@transaction.atomic
def campaign_edit(*, campaign: Campaign, values: dict[str, Any]) -> Campaign:
    """The draft with these changes. Raises Conflict once it is scheduled or out."""
    current = locked(campaign)
    if not current.is_editable:
        raise Conflict(_("Only a draft can be changed. Take the schedule back first."), code="not_a_draft")
    for name, value in values.items():
        setattr(current, name, value)
    current.save()
    return current


@transaction.atomic
def campaign_delete(*, campaign: Campaign) -> None:
    """Only a draft; what was sent is part of the customers' history."""
    current = locked(campaign)
    if current.state != State.DRAFT:
        raise Conflict(_("Only a draft can be deleted."), code="not_a_draft")
    current.delete()


@transaction.atomic
def campaign_schedule(*, campaign: Campaign, at: datetime, actor: Membership | None = None) -> Campaign:
    """Will start by itself at that instant. Raises Rejected for the past or an unfinished mail."""
    current = locked(campaign)
    if current.state not in (State.DRAFT, State.SCHEDULED):
        raise Conflict(_("It has been sent already."), code="started")
    if at <= timezone.now():
        raise Rejected(
            _("Choose a time in the future."), fields={"scheduled_at": [_("This time has passed.")]}
        )
    _check_ready(current)
    return turn(current, State.SCHEDULED, scheduled_at=at)


@transaction.atomic
def campaign_unschedule(*, campaign: Campaign) -> Campaign:
    """A draft again."""
    current = locked(campaign)
    if current.state != State.SCHEDULED:
        raise Conflict(_("It is not scheduled."), code="not_scheduled")
    return turn(current, State.DRAFT, scheduled_at=None)


@transaction.atomic
def campaign_start(*, campaign: Campaign, actor: Membership | None = None) -> Campaign:
    """Freezes the audience and starts the sending after commit; a big audience is frozen by a worker first
    (preparing.py). Starting twice is refused by its state.

    Raises Rejected with the open points of the check list, Conflict when it has been started.
    """
    current = locked(campaign)
    if current.state not in (State.DRAFT, State.SCHEDULED):
        raise Conflict(_("It has been started already."), code="started")
    _check_ready(current)
    current.started_at = timezone.now()
    people = preparing.few(current)
    if people is None:
        turn(current, State.PREPARING, started_at=current.started_at, prepared_to=0, trouble="")
        ring(current)
        return current
    preparing.write_down(current, people)
    return preparing.begin(current)


@transaction.atomic
def campaign_pause(*, campaign: Campaign) -> Campaign:
    """Workers see it within a second; mails already handed over get their answer, the rest waits."""
    current = locked(campaign)
    if current.state != State.SENDING:
        raise Conflict(_("It is not being sent right now."), code="not_sending")
    return turn(current, State.PAUSED)


@transaction.atomic
def campaign_resume(*, campaign: Campaign) -> Campaign:
    current = locked(campaign)
    if current.state != State.PAUSED:
        raise Conflict(_("It is not paused."), code="not_paused")
    turn(current, State.SENDING, trouble="")
    announce(current)
    ring(current)
    return current


@transaction.atomic
def campaign_cancel(*, campaign: Campaign) -> Campaign:
    """What waits is not sent any more and says so; what is out stays out. The first rows say so at once, a
    big rest by a worker (clearing.py); `finished_at` tells that all do."""
    current = locked(campaign)
    if current.state not in (State.PREPARING, State.SENDING, State.PAUSED, State.SCHEDULED):
        raise Conflict(_("There is nothing to cancel."), code="not_started")
    turn(current, State.CANCELLED, finished_at=None, trouble="")
    clearing.clear_some(current, clearing.AT_ONCE)
    if not clearing.finish(current):
        ring(current)
    return current


@transaction.atomic
def deliveries_resend(
    *, campaign: Campaign, delivery_ids: Sequence[int] | None, actor: Membership | None = None
) -> int:
    """Sends doubtful mails once more, because a person decided so; how many. `None` means all of them. Of
    customers that the actor does not see (None: a program, which sees all) nothing is sent. They keep their
    Message-ID, so that a mailbox that has the first one can tell."""
    current = locked(campaign)
    if current.state not in (State.SENDING, State.SENT, State.PAUSED):
        raise Conflict(_("This campaign sends nothing any more."), code="not_sending")
    doubtful = selectors.doubtful(current, actor).exclude(address="")
    if delivery_ids is not None:
        doubtful = doubtful.filter(pk__in=list(delivery_ids))
    chosen = Delivery.objects.filter(
        campaign=current, state=Delivery.State.UNKNOWN, pk__in=doubtful.order_by().values("pk")
    )
    count = chosen.update(state=Delivery.State.QUEUED, reason="", run_id=None, due_at=timezone.now())
    if not count:
        return 0
    emit(
        events.MAILS_RESENT,
        merchant=current.merchant,
        subject=current,
        data={"campaign": current.name, "people": count},
    )
    if current.state == State.SENT:
        turn(current, State.SENDING, finished_at=None)
    if current.state == State.SENDING:
        ring(current)
    return count


@transaction.atomic
def campaign_settle(*, campaign: Campaign) -> bool:
    """Marks a campaign as sent once every mail has come to its end. True when this call did it.

    Announces it, except for the campaign that carries a journey's mails: it comes to its end with each mail
    of each person and goes on with the next one.
    """
    current = locked(campaign)
    if current.state != State.SENDING or not reaping.is_done(current):
        return False
    turn(current, State.SENT, finished_at=timezone.now(), trouble="")
    if StepMail.objects.filter(campaign=current).exists():
        return True
    sent = Delivery.objects.filter(campaign=current).sent().count()
    emit(
        events.CAMPAIGN_SENT,
        merchant=current.merchant,
        subject=current,
        data={"campaign": current.name, "people": sent},
    )
    return True


def campaign_trouble(*, campaign: Campaign, words: str) -> None:
    """What keeps the sending from going on, for the campaign's page; pages are told."""
    with transaction.atomic():
        current = locked(campaign)
        if current.trouble != words[:500]:
            current.trouble = words[:500]
            current.save(update_fields=["trouble", "updated_at"])
            announce(current)


@transaction.atomic
def campaign_halt(*, campaign: Campaign, words: str) -> None:
    """Pauses it because trying again would not help, and says why on its page. The campaign that carries a
    journey's mails only says so: nobody would press its button, and it is tried again by and by."""
    campaign_trouble(campaign=campaign, words=words)
    current = locked(campaign)
    if current.state == State.SENDING and not StepMail.objects.filter(campaign=current).exists():
        turn(current, State.PAUSED)


def _check_ready(campaign: Campaign) -> None:
    """Raises Rejected with everything that is still missing."""
    open_points = blocking(campaign=campaign, merchant=campaign.merchant)
    if open_points:
        raise Rejected(" ".join(str(point) for point in open_points), code="not_ready")
