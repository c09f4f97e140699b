"""Staff pages about reviews: the list, one review, the integrity report."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.accounts.routes import StaffRequest
from crm.lib import listing
from crm.lib.keyset import count_of, keyset_page
from crm.lib.ui.parts import Tab
from reviews import ledger, services
from reviews.filters import FILTERS, STATES, search
from reviews.forms import ReplyForm, WithholdForm
from reviews.models import LedgerEntry, Review
from reviews.selectors import integrity_report, ledger_of, review_rows


def review_list(request: StaffRequest) -> HttpResponse:
    """Reviews by state, the oldest waiting one first, else the newest; rows alone when htmx asks."""
    asked = listing.read(request.GET, request.path, FILTERS)
    state = request.GET.get("state", Review.State.PENDING)
    reviews = search(asked.narrow(review_rows(request.membership)), asked.search)
    if state in STATES:
        reviews = reviews.filter(state=state)
    page = keyset_page(reviews, order=["-submitted_at", "-id"], after=asked.after)
    count = count_of(reviews)
    context = {
        "listing": asked,
        "reviews": page.rows,
        "more": _more(asked, state, page.after),
        "state": state,
        "tabs": _tabs(request, state),
        "total": listing.count_text(count.number, count.exact),
        "may_export": request.membership.can("customers.export"),
        "export_query": "&".join(filter(None, [urlencode({"state": state}), asked.query])),
    }
    is_rows = request.headers.get("HX-Request") == "true"
    return render(
        request, "reviews/_review_list_results.html" if is_rows else "reviews/review_list.html", context
    )


def _more(asked: listing.Listing, state: str, after: str) -> str:
    return f"{asked.more(after)}&{urlencode({'state': state})}" if after else ""


def _tabs(request: StaffRequest, state: str) -> list[Tab]:
    waiting = Review.objects.visible_to(request.membership).pending().count()
    labels: list[tuple[str, str]] = [
        (Review.State.PENDING, _("Waiting")),
        (Review.State.PUBLISHED, _("Published")),
    ]
    labels += [(Review.State.WITHHELD, _("Withheld")), ("all", _("All"))]
    return [
        Tab(
            label,
            f"{request.path}?state={key}",
            key == state,
            waiting if key == Review.State.PENDING else None,
        )
        for key, label in labels
    ]


def review_detail(request: StaffRequest, review_id: int) -> HttpResponse:
    """The review, its author and purchase, its answer, and every step of its ledger."""
    review = get_object_or_404(review_rows(request.membership), pk=review_id)
    return render(request, "reviews/review_detail.html", _detail(review))


def _detail(review: Review, **forms: Any) -> dict[str, Any]:
    reply = getattr(review, "reply", None)
    return {
        "review": review,
        "reply": reply,
        "entries": ledger_of(review),
        "reply_form": forms.get("reply_form") or ReplyForm(instance=reply),
        "withhold_form": forms.get("withhold_form") or WithholdForm(),
    }


@require_POST
def review_publish(request: StaffRequest, review_id: int) -> HttpResponse:
    review = services.review_publish(review=get_object_or_404(review_rows(request.membership), pk=review_id))
    messages.success(request, _("Published. Everybody can read it now."))
    return _onward(request, review)


@require_POST
def review_withhold(request: StaffRequest, review_id: int) -> HttpResponse:
    review = get_object_or_404(review_rows(request.membership), pk=review_id)
    form = WithholdForm(request.POST)
    if not form.is_valid():
        return render(request, "reviews/review_detail.html", _detail(review, withhold_form=form), status=422)
    services.review_withhold(review=review, reason=form.cleaned_data["reason"])
    messages.success(request, _("Withheld. The public report counts it with its reason."))
    return _onward(request, review)


@require_POST
def review_reply(request: StaffRequest, review_id: int) -> HttpResponse:
    review = get_object_or_404(review_rows(request.membership), pk=review_id)
    form = ReplyForm(request.POST)
    if not form.is_valid():
        return render(request, "reviews/review_detail.html", _detail(review, reply_form=form), status=422)
    services.review_reply(review=review, body=form.cleaned_data["body"], author=request.membership)
    messages.success(request, _("Your answer stands under the review."))
    return redirect("review_detail", review.pk)


def _onward(request: StaffRequest, review: Review) -> HttpResponse:
    """Back to the review, or on to the next one waiting when the moderator works through the queue."""
    if request.POST.get("then") == "next":
        following = Review.objects.visible_to(request.membership).pending().order_by("submitted_at").first()
        return redirect("review_detail", following.pk) if following else redirect("review_list")
    return redirect("review_detail", review.pk)


def review_integrity(request: StaffRequest) -> HttpResponse:
    """What the public report shows, and the ledger verified now."""
    context = {
        "report": integrity_report(),
        "verdict": ledger.verify(),
        "newest": LedgerEntry.objects.order_by("-sequence")[:20],
        "public_url": request.build_absolute_uri(reverse("public_integrity", args=[request.merchant.slug])),
    }
    return render(request, "reviews/review_integrity.html", context)
