"""Scores of two people who part again: as they stood, until the next look at them."""

from __future__ import annotations

from customers.merging.registry import when_merged, when_undone
from customers.models import Customer, MergeRecord, Metrics
from marketing.insight import rollups

COLUMNS = ("score", "score_change", "recency_bin", "frequency_bin", "monetary_bin")


@when_undone
def own_scores(record: MergeRecord) -> None:
    figures = record.figures["survivor"]
    kept = {name: figures[name] for name in COLUMNS if name in figures}
    Metrics.objects.filter(pk=record.survivor_id).update(**kept)
    _count_days_again(record)


@when_merged
def _count_days_again(record: MergeRecord) -> None:
    """One person fewer, or one more, came on that day."""
    came = Customer.objects.filter(pk=record.absorbed_id).values_list("created_at", flat=True)
    zone = record.merchant.zone
    rollups.touch(merchant_id=record.merchant_id, days=[at.astimezone(zone).date() for at in came])
