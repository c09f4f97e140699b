"""Writing versions, and deciding for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.events.emitting import emit
from crm.lib.errors import Conflict, Rejected
from marketing.campaigns import events
from marketing.campaigns.trials.standing import best_of, standings
from marketing.campaigns.turning import locked, ring
from marketing.models import Campaign, Delivery, Version

State = Campaign.State
# Rows of one statement: a cancellation waits for one.
CHUNK = 20_000


@transaction.atomic
def version_add(*, campaign: Campaign, values: Mapping[str, Any] | None = None) -> Version:
    """Another version with the next letter. Raises Conflict once the campaign is no draft, Rejected when
    there are four."""
    current = _draft(campaign)
    if not current.is_mail:
        raise Rejected(_("Only mails are tried in versions."), code="no_mail")
    used = set(current.versions.values_list("letter", flat=True))
    letter = next((one for one in Version.LETTERS if one not in used), None)
    if letter is None:
        raise Rejected(_("Four versions are enough: each needs people of its own."), code="too_many_versions")
    version = Version(merchant_id=current.merchant_id, campaign=current, letter=letter)
    return _written(version, values or {})


@transaction.atomic
def version_change(*, version: Version, values: Mapping[str, Any]) -> Version:
    """The version with these words. Raises Conflict once the campaign is no draft."""
    _draft(version.campaign)
    return _written(version, values)


@transaction.atomic
def version_delete(*, version: Version) -> None:
    _draft(version.campaign)
    version.delete()


def _draft(campaign: Campaign) -> Campaign:
    current = locked(campaign)
    if not current.is_editable:
        raise Conflict(_("Only a draft can be changed. Take the schedule back first."), code="not_a_draft")
    return current


def _written(version: Version, values: Mapping[str, Any]) -> Version:
    for name, value in values.items():
        setattr(version, name, value)
    version.save()
    return version


def trial_decide(*, campaign: Campaign, letter: str = "") -> Campaign:
    """The people who waited get the better version from now on; with `letter`, that one, because somebody
    decided so. Deciding twice is refused by the winner that stands. Announces it.

    Raises Conflict when nothing waits for a decision, Rejected for a letter that there is not.
    """
    with transaction.atomic():
        current = locked(campaign)
        if current.trial_winner or current.state not in (State.SENDING, State.PAUSED):
            raise Conflict(_("There is no trial to decide."), code="no_trial")
        found = standings(current, None)
        if not found:
            raise Conflict(_("There is no trial to decide."), code="no_trial")
        if letter and letter not in {one.letter for one in found}:
            raise Rejected(_("There is no version %(letter)s.") % {"letter": letter[:10]}, code="no_version")
        chosen = letter or best_of(found, current.trial_metric).letter
        current.trial_winner, current.trial_decided_at = chosen, timezone.now()
        current.save(update_fields=["trial_winner", "trial_decided_at", "updated_at"])
        emit(
            events.VERSION_CHOSEN,
            merchant=current.merchant,
            subject=current,
            data={"campaign": current.name, "version": chosen},
        )
    trial_release(campaign=current)
    return current


def trial_release(*, campaign: Campaign) -> int:
    """Gives those who wait the version that won; how many. Called again after a death it goes on."""
    count = 0
    while released := _release_some(campaign):
        count += released
    return count


@transaction.atomic
def _release_some(campaign: Campaign) -> int:
    current = locked(campaign)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH next AS (
                SELECT id FROM {Delivery._meta.db_table}
                WHERE merchant_id = %(merchant)s AND campaign_id = %(campaign)s AND state = 'queued'
                  AND reason = 'trial' ORDER BY id LIMIT {CHUNK} FOR UPDATE
            )
            UPDATE {Delivery._meta.db_table} d SET version = %(winner)s, reason = '', due_at = now()
            FROM next WHERE d.id = next.id AND d.merchant_id = %(merchant)s
            """,
            {"merchant": current.merchant_id, "campaign": current.pk, "winner": current.trial_winner},
        )
        count = int(cursor.rowcount)
    if count:
        ring(current)
    return count
