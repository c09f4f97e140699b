"""The API in the browser: Swagger UI from our own static files, under the site's strict CSP."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """Open to anybody, like the schema: it shows shapes, no data."""
    return render(request, "api/docs.html")
