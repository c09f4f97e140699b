"""Segment conditions over segments: being in another one, compiled into the same statement."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.lib.errors import Rejected
from customers.segmenting import (
    Condition,
    Field,
    Members,
    Option,
    Params,
    Scope,
    add_condition,
    choice_field,
    days_field,
)
from marketing import field_uses, mail_conditions
from marketing.models import Segment, SegmentMember
from marketing.segments.compiling import compile_segment
from marketing.segments.definition import ENTERED_SEGMENT, IN_SEGMENT

# A segment of a segment of a segment: deeper is a maze, and each level is more work for one statement.
MOST_INSIDE = 3


def segments() -> Sequence[Option]:
    return [
        Option(str(pk), name)
        for pk, name in Segment.objects.live().order_by("name").values_list("pk", "name")
    ]


def _inside(params: Params, scope: Scope) -> Members:
    """The other segments' own rules. Raises Rejected for a circle or a maze."""
    sets = []
    for segment in Segment.objects.filter(pk__in=[int(value) for value in params["values"]]).order_by("pk"):
        if segment.pk in scope.inside:
            raise Rejected(
                _("“%(name)s” would be inside itself.") % {"name": segment.name}, code="segment_circle"
            )
        if len(scope.inside) >= MOST_INSIDE:
            raise Rejected(_("Segments are nested too deep."), code="segment_maze")
        sets.append(compile_segment(segment, scope.around(segment.pk)))
    if not sets:
        return Members("SELECT NULL::bigint AS customer_id WHERE FALSE")
    inside = Members(
        " UNION ".join(f"({text})" for text, _values in sets),
        tuple(v for _text, values in sets for v in values),
    )
    return inside if params["in"] == "in" else scope.outside(inside)


def _entered(params: Params, scope: Scope) -> Members:
    """As of the last reading: when somebody entered is known only from the kept list."""
    ids = [int(value) for value in params["values"]]
    return scope.members(
        SegmentMember._meta.db_table,
        "t.segment_id = ANY(%s::bigint[]) AND t.entered_at >= %s",
        [ids, scope.days_ago(params["days"])],
    )


_SEGMENTS = Field("values", "choices", gettext_lazy("Segments"), [], options=segments, numeric=True)
_IN = choice_field(
    "in", gettext_lazy("Comparison"), (("in", gettext_lazy("are")), ("out", gettext_lazy("are not")))
)

add_condition(
    Condition(
        IN_SEGMENT,
        gettext_lazy("Segments"),
        gettext_lazy("In another segment"),
        gettext_lazy("who {in} in the segment {values}"),
        _inside,
        (_IN, _SEGMENTS),
    )
)
add_condition(
    Condition(
        ENTERED_SEGMENT,
        gettext_lazy("Segments"),
        gettext_lazy("Entered a segment lately"),
        gettext_lazy("who entered the segment {values} in the last {days} days"),
        _entered,
        (_SEGMENTS, days_field(gettext_lazy("Days"), 30)),
    )
)
mail_conditions.register()
field_uses.register()
