"""Asking buyers for a review: everybody alike, nobody who said no, nobody who waits for help."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.integrations.mail import post
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.care import holds_on
from customers.consent import consent_now, is_suppressed
from customers.models import Customer
from customers.models.consent import Channel, Purpose
from customers.preferences.links import preferences_url, way_out_headers
from customers.registries import Restraint, restraint_on
from orders.models import Order
from reviews import events
from reviews.models import Review, ReviewRequest

State = ReviewRequest.State
SWEEP_LIMIT = 500
# Somebody whose trouble takes longer than this is not asked about the order any more.
GIVE_UP_DAYS = 45
LOOK_AGAIN_HOURS = 12


def sweep() -> int:
    """Decides every invitation that is due; their number. Each in its own transaction."""
    with all_merchants(reason="the sweeper looks after every merchant"):
        due = ReviewRequest.objects.filter(state__in=[State.DUE, State.HELD], due_at__lte=timezone.now())
        requests = list(due.order_by("due_at").select_related("merchant")[:SWEEP_LIMIT])
    for request in requests:
        with merchant_scope(request.merchant):
            invite(request.pk)
    return len(requests)


@transaction.atomic
def invite(request_id: int) -> str:
    """The state after looking: sent, held (looked at again later) or skipped, with its reason. Locks it."""
    request = (
        ReviewRequest.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("order", "customer", "merchant")
        .filter(pk=request_id, state__in=[State.DUE, State.HELD])
        .first()
    )
    if request is None:
        return ""
    now = timezone.now()
    reason = _why_not(request.order, request.customer)
    hold = None if reason else _held(request.merchant, request.customer)
    if reason:
        request.state, request.reason = State.SKIPPED, reason
    elif hold is None:
        _send(request)
    elif hold.until is None and now - request.order.placed_at >= timedelta(days=GIVE_UP_DAYS):
        request.state, request.reason = State.SKIPPED, hold.code
    else:
        request.state, request.reason = State.HELD, hold.code
        request.due_at = hold.until or now + timedelta(hours=LOOK_AGAIN_HOURS)
    request.save(update_fields=["state", "reason", "due_at", "sent_at"])
    return str(request.state)


def _why_not(order: Order, customer: Customer) -> str:
    """A lasting reason against asking, "" when there is none."""
    if order.is_cancelled or order.payment == Order.Payment.REFUNDED:
        return "refunded"
    if not customer.email or customer.erased_at:
        return "no_address"
    if consent_now(customer=customer, channel=Channel.EMAIL, purpose=Purpose.REVIEWS) is not True:
        return "no_consent"
    if is_suppressed(channel=Channel.EMAIL, value=customer.email):
        return "suppressed"
    if Review.objects.filter(order_line__order=order).exists():
        return "reviewed"
    return ""


def _held(merchant: Merchant, customer: Customer) -> Restraint | None:
    """The first care hold on the customer that covers review requests (promise 1), else what the shop's own
    rules of how often and when it writes say."""
    held = next((hold for hold in holds_on(customer.pk) if hold.also_reviews), None)
    if held is not None:
        return Restraint(held.code)
    return restraint_on(merchant, customer)


def _send(request: ReviewRequest) -> None:
    merchant, customer, order = request.merchant, request.customer, request.order
    link = settings.PUBLIC_URL + reverse("portal_reviews", args=[merchant.slug])
    choose = preferences_url(customer.pk, merchant, customer.email)
    context = {"shop": merchant, "customer": customer, "order": order, "link": link, "choose": choose}
    with translation.override(customer.language or merchant.locale):
        post(
            merchant=merchant,
            to=customer.email,
            subject=_("How was your order %(number)s?") % {"number": order.number},
            text=render_to_string("reviews/invitation.txt", context),
            headers=way_out_headers(customer.pk, merchant, customer.email, Purpose.REVIEWS),
            purpose="review_request",
            dedupe_key=f"review_request:{request.pk}",
        )
    request.state, request.reason, request.sent_at = State.SENT, "", timezone.now()
    emit(
        events.REVIEW_INVITED,
        merchant=merchant,
        customer=customer,
        subject=request,
        data={"number": order.number},
        dedupe_key=f"{request.pk}",
    )
