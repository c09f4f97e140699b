"""Writes: saving and archiving segments."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.events.emitting import emit
from crm.events.ringing import ring_task
from crm.lib.errors import Conflict, Rejected
from customers.segmenting import Scope
from marketing.models import Campaign, Segment
from marketing.segments import events
from marketing.segments.compiling import compile_group
from marketing.segments.definition import dump, parse

LONGEST_NAME = 120


@transaction.atomic
def segment_save(
    *,
    merchant: Merchant,
    name: str,
    definition: Any,
    segment: Segment | None = None,
    actor: Membership | None = None,
) -> Segment:
    """The new or changed segment; its list of members is built in the background.

    Raises BadDefinition with every fault by its path, Rejected for a bad name, Conflict when it is taken.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        text = _("Give the segment a name of at most %(most)s characters.") % {"most": LONGEST_NAME}
        raise Rejected(text, code="bad_name", fields={"name": [text]})
    group = parse(definition)
    # Compiled once before it is stored, so that a circle of segments is refused here.
    compile_group(group, Scope(merchant, inside=(segment.pk,) if segment else ()))
    made = segment or Segment(merchant=merchant, created_by=actor)
    made.name, made.definition = name, dump(group)
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        text = _("There is a segment of this name already.")
        raise Conflict(text, code="segment_exists", fields={"name": [text]}) from error
    emit(events.SEGMENT_SAVED, merchant=merchant, subject=made, data={"segment": name, "segment_id": made.pk})
    transaction.on_commit(partial(ring_build, merchant.pk, made.pk), robust=True)
    return made


def ring_build(merchant_id: int, segment_id: int) -> None:
    ring_task("marketing.build_segment", [merchant_id, segment_id], queue="insight")


@transaction.atomic
def segment_archive(*, segment: Segment) -> None:
    """Not offered any more; campaigns that used it keep it. Raises Conflict when something still waits for
    it."""
    waiting = Campaign.objects.filter(segment=segment, state__in=["draft", "scheduled"])
    if names := list(waiting.values_list("name", flat=True)[:3]):
        text = _("Still used by: %(names)s") % {"names": ", ".join(names)}
        raise Conflict(text, code="segment_in_use")
    users = [
        other.name
        for other in Segment.objects.live().exclude(pk=segment.pk)
        if _refers(other.definition, segment.pk)
    ]
    if users:
        raise Conflict(_("Still used by: %(names)s") % {"names": ", ".join(users[:3])}, code="segment_in_use")
    segment.archived_at = timezone.now()
    segment.save(update_fields=["archived_at", "updated_at"])
    data = {"segment": segment.name, "segment_id": segment.pk}
    emit(events.SEGMENT_ARCHIVED, merchant=segment.merchant_id, subject=segment, data=data)


def _refers(definition: Any, segment_id: int) -> bool:
    """Whether a condition about segments names this one."""
    if not isinstance(definition, dict):
        return False
    if str(definition.get("if", "")).startswith("marketing."):
        return str(segment_id) in definition.get("values", [])
    return any(_refers(one, segment_id) for one in definition.get("rules", []))
