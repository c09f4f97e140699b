"""Staff pages of segments: list, maker, record, people."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.accounts.routes import StaffRequest
from crm.lib import listing
from crm.lib.errors import CrmError, Rejected
from crm.lib.ids import row_id
from crm.lib.keyset import count_of, keyset_page
from crm.lib.ui.formats import number_text, percent_text
from customers.models import Customer
from customers.searching import customer_ids_found
from marketing.models import Segment, SegmentMember
from marketing.segments import building, catalogue, counting, explaining, selectors, services
from marketing.segments.definition import BadDefinition

ORDER = ("-updated_at", "-pk")
# Fifty conditions of a hundred values of two hundred signs, and what stands around them.
LONGEST_DEFINITION = 1_500_000
WHY_HITS = 6
PINS_SHOWN = 6


@require_GET
def segment_list(request: StaffRequest) -> HttpResponse:
    """Every live segment with what it says and how many it holds; constant in queries but for named
    products."""
    asked = listing.read(request.GET, request.path, ())
    rows = Segment.objects.live().select_related("merchant")
    if asked.search:
        rows = rows.filter(name__icontains=asked.search)
    page = keyset_page(rows, order=ORDER, after=asked.after)
    counts = selectors.counts_for(request.membership, page.rows)
    context = {
        "listing": asked,
        "total": listing.count_text(*_count(rows)),
        "rows": [
            (segment, selectors.segment_sentence(segment, request.membership), counts[segment.pk])
            for segment in page.rows
        ],
        "more": asked.more(page.after),
        "starters": catalogue.STARTERS,
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(
        request, "segments/_segment_list_results.html" if fragment else "segments/segment_list.html", context
    )


def _count(rows: QuerySet[Any]) -> tuple[int, bool]:
    counted = count_of(rows)
    return counted.number, counted.exact


# --- the maker --------------------------------------------------------------------------------------------


def segment_create(request: StaffRequest) -> HttpResponse:
    """The builder; with `kind=list` only a name, for people put in by hand."""
    if request.method == "POST":
        return _save(request, None)
    chosen = catalogue.starter(request.GET.get("start", ""))
    definition = chosen.definition if chosen else _definition(request.GET.get("definition", "{}"))
    name = str(chosen.name) if chosen else request.GET.get("name", "")[:120]
    kind = Segment.Kind.LIST if request.GET.get("kind") == "list" else Segment.Kind.RULE
    return _maker(request, Segment(kind=kind), name, definition)


def segment_edit(request: StaffRequest, pk: int) -> HttpResponse:
    segment = get_object_or_404(Segment.objects.live().select_related("merchant"), pk=pk)
    if request.method == "POST":
        return _save(request, segment)
    return _maker(request, segment, segment.name, segment.definition)


def _save(request: StaffRequest, segment: Segment | None) -> HttpResponse:
    name = request.POST.get("name", "")
    kind = segment.kind if segment else request.POST.get("kind", Segment.Kind.RULE)
    definition = {} if kind == Segment.Kind.LIST else _definition(request.POST.get("definition", ""))
    try:
        saved = services.segment_save(
            merchant=request.merchant,
            name=name,
            definition=definition,
            segment=segment,
            kind=kind,
            actor=request.membership,
        )
    except CrmError as refusal:
        return _maker(request, segment or Segment(kind=kind), name, definition, refusal)
    text = _("Saved. Now put people in.") if saved.is_list else _("Saved. The people are being counted.")
    messages.success(request, text)
    return redirect("segment_detail", saved.pk)


def _definition(text: str) -> Any:
    """The JSON of the builder. Raises Rejected when it is none, or too long to be one."""
    if len(text) > LONGEST_DEFINITION:
        raise Rejected(_("These rules are too long. Use fewer values."), code="definition_too_long")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Rejected(
            _("The rules can't be read. Reload the page and try again."), code="bad_json"
        ) from error


def _maker(
    request: StaffRequest,
    segment: Segment,
    name: str,
    definition: Any,
    refusal: CrmError | None = None,
) -> HttpResponse:
    """`segment` is the stored one, or a new one that says only of which kind it is to be."""
    others = Segment.objects.live().exclude(pk=segment.pk).order_by("name")
    context = {
        "segment": segment if segment.pk else None,
        "kind": segment.kind,
        "is_list": segment.is_list,
        "others": list(others.values_list("pk", "name")),
        "name": name,
        "definition": definition or {"match": "all", "rules": []},
        "catalogue": catalogue.catalogue(currency=request.merchant.base_currency),
        "labels": catalogue.labels_of(definition, request.membership),
        "starters": catalogue.STARTERS,
        "refusal": refusal,
        "faults": {path: [str(text) for text in texts] for path, texts in refusal.fields.items()}
        if refusal
        else {},
        "name_errors": refusal.fields.get("name", []) if refusal else [],
    }
    return render(request, "segments/segment_maker.html", context, status=refusal.status if refusal else 200)


@require_POST
def segment_preview(request: StaffRequest) -> HttpResponse:
    """Live count, sample and sentence of what stands in the builder, and the overlap with another segment;
    faults by their place when it is unfinished; about how long it takes when that is long."""
    asked = request.POST
    context: dict[str, Any] = {"preview": None, "faults": {}, "refusal": "", "dear": None}
    try:
        definition = _definition(asked.get("definition", ""))
        context["preview"] = counting.preview(
            merchant=request.merchant,
            definition=definition,
            membership=request.membership,
            segment=_named(asked.get("segment", "")),
            other=_named(asked.get("overlap", "")),
            anyway=asked.get("anyway") == "1",
        )
    except BadDefinition as refusal:
        context["faults"] = {path: [str(text) for text in texts] for path, texts in refusal.fields.items()}
        context["refusal"] = str(refusal.message)
    except counting.Dear as dear:
        context["dear"] = dear
    except Rejected as refusal:
        context["refusal"] = str(refusal.message)
    return render(request, "segments/_segment_preview.html", context)


def _named(text: str) -> Segment | None:
    """The live segment of that id, if the text is one."""
    number = row_id(text)
    found = Segment.objects.live().select_related("merchant")
    return found.filter(pk=number).first() if number is not None else None


@require_GET
def segment_options(request: StaffRequest) -> JsonResponse:
    found = catalogue.options_of(
        request.GET.get("condition", ""),
        request.GET.get("field", ""),
        request.GET.get("q", ""),
        membership=request.membership,
    )
    return JsonResponse({"options": found})


# --- the record -------------------------------------------------------------------------------------------


@require_GET
def segment_detail(request: StaffRequest, pk: int) -> HttpResponse:
    segment = get_object_or_404(Segment.objects.select_related("merchant"), pk=pk)
    members = SegmentMember.objects.filter(segment=segment)
    total = counting.total_of(request.merchant, request.membership)
    inside = selectors.counts_for(request.membership, [segment])[segment.pk]
    visible = Customer.objects.visible_to(request.membership).filter(pk__in=members.values("customer_id"))
    context = {
        "segment": segment,
        "sentence": selectors.segment_sentence(segment, request.membership),
        "build": building.build_state(segment),
        "trouble": building.trouble_text(segment),
        "count": number_text(inside),
        "share": percent_text(inside / total if total else 0.0),
        "sample": list(visible.select_related("metrics").order_by("-metrics__last_order_at", "-pk")[:8]),
        "moves": selectors.segment_moves(segment, request.membership),
        "pins": list(selectors.pins_of(segment, request.membership)[:PINS_SHOWN]),
        "others": list(
            Segment.objects.live().exclude(pk=segment.pk).order_by("name").values_list("pk", "name")
        ),
        "campaigns": list(segment.campaigns.order_by("-created_at")[:5]),
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(
        request, "segments/_segment_figures.html" if fragment else "segments/segment_detail.html", context
    )


@require_GET
def segment_people(request: StaffRequest, pk: int) -> HttpResponse:
    """The members as of the last reading, newest first."""
    segment = get_object_or_404(Segment.objects.select_related("merchant"), pk=pk)
    seen = Customer.objects.visible_to(request.membership)
    rows = SegmentMember.objects.filter(segment=segment, customer__in=seen).select_related(
        "customer__metrics"
    )
    asked = listing.read(request.GET, request.path, ())
    page = keyset_page(rows, order=("-entered_at", "-pk"), after=asked.after)
    context = {
        "segment": segment,
        "rows": page.rows,
        "count": selectors.counts_for(request.membership, [segment])[segment.pk],
        "more": asked.more(page.after),
        "may_export": request.membership.can("customers.export"),
        "export_query": f"segment={segment.pk}",
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(
        request, "segments/_segment_people.html" if fragment else "segments/segment_people.html", context
    )


@require_GET
def segment_why(request: StaffRequest, pk: int) -> HttpResponse:
    """Why somebody is in or not: first the search for whom, then the conditions one by one."""
    segment = get_object_or_404(Segment.objects.select_related("merchant"), pk=pk)
    seen = Customer.objects.visible_to(request.membership).present()
    context: dict[str, Any] = {"segment": segment, "query": request.GET.get("q", "").strip()}
    customer_id = row_id(request.GET.get("customer", ""))
    if customer_id is not None:
        context["customer"] = get_object_or_404(seen, pk=customer_id)
        context["answer"] = explaining.segment_contains(segment, context["customer"], request.membership)
        context["hand_words"] = explaining.hand_words(context["answer"].by_hand)
        return render(request, "segments/_segment_answer.html", context)
    if context["query"]:
        found = customer_ids_found(context["query"])
        context["hits"] = list(
            seen.filter(pk__in=found).order_by("-metrics__last_order_at", "-pk")[:WHY_HITS]
        )
    fragment = "hits" in context
    return render(
        request, "segments/_segment_hits.html" if fragment else "segments/_segment_why.html", context
    )


@require_GET
def segment_overlap(request: StaffRequest, pk: int) -> HttpResponse:
    """How many of its people are in another segment, too; counted now."""
    segment = get_object_or_404(Segment.objects.live().select_related("merchant"), pk=pk)
    other = _named(request.GET.get("overlap", ""))
    context: dict[str, Any] = {"overlap": None, "refusal": ""}
    if other is not None:
        try:
            with counting.patience(counting.ANYWAY_MILLISECONDS):
                mine = selectors.segment_member_ids_sql(segment)
                context["overlap"] = counting.overlap(mine, other, membership=request.membership)
        except Rejected as refusal:
            context["refusal"] = str(refusal.message)
    return render(request, "segments/_segment_overlap.html", context)


@require_POST
def segment_build(request: StaffRequest, pk: int) -> HttpResponse:
    segment = get_object_or_404(Segment.objects.live(), pk=pk)
    building.build_ask(segment=segment)
    messages.success(request, _("The people are being counted."))
    return redirect("segment_detail", segment.pk)


@require_POST
def segment_build_cancel(request: StaffRequest, pk: int) -> HttpResponse:
    segment = get_object_or_404(Segment.objects.live(), pk=pk)
    building.build_cancel(segment=segment, actor=request.membership)
    messages.success(request, _("Counting is being stopped. The people stay as they were counted last."))
    return redirect("segment_detail", segment.pk)


@require_POST
def segment_archive(request: StaffRequest, pk: int) -> HttpResponse:
    segment = get_object_or_404(Segment.objects.live(), pk=pk)
    services.segment_archive(segment=segment)
    messages.success(request, _("“%(name)s” is archived.") % {"name": segment.name})
    return redirect("segment_list")
