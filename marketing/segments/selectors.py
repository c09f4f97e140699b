"""Asking a segment: who, how many, some of them, and why (not)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Count
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import Membership, Merchant
from crm.events.models import Event
from crm.lib.errors import Rejected
from crm.lib.ui.formats import number_text, percent_text
from customers.models import Customer
from customers.querysets import CustomerQuerySet
from customers.segmenting import Scope
from customers.visibility import narrowed
from marketing.models import Segment, SegmentMember
from marketing.segments.compiling import Sql, compile_group, compile_rule
from marketing.segments.definition import Group, Rule, parse, rules_of
from marketing.segments.events import SEGMENT_ENTERED, SEGMENT_LEFT
from marketing.segments.sentences import clause_of, sentence_of

# A keystroke's count may take this long; whoever saves the segment gets it from the background.
PREVIEW_MILLISECONDS = 3_000
SAMPLE = 8
# SQLSTATE of a statement that ran into its time limit.
QUERY_CANCELED = "57014"


class TooDear(Rejected):
    """The rule takes longer than a page may wait."""

    code = "segment_too_dear"
    default_message = gettext_lazy(
        "This rule takes too long to count while you wait. Save it: it is counted in the background."
    )


def scope_of(segment: Segment) -> Scope:
    return Scope(segment.merchant, inside=(segment.pk,))


def segment_member_ids_sql(segment: Segment) -> Sql:
    """(sql, params) of the SELECT of `customer_id`, unordered and without duplicates: one statement, bound to
    the merchant, to be used as a subquery. Raises Rejected when the definition can't be read any more."""
    return compile_group(parse(segment.definition, stored=True), scope_of(segment))


def segment_sentence(segment: Segment) -> str:
    """What the segment says, in the active language; the reason when it can't be read."""
    try:
        group = parse(segment.definition, stored=True)
    except Rejected as refusal:
        return str(refusal.message)
    return sentence_of(group, currency=segment.merchant.base_currency)


@contextmanager
def patience(milliseconds: int = PREVIEW_MILLISECONDS) -> Iterator[None]:
    """Statements inside are cancelled after that time. Raises TooDear then."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
            yield
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", "") == QUERY_CANCELED:
            raise TooDear() from error
        raise


def count_of(sql: Sql) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({sql[0]}) found", sql[1])
        (count,) = cursor.fetchone()
    return int(count)


def segment_count(segment: Segment) -> int:
    """How many satisfy it right now. One statement."""
    return count_of(segment_member_ids_sql(segment))


def people_of(sql: Sql) -> CustomerQuerySet:
    """The customers as a queryset, for lists and samples."""
    found: CustomerQuerySet = Customer.objects.filter(pk__in=RawSQL(sql[0], sql[1]))
    return found


def sample_of(sql: Sql, size: int = SAMPLE, *, membership: Membership | None = None) -> list[Customer]:
    """A few of them, those who bought last first; only whom the member may see, when one is given."""
    found = people_of(sql).select_related("metrics")
    if membership is not None:
        found = found.visible_to(membership)
    return list(found.order_by("-metrics__last_order_at", "-pk")[:size])


def segment_sample(segment: Segment, size: int = SAMPLE) -> list[Customer]:
    return sample_of(segment_member_ids_sql(segment), size)


@dataclass(frozen=True)
class Moves:
    """Who came and went in the last 30 days, as far as it was announced person by person."""

    entered: int
    left: int


def counts_for(membership: Membership, segments: Sequence[Segment]) -> dict[int, int]:
    """How many people whom the member sees are in each; no query for who sees everything, else one."""
    if membership.sees_everything:
        return {segment.pk: segment.members_count for segment in segments}
    rows = narrowed(SegmentMember.objects.filter(segment__in=segments), membership, "customer__")
    found = dict(rows.order_by().values_list("segment").annotate(number=Count("pk")))
    return {segment.pk: found.get(segment.pk, 0) for segment in segments}


def segment_moves(segment: Segment, membership: Membership) -> Moves:
    since = timezone.now() - timedelta(days=30)
    news = Event.objects.filter(
        subject_type="marketing.segment", subject_id=segment.pk, occurred_at__gte=since
    )
    if not membership.sees_everything:
        news = news.filter(customer_id__in=Customer.objects.visible_to(membership).values("pk"))
    counts = dict(news.values_list("name").annotate(number=Count("pk")))
    return Moves(counts.get(SEGMENT_ENTERED.name, 0), counts.get(SEGMENT_LEFT.name, 0))


# --- previews ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preview:
    """`total` is everybody in the shop, so that a share can be told."""

    sentence: str
    count: int
    total: int
    sample: list[Customer]

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
) -> Preview:
    """Count, sample and sentence of a definition under way. Three statements, each within the page's
    patience.

    Raises BadDefinition, TooDear.
    """
    group = parse(definition)
    sql = compile_group(group, Scope(merchant, inside=(segment.pk,) if segment else ()))
    with patience():
        if membership is None or membership.sees_everything:
            count, everybody = count_of(sql), Customer.objects.present()
        else:
            everybody = Customer.objects.present().visible_to(membership)
            count = people_of(sql).visible_to(membership).count()
        sample = sample_of(sql, membership=membership) if count else []
        total = everybody.count()
    return Preview(sentence_of(group, currency=merchant.base_currency), count, total, sample)


# --- why --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reason:
    """One line of the explanation. `match` is set for groups, whose lines follow one level deeper."""

    text: str
    holds: bool
    level: int
    match: str = ""


@dataclass(frozen=True)
class Answer:
    inside: bool
    reasons: list[Reason]


def segment_contains(segment: Segment, customer: Customer) -> Answer:
    """Whether the customer is in, condition by condition. One statement for all conditions together."""
    return definition_contains(segment.definition, customer=customer, scope=scope_of(segment))


def definition_contains(definition: Any, *, customer: Customer, scope: Scope) -> Answer:
    group = parse(definition, stored=True)
    one = Scope(scope.merchant, scope.now, (int(customer.pk),), scope.inside)
    holds = _each(list(rules_of(group)), one)
    reasons: list[Reason] = []
    inside = _explain(group, holds, reasons, 0, one.merchant.base_currency)
    is_present = customer.erased_at is None and customer.merged_into_id is None
    return Answer(inside and is_present, reasons)


def _each(rules: list[Rule], scope: Scope) -> Mapping[int, bool]:
    """Which conditions hold, by the identity of the rule."""
    if not rules:
        return {}
    compiled = [compile_rule(rule, scope) for rule in rules]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT " + ", ".join(f"EXISTS ({text})" for text, _params in compiled),
            [value for _text, params in compiled for value in params],
        )
        found = cursor.fetchone()
    return {id(rule): bool(holds) for rule, holds in zip(rules, found, strict=True)}


def _explain(group: Group, holds: Mapping[int, bool], into: list[Reason], level: int, currency: str) -> bool:
    at = len(into)
    results = []
    for one in group.rules:
        if isinstance(one, Group):
            results.append(_explain(one, holds, into, level + 1, currency))
        else:
            results.append(holds[id(one)])
            into.append(Reason(clause_of(one, currency=currency), holds[id(one)], level + 1))
    if group.match == "all" or not results:
        result = all(results)
        text = _("All of these")
    else:
        result = any(results) if group.match == "any" else not any(results)
        text = _("Any of these") if group.match == "any" else _("None of these")
    into.insert(at, Reason(text, result, level, group.match))
    return result
