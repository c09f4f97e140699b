"""The reviews' card on the customer page."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from crm.accounts.routes import StaffRequest
from customers.registries import Panel, SubjectPage, add_panel, add_subject_page
from customers.selectors import customer_for
from reviews.models import Review

SHOWN = 5

add_panel(Panel("customer_reviews", _("Reviews"), "reviews.view", order=60, topics=("reviews",)))
add_subject_page("reviews.review", SubjectPage("review_detail", "reviews.view"))


def customer_reviews(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The customer's newest reviews; an empty body when there are none."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    reviews = Review.objects.filter(customer=customer).select_related("product", "reply")
    newest = reviews.order_by("-submitted_at", "-id")[:SHOWN]
    return render(request, "reviews/_customer_reviews.html", {"reviews": newest})
