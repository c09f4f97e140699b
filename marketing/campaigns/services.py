"""Writing campaigns and deciding over them: one function for each verb."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.events.emitting import emit
from crm.lib.errors import Conflict, NotFound, Rejected
from marketing.campaigns import events
from marketing.campaigns.audience import audience_sql
from marketing.campaigns.checklist import blocking
from marketing.campaigns.starters import starter_of
from marketing.models import Campaign, Delivery, Segment, StepMail, Template
from marketing.sending import content, freezing, reaping

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
    source = template or starter_of(merchant)
    for field in CONTENT_FIELDS:
        setattr(campaign, field, getattr(source, field))
    for field, value in (values or {}).items():
        setattr(campaign, field, value)
    campaign.save()
    return campaign


@transaction.atomic
def campaign_edit(*, campaign: Campaign, values: dict[str, Any]) -> Campaign:
    """The draft with these changes. Raises Conflict once it is scheduled or out."""
    current = _locked(campaign)
    if not current.is_editable:
        raise Conflict(_("Only a draft can be changed. Take the schedule back first."), code="not_a_draft")
    for name, value in values.items():
        setattr(current, name, value)
    current.save()
    return current


@transaction.atomic
def campaign_delete(*, campaign: Campaign) -> None:
    """Only a draft; what was sent is part of the customers' history."""
    current = _locked(campaign)
    if current.state != State.DRAFT:
        raise Conflict(_("Only a draft can be deleted."), code="not_a_draft")
    current.delete()


@transaction.atomic
def campaign_schedule(*, campaign: Campaign, at: datetime, actor: Membership | None = None) -> Campaign:
    """Will start by itself at that instant. Raises Rejected for the past or an unfinished mail."""
    current = _locked(campaign)
    if current.state not in (State.DRAFT, State.SCHEDULED):
        raise Conflict(_("It has been sent already."), code="started")
    if at <= timezone.now():
        raise Rejected(
            _("Choose a time in the future."), fields={"scheduled_at": [_("This time has passed.")]}
        )
    _check_ready(current)
    return _turn(current, State.SCHEDULED, scheduled_at=at)


@transaction.atomic
def campaign_unschedule(*, campaign: Campaign) -> Campaign:
    """A draft again."""
    current = _locked(campaign)
    if current.state != State.SCHEDULED:
        raise Conflict(_("It is not scheduled."), code="not_scheduled")
    return _turn(current, State.DRAFT, scheduled_at=None)


@transaction.atomic
def campaign_start(*, campaign: Campaign, actor: Membership | None = None) -> Campaign:
    """Freezes the audience and starts the sending after commit. Starting twice is refused by its state.

    Raises Rejected with the open points of the check list, Conflict when it has been started.
    """
    current = _locked(campaign)
    if current.state not in (State.DRAFT, State.SCHEDULED):
        raise Conflict(_("It has been started already."), code="started")
    _check_ready(current)
    merchant = current.merchant
    domain = content.sender_address(current, merchant).rpartition("@")[2].lower()
    people = freezing.freeze(
        campaign=current, merchant=merchant, audience=audience_sql(current), sender_domain=domain
    )
    if not people:
        raise Rejected(_("Nobody is in this audience right now."), code="empty_audience")
    now = timezone.now()
    _turn(current, State.SENDING, started_at=now, frozen_at=now, trouble="")
    emit(
        events.CAMPAIGN_STARTED,
        merchant=merchant,
        subject=current,
        data={"campaign": current.name, "people": people},
    )
    _ring(current)
    return current


@transaction.atomic
def campaign_pause(*, campaign: Campaign) -> Campaign:
    """Workers see it within a second; mails already handed over get their answer, the rest waits."""
    current = _locked(campaign)
    if current.state != State.SENDING:
        raise Conflict(_("It is not being sent right now."), code="not_sending")
    return _turn(current, State.PAUSED)


@transaction.atomic
def campaign_resume(*, campaign: Campaign) -> Campaign:
    current = _locked(campaign)
    if current.state != State.PAUSED:
        raise Conflict(_("It is not paused."), code="not_paused")
    _turn(current, State.SENDING, trouble="")
    _ring(current)
    return current


@transaction.atomic
def campaign_cancel(*, campaign: Campaign) -> Campaign:
    """What waits is not sent any more and says so; what is out stays out."""
    current = _locked(campaign)
    if current.state not in (State.SENDING, State.PAUSED, State.SCHEDULED):
        raise Conflict(_("There is nothing to cancel."), code="not_started")
    waiting = [Delivery.State.QUEUED, Delivery.State.DEFERRED]
    Delivery.objects.filter(campaign=current, state__in=waiting).update(
        state=Delivery.State.SKIPPED, reason="cancelled", run_id=None
    )
    return _turn(current, State.CANCELLED, finished_at=timezone.now())


@transaction.atomic
def deliveries_resend(*, campaign: Campaign, delivery_ids: list[int], actor: Membership | None) -> int:
    """Sends doubtful mails once more, because a person decided so; how many. They keep their Message-ID, so
    that a mailbox that has the first one can tell."""
    current = _locked(campaign)
    if current.state not in (State.SENDING, State.SENT, State.PAUSED):
        raise Conflict(_("This campaign sends nothing any more."), code="not_sending")
    chosen = Delivery.objects.filter(campaign=current, state=Delivery.State.UNKNOWN, pk__in=delivery_ids)
    count = chosen.update(state=Delivery.State.QUEUED, reason="", run_id=None, due_at=timezone.now())
    if count and current.state == State.SENT:
        _turn(current, State.SENDING, finished_at=None)
    if count and current.state == State.SENDING:
        _ring(current)
    return count


@transaction.atomic
def campaign_settle(*, campaign: Campaign) -> bool:
    """Marks a campaign as sent once every mail has come to its end. True when this call did it.

    Announces it, except for the campaign that carries a journey's mails: it comes to its end with each mail
    of each person and goes on with the next one.
    """
    current = _locked(campaign)
    if current.state != State.SENDING or not reaping.is_done(current):
        return False
    _turn(current, State.SENT, finished_at=timezone.now(), trouble="")
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
        current = _locked(campaign)
        if current.trouble != words[:500]:
            current.trouble = words[:500]
            current.save(update_fields=["trouble", "updated_at"])
            _announce(current)


def _locked(campaign: Campaign) -> Campaign:
    found = (
        Campaign.objects.select_for_update(of=("self",))
        .select_related("merchant")
        .filter(pk=campaign.pk)
        .first()
    )
    if found is None:
        raise NotFound()
    return found


def _check_ready(campaign: Campaign) -> None:
    """Raises Rejected with everything that is still missing."""
    open_points = blocking(campaign=campaign, merchant=campaign.merchant)
    if open_points:
        raise Rejected(" ".join(str(point) for point in open_points), code="not_ready")


def _turn(campaign: Campaign, state: str, **changes: Any) -> Campaign:
    campaign.state = state
    for name, value in changes.items():
        setattr(campaign, name, value)
    campaign.save(update_fields=["state", *changes, "updated_at"])
    if state not in (State.SENDING, State.SENT):
        _announce(campaign)
    return campaign


def _announce(campaign: Campaign) -> None:
    emit(
        events.CAMPAIGN_CHANGED,
        merchant=campaign.merchant,
        subject=campaign,
        data={"campaign": campaign.name, "state": campaign.state},
    )


def _ring(campaign: Campaign) -> None:
    transaction.on_commit(partial(reaping.ring_for, campaign), robust=True)
