"""The customer's own pages about orders: the list, one order's story, sending something back."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from crm.lib.errors import NotFound, Rejected
from customers.portal import portal_settings
from customers.portal_door import PortalRequest, portal_url, render_portal
from customers.portal_registry import (
    PORTAL_PANELS,
    PortalLink,
    add_collector,
    add_finder,
    add_portal_link,
)
from orders.models import Order, Return
from orders.portal_pages import ORDER_WORDS, collect_orders, find_order, headline_of, orders_of, tracking_of
from orders.returns import return_decide, return_request, returnable

# A buyer with more orders than this searches their mail.
ORDERS_SHOWN = 50

add_finder(find_order)
add_collector("orders", gettext_lazy("Your orders"), collect_orders, words=ORDER_WORDS)
add_portal_link(PortalLink("portal_home", gettext_lazy("Orders"), "package", order=10))


def portal_home(request: PortalRequest) -> HttpResponse:
    """The person's orders, newest first, and what the other apps have to say to them."""
    mine = orders_of(request.person).prefetch_related("lines", "shipments")
    orders = list(mine[: ORDERS_SHOWN + 1])
    today = timezone.localdate()
    context = {
        "cards": [(order, headline_of(order, today)) for order in orders[:ORDERS_SHOWN]],
        "more": len(orders) > ORDERS_SHOWN,
        "panels": panels_at(request, "home"),
    }
    return render_portal(request, "portal/home.html", context, topics=_topics(request, orders))


def panels_at(request: PortalRequest, place: str, *args: Any) -> list[dict[str, Any]]:
    """The cards that other apps hang here: title, address of the fragment, live topics."""
    return [
        {"title": panel.title, "url": portal_url(request, panel.url_name, *args), "topics": panel.topics}
        for panel in PORTAL_PANELS
        if panel.place == place
    ]


def _topics(request: PortalRequest, orders: list[Order]) -> list[str]:
    topics = [f"orders.order:{order.pk}" for order in orders]
    customer = request.person.customer
    return [*topics, f"customer:{customer.pk}"] if customer else topics


def _order(request: PortalRequest, order_id: int) -> Order:
    """The person's order of that id. Raises NotFound for anybody else's."""
    mine = orders_of(request.person).select_related("merchant", "customer")
    order = (
        mine.prefetch_related("lines__product", "shipments__scans", "refunds", "returns__lines__order_line")
        .filter(pk=order_id)
        .first()
    )
    if order is None:
        raise NotFound()
    return order


def portal_order(request: PortalRequest, order_id: int) -> HttpResponse:
    """One order: where it is, what happened, what is in it, what can be done. The story alone for htmx."""
    order = _order(request, order_id)
    context = {
        "order": order,
        "tracking": tracking_of(order, timezone.localdate()),
        "returnable": returnable(order),
        "panels": panels_at(request, "order", order.pk),
    }
    if request.headers.get("HX-Request") == "true":
        return render(request, "portal/_order_story.html", context | {"shop": request.shop})
    return render_portal(request, "portal/order.html", context, topics=_topics(request, [order]))


def portal_return(request: PortalRequest, order_id: int) -> HttpResponse:
    """Choose what to send back and why."""
    order = _order(request, order_id)
    refusal, chosen = "", _quantities(request)
    if request.method == "POST":
        try:
            rma = return_request(
                merchant=request.shop,
                order=order,
                quantities=chosen,
                reason=request.POST.get("reason", ""),
                comment=request.POST.get("comment", ""),
                key=f"{order.pk}:{request.POST.get('key', '')[:40]}",
            )
        except Rejected as error:
            refusal = str(error.message)
        else:
            messages.success(
                request, _("We have your return %(number)s. We answer by e-mail.") % {"number": rma}
            )
            return redirect(portal_url(request, "portal_order", order.pk))
    state = returnable(order)
    if refusal:
        state = replace(state, lines=[replace(one, chosen=chosen.get(one.line.pk, 0)) for one in state.lines])
    context = {
        "order": order,
        "returnable": state,
        "reasons": Return.Reason.choices,
        "settings": portal_settings(),
        "key": request.POST.get("key") or uuid.uuid4().hex,
        "refusal": refusal,
        "typed": request.POST,
    }
    return render_portal(request, "portal/return.html", context, status=422 if refusal else 200)


def _quantities(request: PortalRequest) -> dict[int, int]:
    """What was chosen; whose line it is, the service checks. Raises Rejected for what is no number."""
    chosen = {}
    for name, value in request.POST.items():
        if not name.startswith("line-") or not str(value).strip():
            continue
        line_id, pieces = name.removeprefix("line-"), str(value)
        if not (line_id.isdecimal() and pieces.isdecimal()) or len(line_id) > 18 or len(pieces) > 6:
            raise Rejected(_("Choose how many pieces with a plain number."), code="bad_number")
        chosen[int(line_id)] = int(pieces)
    return chosen


@require_POST
def portal_return_cancel(request: PortalRequest, order_id: int, return_id: int) -> HttpResponse:
    """Withdraws a return that nobody has received yet."""
    order = _order(request, order_id)
    rma = order.returns.filter(pk=return_id).first()
    if rma is None:
        raise NotFound()
    return_decide(merchant=request.shop, rma=rma, state=Return.State.CANCELLED)
    messages.success(request, _("Return %(number)s is withdrawn.") % {"number": rma})
    return redirect(portal_url(request, "portal_order", order.pk))
