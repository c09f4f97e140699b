"""The OpenAPI document: what every operation shares is said here once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework import serializers

from crm.api.auth import scope_of
from crm.api.bulk import MAX_ROWS, BulkAnswerSerializer
from crm.api.idempotency import HEADER, KEEP_HOURS, MAX_KEY_CHARS
from crm.api.serializers import ErrorSerializer, StrictInput

REASONS = {
    "400": "The request or its body can't be read.",
    "401": "The key is missing, wrong, revoked or expired.",
    "403": "The key lacks the scope.",
    "404": "Not here, or another merchant's.",
    "406": "Only application/json is served.",
    "409": "The state has moved on, or the same Idempotency-Key is at work.",
    "410": "This customer was merged into another; `fields.merged_into` names it.",
    "413": "The body is too large.",
    "415": "Send application/json.",
    "422": "Understood and refused; `fields` says what is wrong.",
    "429": "Too many requests; wait as long as Retry-After says.",
}
ALWAYS = ("400", "401", "403", "406", "422", "429")
WITH_BODY = ("409", "413", "415")


# Component name → the module whose serialiser has it.
NAMED: dict[str, str] = {}
F = TypeVar("F", bound=Callable[..., Any])


class Schema(AutoSchema):
    """Adds to every operation its scope, the refusals it may give, and Idempotency-Key to POSTs."""

    def get_override_parameters(self) -> list[Any]:
        if self.method != "POST":
            return []
        about = f"The same key and body within {KEEP_HOURS} hours are answered with the first answer."
        shape = {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS, "pattern": "^[!-~]+$"}
        return [OpenApiParameter(HEADER, shape, OpenApiParameter.HEADER, required=False, description=about)]

    def get_description(self) -> str:  # type: ignore[override]
        scope = scope_of(self.view, self.method, getattr(self.view, "action", None))
        words = [super().get_description() or "", f"Scope: `{scope}`" if scope else ""]
        return "\n\n".join(filter(None, words))

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        error = self.resolve_serializer(ErrorSerializer, direction)
        for status in self._refusals():
            content = {"application/json": {"schema": error.ref}}
            bodies.setdefault(status, {"description": REASONS[status], "content": content})
        return dict(sorted(bodies.items()))

    def _get_request_body(self, direction: Any = "request") -> Any:
        """A body written as a plain shape is required when any of its parts is."""
        body = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        shapes = [content.get("schema", {}) for content in (body or {}).get("content", {}).values()]
        if any(shape.get("required") for shape in shapes):
            body["required"] = True
        return body

    def _refusals(self) -> list[str]:
        statuses = [*ALWAYS, *(WITH_BODY if self.method != "GET" else ())]
        if "{" in self.path:
            statuses.append("404")
        return [*statuses, "410"] if getattr(self.view, "may_be_merged", False) else statuses

    def _get_serializer_name(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> str:
        """Two apps may both have an EntrySerializer: the second gets its app's name before it."""
        name: str = super()._get_serializer_name(serializer, direction, bypass_extensions)
        made = serializer if isinstance(serializer, type) else type(serializer)
        if NAMED.setdefault(name, made.__module__) == made.__module__:
            return name
        app = made.__module__.removeprefix("crm.").partition(".")[0]
        return f"{app.title()}{name}"

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        shape = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        strict = serializer if isinstance(serializer, type) else type(serializer)
        if direction == "request" and issubclass(strict, StrictInput):
            shape["additionalProperties"] = False
        return shape


def upsert_schema(name: str, *, plural: str, reads: Any, shows: Any) -> Callable[[F], F]:
    """Declares an UpsertMixin's `create`: one object or many. `name` is the object's, capitalised."""
    rows = serializers.ListField(child=reads(), min_length=1, max_length=MAX_ROWS)
    bulk: Any = type(f"{name}BulkSerializer", (StrictInput,), {plural: rows})
    either = PolymorphicProxySerializer(
        component_name=f"{name}OneOrMany", serializers=[reads, bulk], resource_type_field_name=None
    )
    answer = PolymorphicProxySerializer(
        component_name=f"{name}Answer",
        serializers=[shows, BulkAnswerSerializer],
        resource_type_field_name=None,
    )
    declare: Callable[[F], F] = extend_schema(
        request=either,
        responses={
            200: OpenApiResponse(answer, "Known before, or a bulk's answers"),
            201: OpenApiResponse(shows, "New"),
        },
    )
    return declare
