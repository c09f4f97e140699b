"""The customer's own pages about reviews: what can be reviewed, writing one, changing one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from crm.lib.errors import NotFound
from customers.models import Customer
from customers.portal_door import PortalRequest, portal_url, render_portal
from customers.portal_registry import (
    PortalLink,
    PortalPanel,
    add_collector,
    add_portal_link,
    add_portal_panel,
)
from orders.models import OrderLine
from orders.portal_pages import orders_of
from reviews.forms import ReviewForm
from reviews.models import Review
from reviews.selectors import reviewable_lines
from reviews.services import review_edit, review_submit

add_portal_link(PortalLink("portal_reviews", gettext_lazy("Reviews"), "star", order=40))
add_portal_panel(
    PortalPanel(
        "portal_order_reviews", gettext_lazy("Your opinion"), place="order", order=40, topics=("reviews",)
    )
)


def _mine(request: PortalRequest) -> QuerySet[Review]:
    """The person's reviews, newest first; a guest's hang on the orders that they proved."""
    lines = OrderLine.objects.filter(order__in=orders_of(request.person))
    reviews = Review.objects.filter(order_line__in=lines).select_related("product", "reply")
    return reviews.order_by("-submitted_at", "-id")


def portal_reviews(request: PortalRequest) -> HttpResponse:
    """What waits to be reviewed, and what was."""
    lines = reviewable_lines(orders_of(request.person))[:30]
    return render_portal(
        request, "reviews/portal_reviews.html", {"lines": lines, "reviews": _mine(request)[:100]}
    )


def portal_order_reviews(request: PortalRequest, order_id: int) -> HttpResponse:
    """The card on an order's page; an empty body when there is nothing to say."""
    lines = reviewable_lines(orders_of(request.person).filter(pk=order_id))
    reviews = _mine(request).filter(order_line__order_id=order_id)
    return render(
        request,
        "reviews/_portal_order_reviews.html",
        {"lines": lines, "reviews": reviews, "shop": request.shop},
    )


def portal_review_write(request: PortalRequest, line_id: int) -> HttpResponse:
    """A new review of a delivered item."""
    line = reviewable_lines(orders_of(request.person)).filter(pk=line_id).first()
    if line is None:
        raise NotFound(_("This item can't be reviewed, or you have reviewed it already."))
    assert line.product is not None
    form = ReviewForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        review_submit(
            merchant=request.shop,
            product=line.product,
            order_line=line,
            customer=request.person.customer,
            language=get_language() or "",
            **form.cleaned_data,
        )
        messages.success(request, _("Thank you! Your review appears when the shop has read it."))
        return redirect(portal_url(request, "portal_reviews"))
    return _form_page(request, form, line.product.title)


def portal_review_edit(request: PortalRequest, review_id: int) -> HttpResponse:
    """New words for one's own review; they are read again before they appear."""
    review = _mine(request).filter(pk=review_id).first()
    if review is None:
        raise NotFound()
    initial = {"rating": review.rating, "title": review.title, "body": review.body}
    form = ReviewForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        review_edit(review=review, **form.cleaned_data)
        messages.success(request, _("Changed. It appears when the shop has read it."))
        return redirect(portal_url(request, "portal_reviews"))
    return _form_page(request, form, review.product.title)


def _form_page(request: PortalRequest, form: ReviewForm, product: str) -> HttpResponse:
    status = 422 if form.is_bound else 200
    return render_portal(
        request, "reviews/portal_write.html", {"form": form, "product": product}, status=status
    )


REVIEW_WORDS = {
    "product": gettext_lazy("Product"),
    "rating": gettext_lazy("Stars"),
    "title": gettext_lazy("Title"),
    "body": gettext_lazy("Text"),
    "state": gettext_lazy("State"),
    "submitted_at": gettext_lazy("Written"),
}


def _collect(customer: Customer | None, grants: dict[str, list[int]]) -> Iterator[dict[str, Any]]:
    if customer is None:
        return
    reviews = Review.objects.filter(customer=customer).select_related("product")
    for review in reviews.order_by("submitted_at", "id").iterator(chunk_size=200):
        yield {
            "product": str(review.product),
            "rating": review.rating,
            "title": review.title,
            "body": review.body,
            "state": review.get_state_display(),
            "submitted_at": review.submitted_at,
        }


add_collector("reviews", gettext_lazy("Your reviews"), _collect, words=REVIEW_WORDS)
