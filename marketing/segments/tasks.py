"""Celery's doors to segments."""

from celery import shared_task

from crm.events.beat import once_per_slot
from crm.lib.tenancy import merchant_scope
from marketing.models import Segment
from marketing.segments import building, refreshing


@shared_task(name="marketing.build_segment", queue="insight")
def build_segment(merchant_id: int, segment_id: int) -> None:
    with merchant_scope(merchant_id):
        segment = Segment.objects.live().select_related("merchant").filter(pk=segment_id).first()
        if segment is None or refreshing.segment_refresh(segment=segment):
            return
        # Held by a build, which rings again when it ends, or for a moment by a batch of touched customers.
        if building.build_state(segment).code == "waiting":
            building.ring_build(merchant_id, segment_id, after_seconds=building.AGAIN_SECONDS)


@shared_task(name="marketing.refresh_segments", queue="insight")
def refresh_segments() -> None:
    if once_per_slot("marketing.refresh_segments", seconds=600):
        refreshing.refresh_all()


@shared_task(name="marketing.sweep_segments")
def sweep_segments() -> None:
    refreshing.touched_sweep()
