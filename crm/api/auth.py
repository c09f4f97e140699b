"""Who is calling: Bearer keys, and the scope that each operation asks for."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from crm.accounts.models import ApiKey
from crm.lib.errors import Forbidden
from crm.lib.tenancy import all_merchants

# What a key that doesn't exist is compared with, so that a wrong prefix takes as long as a wrong secret.
NOBODY = "0" * 64
# One write a minute tells staff well enough whether a key is in use.
LAST_USED_SECONDS = 60
WRONG_KEY = _("The API key is wrong, revoked or expired.")


@dataclass(frozen=True)
class Caller:
    """`request.user` of an API request: the program behind the key."""

    key: ApiKey
    is_authenticated: bool = True

    @property
    def pk(self) -> int:
        return self.key.pk


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer gx_<prefix>_<secret>`. One query; one write a minute."""

    def authenticate(self, request: Request) -> tuple[Caller, ApiKey] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        scheme, _space, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise AuthenticationFailed(_("Send the API key as “Authorization: Bearer gx_…”."))
        key = find_key(secret.strip())
        if key is None:
            raise AuthenticationFailed(WRONG_KEY)
        return Caller(key), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def find_key(secret: str) -> ApiKey | None:
    """The usable key with this secret, its merchant with it; marks it as used."""
    mark, _1, rest = secret.partition("_")
    prefix, _2, _tail = rest.partition("_")
    usable = prefix.isascii() and prefix.isalnum() and len(prefix) <= 12
    with all_merchants(reason="a key is found by its secret; it decides the merchant"):
        found = (
            ApiKey.objects.usable().select_related("merchant").filter(prefix=prefix, merchant__is_active=True)
            if usable
            else ApiKey.objects.none()
        )
        key: ApiKey | None = found.first()
        digest = ApiKey.digest_of(secret) if secret.isascii() else NOBODY
        right = hmac.compare_digest(digest, key.digest if key else NOBODY)
        if key is None or not right or mark != ApiKey.MARK:
            return None
        _mark_used(key)
    return key


def _mark_used(key: ApiKey) -> None:
    now = timezone.now()
    old = now - timedelta(seconds=LAST_USED_SECONDS)
    if key.last_used_at is None or key.last_used_at < old:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=old)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def scope_of(view: Any, method: str, action: str | None = None) -> str | None:
    """The scope that an operation asks for: by action name first, then by method; None when it has none."""
    scopes: dict[str, str] = getattr(view, "scopes", {})
    wanted = "GET" if method == "HEAD" else method
    return scopes.get(f"{wanted} {action}") or scopes.get(action or "") or scopes.get(wanted)


class HasScope(BasePermission):
    """The key carries the scope that the operation declares in the view's `scopes`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, ApiKey):
            return False
        method = str(request.method)
        if not hasattr(view, method.lower()):
            raise MethodNotAllowed(method)
        scope = scope_of(view, method, getattr(view, "action", None))
        if scope is None:
            raise MethodNotAllowed(method)
        if scope not in request.auth.scopes:
            text = _("This key lacks the scope %(scope)s.") % {"scope": scope}
            raise Forbidden(text, code="missing_scope")
        return True


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "crm.api.auth.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of Settings → API keys. Each operation names the scope that it needs.",
        }
