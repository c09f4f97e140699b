"""`/metrics` for Prometheus: to whoever holds the token, else to addresses that the operator trusts."""

from __future__ import annotations

import ipaddress
from hmac import compare_digest

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django_prometheus.exports import ExportToDjangoView

from crm.lib.http import client_ip

FORWARDED = ("X-Forwarded-For", "Forwarded")


def metrics_response(request: HttpRequest) -> HttpResponse:
    """The figures of this process, or a 404 that says nothing."""
    if not may_read(request):
        return HttpResponse(status=404)
    response: HttpResponse = ExportToDjangoView(request)
    response["Cache-Control"] = "no-store"
    return response


def may_read(request: HttpRequest) -> bool:
    """With METRICS_TOKEN set only its holder may; else the networks of METRICS_ALLOW.

    A proxy on this machine makes every visitor look like loopback: what it forwarded counts only when
    TRUSTED_PROXIES says how to read the visitor's address.
    """
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    if not settings.TRUSTED_PROXIES and any(name in request.headers for name in FORWARDED):
        return False
    address = client_ip(request)
    if address is None:
        return False
    return any(ipaddress.ip_address(address) in network for network in settings.METRICS_ALLOW)
