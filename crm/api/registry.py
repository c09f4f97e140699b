"""Where each app's `api.py` hangs its operations; crm/api/urls.py loads them without knowing the apps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm.accounts.permissions import SCOPES
from crm.api.auth import scope_of

STANDARD = {
    "list": "GET",
    "retrieve": "GET",
    "create": "POST",
    "update": "PUT",
    "partial_update": "PATCH",
    "destroy": "DELETE",
}


@dataclass(frozen=True)
class Operations:
    prefix: str
    viewset: Any
    basename: str


_REGISTERED: dict[str, Operations] = {}


def register(prefix: str, viewset: Any, *, basename: str = "") -> None:
    """Serves the viewset under /api/v1/<prefix>/. Raises ValueError for an operation without a scope."""
    if prefix in _REGISTERED:
        raise ValueError(f"/api/v1/{prefix}/ is registered twice")
    for method, action in operations_of(viewset):
        scope = scope_of(viewset, method, action)
        if scope not in SCOPES:
            raise ValueError(f"{viewset.__name__}: {method} {action} names no scope of permissions.SCOPES")
    _REGISTERED[prefix] = Operations(prefix, viewset, basename or prefix.replace("/", "_"))


def operations_of(viewset: Any) -> list[tuple[str, str]]:
    """(method, action name) of everything that the router will serve."""
    found = [(method, name) for name, method in STANDARD.items() if hasattr(viewset, name)]
    for extra in viewset.get_extra_actions():
        found += [(method.upper(), name) for method, name in extra.mapping.items()]
    return found


def registered() -> list[Operations]:
    return [_REGISTERED[prefix] for prefix in sorted(_REGISTERED)]
