"""The person's own page of their data: asking for the package, and fetching it."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.lib.errors import TooMany
from crm.lib.private_files import full_path
from customers.models import DataPackage
from customers.my_data.services import KEEP, no_file, package_ask, package_fetch, packages_of
from customers.portal_door import PortalRequest, portal_url, render_portal

MOST_SHOWN = 10


@require_http_methods(["GET", "HEAD", "POST"])
def portal_data(request: PortalRequest) -> HttpResponse:
    """What was asked for and what is ready; a POST asks for a package."""
    person = request.person
    if request.method == "POST":
        try:
            package_ask(
                merchant=request.shop,
                customer=person.customer,
                way=DataPackage.Way.PORTAL,
                address=person.address,
                grants=dict(person.grants),
            )
            messages.success(request, _("We are preparing your data and write to you when they are ready."))
        except TooMany as refusal:
            messages.error(request, str(refusal.message))
        return redirect(portal_url(request, "portal_data"))
    context = {"packages": packages_of(person.customer, person.address).filter(way="portal")[:MOST_SHOWN],
               "days": KEEP.days}  # fmt: skip
    return render_portal(request, "portal/data.html", context)


@require_POST
def portal_data_file(request: PortalRequest, public_id: uuid.UUID) -> HttpResponseBase:
    """The zip. Only who is signed in as the person it was made for gets it."""
    person = request.person
    mine = packages_of(person.customer, person.address).filter(way=DataPackage.Way.PORTAL)
    return zip_response(
        package_fetch(package=get_object_or_404(mine, public_id=public_id)), request.shop.slug
    )


def zip_response(package: DataPackage, name: str) -> FileResponse:
    """Raises Conflict when its end came in this very moment."""
    day = timezone.localtime(package.created_at).strftime("%Y-%m-%d")
    try:
        file = full_path(package.file_path).open("rb")
    except FileNotFoundError as error:
        raise no_file() from error
    response = FileResponse(file, as_attachment=True, filename=f"{name}-my-data-{day}.zip")
    response["Cache-Control"] = "private, no-store"
    response["X-Accel-Buffering"] = "no"
    return response
