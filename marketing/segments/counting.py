"""Counting while somebody waits: bounded in time, told beforehand when it is dear, with a sample and the
overlap with another segment."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db import OperationalError, connection, transaction
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import Membership, Merchant
from crm.lib.errors import Rejected
from crm.lib.ui.formats import number_text, percent_text
from customers.models import Customer
from customers.querysets import CustomerQuerySet
from customers.segmenting import Scope
from marketing.models import Segment
from marketing.segments.compiling import Sql, compile_group, compile_segment, scope_of, with_pins
from marketing.segments.definition import parse
from marketing.segments.sentences import Reader, sentence_of

# All that a keystroke's count may take; whoever saves the segment gets it from the background.
PREVIEW_MILLISECONDS = 3_000
# After "Count anyway" a person waits knowingly, and so does one worker of the web.
ANYWAY_MILLISECONDS = 25_000
SAMPLE = 8
# The sample is drawn from so many of the newest, so that showing eight doesn't sort a million.
DRAWN = 200
# SQLSTATE of a statement that ran into its time limit or was cancelled.
QUERY_CANCELED = "57014"
# What PostgreSQL's planner charges for a second of this work; bench/segments.py prints it for twelve rules.
# The slow end, so that a warning comes too soon rather than too late.
COST_PER_SECOND = 200_000
WARN_SECONDS = 3.0
# How many customers a shop has changes little within a minute, and counting a million takes 0.2 s.
TOTAL_SECONDS = 60


class TooDear(Rejected):
    """The rule takes longer than a page may wait."""

    code = "segment_too_dear"
    default_message = gettext_lazy(
        "This rule takes too long to count while you wait. Save it: it is counted in the background."
    )


class Dear(Rejected):
    """The planner expects more than `WARN_SECONDS`: nothing was run. `seconds` is about how long."""

    code = "segment_dear"

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, round(seconds))
        text = _("Counting this rule takes about %(seconds)s s.") % {"seconds": number_text(self.seconds)}
        super().__init__(text)


@contextmanager
def patience(milliseconds: int = PREVIEW_MILLISECONDS) -> Iterator[None]:
    """The statements inside have that time together: whichever is running then is cancelled. Raises TooDear
    then."""
    until = time.monotonic() + milliseconds / 1000

    def bounded(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        # A failed transaction takes nothing but its own end.
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            left = max(1, int((until - time.monotonic()) * 1000))
            # Through the driver's own cursor, or this statement would come in here again.
            context["cursor"].cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(left)])
        return execute(sql, params, many, context)

    try:
        with transaction.atomic():
            with connection.execute_wrapper(bounded):
                yield
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    except OperationalError as error:
        if was_cancelled(error):
            raise TooDear() from error
        raise


def was_cancelled(error: Exception) -> bool:
    """Whether the database broke the statement off: its time was over, or somebody asked for it."""
    return getattr(error.__cause__, "pgcode", "") == QUERY_CANCELED


def seconds_expected(sql: Sql) -> float:
    """About how long counting takes, by the planner's estimate; nothing is run. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) SELECT count(*) FROM ({sql[0]}) found", sql[1])
        (plan,) = cursor.fetchone()
    read = json.loads(plan) if isinstance(plan, str) else plan
    return float(read[0]["Plan"]["Total Cost"]) / COST_PER_SECOND


def count_of(sql: Sql) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({sql[0]}) found", sql[1])
        (count,) = cursor.fetchone()
    return int(count)


def counted(sql: Sql, size: int = SAMPLE) -> tuple[int, list[int]]:
    """(how many, ids of a few): of the newest customers those who bought last. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH found AS MATERIALIZED ({sql[0]}),
                drawn AS (SELECT customer_id FROM found ORDER BY customer_id DESC LIMIT {DRAWN})
                SELECT (SELECT count(*) FROM found), ARRAY(
                    SELECT d.customer_id FROM drawn d
                    LEFT JOIN customers_metrics m ON m.customer_id = d.customer_id
                    ORDER BY m.last_order_at DESC NULLS LAST, d.customer_id DESC LIMIT %s)""",
            [*sql[1], size],
        )
        count, ids = cursor.fetchone()
    return int(count), list(ids)


def people_of(sql: Sql) -> CustomerQuerySet:
    """The customers as a queryset, for lists and for members who don't see everybody."""
    found: CustomerQuerySet = Customer.objects.filter(pk__in=RawSQL(sql[0], sql[1]))
    return found


def customers_in_order(ids: Sequence[int]) -> list[Customer]:
    rows = {one.pk: one for one in Customer.objects.filter(pk__in=ids).select_related("metrics")}
    return [rows[pk] for pk in ids if pk in rows]


# --- previews ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Overlap:
    """Who is both among the people asked for (`count`) and in another segment (`other_count`)."""

    segment: Segment
    count: int
    other_count: int
    both: int

    @property
    def share(self) -> float:
        """0–1 of the people asked for who are in the other segment."""
        return self.both / self.count if self.count else 0.0

    @property
    def other_share(self) -> float:
        return self.both / self.other_count if self.other_count else 0.0

    @property
    def words(self) -> str:
        facts = {
            "both": number_text(self.both),
            "share": percent_text(self.share),
            "other_share": percent_text(self.other_share),
            "other": self.segment.name,
        }
        return (
            _("%(both)s are also in “%(other)s”: %(share)s of these people, %(other_share)s of that segment.")
            % facts
        )


@dataclass(frozen=True)
class Preview:
    """`total` is everybody in the shop, so that a share can be told."""

    sentence: str
    count: int
    total: int
    sample: list[Customer]
    overlap: Overlap | None = None

    @property
    def count_text(self) -> str:
        return number_text(self.count)

    @property
    def share_text(self) -> str:
        share = percent_text(self.count / self.total if self.total else 0.0)
        return _("%(share)s of all %(total)s customers") % {"share": share, "total": number_text(self.total)}


def preview(
    *,
    merchant: Merchant,
    definition: Any,
    membership: Membership | None = None,
    segment: Segment | None = None,
    other: Segment | None = None,
    anyway: bool = False,
) -> Preview:
    """Count, sample and sentence of a definition under way, with what was done by hand in `segment`, and the
    overlap with `other`.

    The planner is asked first. Raises BadDefinition, Dear when it expects too long and `anyway` isn't said,
    TooDear when it took too long.
    """
    group = parse(definition)
    rule = compile_group(group, Scope(merchant, inside=(segment.pk,) if segment else ()))
    sql = with_pins(rule, segment, Scope(merchant))
    sentence = sentence_of(group, Reader(merchant.base_currency, membership))
    if not anyway and (seconds := seconds_expected(sql)) > WARN_SECONDS:
        raise Dear(seconds)
    with patience(ANYWAY_MILLISECONDS if anyway else PREVIEW_MILLISECONDS):
        count, sample = _people(sql, membership)
        total = total_of(merchant, membership)
        shared = overlap(sql, other, membership=membership) if other else None
    return Preview(sentence, count, total, sample, shared)


def _people(sql: Sql, membership: Membership | None) -> tuple[int, list[Customer]]:
    if membership is None or membership.sees_everything:
        count, ids = counted(sql)
        return count, customers_in_order(ids)
    seen = people_of(sql).visible_to(membership)
    newest = seen.select_related("metrics").order_by("-metrics__last_order_at", "-pk")
    return seen.count(), list(newest[:SAMPLE])


def total_of(merchant: Merchant, membership: Membership | None) -> int:
    """How many customers the member sees; of all, for who sees everything, as of the last minute."""
    everybody = Customer.objects.present()
    if membership is not None and not membership.sees_everything:
        return int(everybody.visible_to(membership).count())
    key = f"segments:total:{merchant.pk}"
    known = cache.get(key)
    if known is None:
        known = everybody.count()
        cache.set(key, known, TOTAL_SECONDS)
    return int(known)


def overlap(sql: Sql, other: Segment, *, membership: Membership | None = None) -> Overlap:
    """How many whom `sql` finds are in the other segment, too, both as they are now. One statement."""
    theirs = compile_segment(other, scope_of(other))
    seen, seen_params = _seen(membership)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH a AS MATERIALIZED (SELECT customer_id FROM ({sql[0]}) one{seen}),
                b AS MATERIALIZED (SELECT customer_id FROM ({theirs[0]}) two{seen})
                SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b),
                       (SELECT count(*) FROM a JOIN b ON b.customer_id = a.customer_id)""",
            [*sql[1], *seen_params, *theirs[1], *seen_params],
        )
        mine, others, both = cursor.fetchone()
    return Overlap(other, int(mine), int(others), int(both))


def _seen(membership: Membership | None) -> Sql:
    """A WHERE for members who don't see everybody, nothing for the others."""
    if membership is None or membership.sees_everything:
        return "", ()
    ids = Customer.objects.visible_to(membership).order_by().values("pk")
    text, params = ids.query.sql_with_params()
    return f" WHERE customer_id IN ({text})", params
