"""Writes: saving and archiving segments."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.events.emitting import emit
from crm.lib.errors import Conflict, Rejected
from customers.segmenting import Scope
from marketing.models import Campaign, Journey, Segment
from marketing.segments import events
from marketing.segments.building import build_ask
from marketing.segments.compiling import compile_group
from marketing.segments.definition import ENTERED_SEGMENT, IN_SEGMENT, dump, parse

LONGEST_NAME = 120


@transaction.atomic
def segment_save(
    *,
    merchant: Merchant,
    name: str,
    definition: Any,
    segment: Segment | None = None,
    kind: str = Segment.Kind.RULE,
    actor: Membership | None = None,
) -> Segment:
    """The new or changed segment; its list of members is built in the background.

    A list by hand has no definition: it is {} for one. What a segment is stays what it is. Raises
    BadDefinition with every fault by its path, Rejected for a bad name or kind, Conflict when the name is
    taken or the segment archived.
    """
    kind = segment.kind if segment else kind
    name = _clean_name(name)
    made = segment or Segment(merchant=merchant, kind=_clean_kind(kind), created_by=actor)
    made.name = name
    made.definition = {} if made.is_list else _clean_definition(merchant, definition, segment)
    if segment is not None and segment.archived_at is not None:
        raise Conflict(_("This segment is archived."), code="archived")
    try:
        with transaction.atomic():
            # Only what was asked for: the figures beside it belong to builds.
            made.save(update_fields=["name", "definition", "updated_at"] if segment else None)
    except IntegrityError as error:
        text = _("There is a segment of this name already.")
        raise Conflict(text, code="segment_exists", fields={"name": [text]}) from error
    emit(events.SEGMENT_SAVED, merchant=merchant, subject=made, data={"segment": name, "segment_id": made.pk})
    build_ask(segment=made)
    return made


def _clean_kind(kind: str) -> str:
    if kind not in Segment.Kind.values:
        text = _("Choose a rule or a list.")
        raise Rejected(text, code="bad_kind", fields={"kind": [text]})
    return kind


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        text = _("Give the segment a name of at most %(most)s characters.") % {"most": LONGEST_NAME}
        raise Rejected(text, code="bad_name", fields={"name": [text]})
    return name


def _clean_definition(merchant: Merchant, definition: Any, segment: Segment | None) -> dict[str, Any]:
    group = parse(definition)
    # Compiled once before it is stored, so that a circle of segments is refused here.
    compile_group(group, Scope(merchant, inside=(segment.pk,) if segment else ()))
    return dump(group)


@transaction.atomic
def segment_archive(*, segment: Segment) -> None:
    """Not offered any more; campaigns that used it keep it. Raises Conflict when a campaign, another segment
    or a journey still waits for it."""
    waiting = Campaign.objects.filter(segment=segment, state__in=["draft", "scheduled"])
    if names := list(waiting.values_list("name", flat=True)[:3]):
        text = _("Still used by: %(names)s") % {"names": ", ".join(names)}
        raise Conflict(text, code="segment_in_use")
    users = [
        other.name
        for other in Segment.objects.live().exclude(pk=segment.pk)
        if _refers(other.definition, segment.pk)
    ]
    users += [
        journey.name
        for journey in Journey.objects.exclude(state=Journey.State.STOPPED)
        if _walks_by(journey, segment.pk)
    ]
    if users:
        raise Conflict(_("Still used by: %(names)s") % {"names": ", ".join(users[:3])}, code="segment_in_use")
    segment.archived_at = timezone.now()
    segment.save(update_fields=["archived_at", "updated_at"])
    data = {"segment": segment.name, "segment_id": segment.pk}
    emit(events.SEGMENT_ARCHIVED, merchant=segment.merchant_id, subject=segment, data=data)


def _walks_by(journey: Journey, segment_id: int) -> bool:
    """Whether the journey lets people in, or on, by this segment."""
    steps = journey.steps if isinstance(journey.steps, list) else []
    return _refers(journey.filter, segment_id) or any(
        isinstance(step, dict) and step.get("kind") == "condition" and step.get("segment") == segment_id
        for step in steps
    )


def _refers(definition: Any, segment_id: int) -> bool:
    """Whether a condition about segments names this one."""
    if not isinstance(definition, dict):
        return False
    if definition.get("if") in (IN_SEGMENT, ENTERED_SEGMENT):
        return str(segment_id) in definition.get("values", [])
    return any(_refers(one, segment_id) for one in definition.get("rules", []))
