"""What customers see of their points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from customers.portal_door import PortalRequest
from customers.portal_registry import PortalPanel, add_collector, add_portal_panel
from marketing.loyalty import selectors
from marketing.loyalty.models import PointsEntry

add_portal_panel(PortalPanel("portal_points", _("Your points"), place="home", order=30, topics=("loyalty",)))


def portal_points(request: PortalRequest) -> HttpResponse:
    """The card under the orders; an empty body for guests and for shops without a programme."""
    customer, program = request.person.customer, selectors.program_of()
    if customer is None or program is None or not program.is_active:
        return HttpResponse("")
    context = {
        "program": program,
        "standing": selectors.standing_of(customer, program),
        "entries": selectors.entries_of(customer, 10),
    }
    return render(request, "loyalty/_portal_points.html", context)


def collect_points(customer: Customer | None, grants: dict[str, list[int]]) -> Iterator[dict[str, Any]]:
    """For "download my data": every entry."""
    if customer is None:
        return
    for row in PointsEntry.objects.filter(customer=customer).order_by("created_at", "pk").iterator():
        yield {
            "at": row.created_at,
            "points": row.points,
            "kind": row.get_kind_display(),
            "reason": row.reason,
        }


WORDS = {"at": _("When"), "points": _("Points"), "kind": _("Kind"), "reason": _("Reason")}
add_collector("points", _("Your points"), collect_points, words=WORDS)
