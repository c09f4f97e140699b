"""The API's one door: key, scope, merchant, limits and idempotency, then the operation."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, ClassVar

from django.db import models, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from crm.accounts.models import ApiKey, Merchant
from crm.api.idempotency import answer_once, read_key
from crm.api.query import check_query
from crm.api.throttle import Budget
from crm.events.actor import acting
from crm.lib.errors import Forbidden
from crm.lib.tenancy import merchant_scope


class ApiDoor(APIView):
    """Enters the key's merchant scope and actor, and holds both until the answer is rendered.

    `scopes` names the key's scope by method, {"GET": "orders.read", "POST": "orders.write"}, or by
    "METHOD action" for single extra actions. `query_params` are the query parameters that an operation
    knows beside pages and filters; an unknown one is refused: a mistyped filter
    would return everything. A key that is bound to a part of the shop reads only where `narrows` says that
    the rows can be narrowed to it; everything else is closed to it.
    """

    narrows: ClassVar[bool] = False
    scopes: ClassVar[dict[str, str]] = {}
    query_params: frozenset[str] = frozenset()
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    budget: Budget | None = None

    @property
    def api_key(self) -> ApiKey:
        key = self.request.auth
        assert isinstance(key, ApiKey)
        return key

    @property
    def merchant(self) -> Merchant:
        merchant: Merchant = self.api_key.merchant
        return merchant

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        with ExitStack() as self.door:
            response = self._answer(self.request)
        return response

    def perform_authentication(self, request: Request) -> None:
        super().perform_authentication(request)
        key = request.auth
        if isinstance(key, ApiKey):
            self.door.enter_context(merchant_scope(key.merchant))
            self.door.enter_context(acting(f"key:{key.pk}"))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self._check_part(request)
        check_query(self, request)
        request._request.body  # noqa: B018 - read at once: too much of it is a 413 before anything is done

    def _check_part(self, request: Request) -> None:
        key = request.auth
        if isinstance(key, ApiKey) and key.bound and not (self.narrows and request.method in ("GET", "HEAD")):
            text = _("This key sees a part of the shop, and this can't be narrowed to it.")
            raise Forbidden(text, code="part_of_shop")

    def _answer(self, request: Request) -> HttpResponseBase:
        try:
            self.initial(request, *self.args, **self.kwargs)
            key = read_key(request._request) if request.method == "POST" else None
            if key is None:
                return self._finish(self._operate())
            answer = answer_once(
                api_key=self.api_key, key=key, request=request._request, work=self._operate_or_undo
            )
            return self._with_budget(answer)
        except Exception as error:  # noqa: BLE001 - handle_exception raises what is no refusal
            return self._finish(self.handle_exception(error))

    def _operate(self) -> Response:
        method = str(self.request.method).lower()
        known = method in self.http_method_names
        handler: Any = (known and getattr(self, method, None)) or self.http_method_not_allowed
        response: Response = handler(self.request, *self.args, **self.kwargs)
        return response

    def _operate_or_undo(self) -> Response:
        """The rendered answer; a refusal leaves nothing written. A bug is raised."""
        try:
            with transaction.atomic():
                response = self._operate()
        except Exception as error:  # noqa: BLE001 - handle_exception raises what is no refusal
            response = self.handle_exception(error)
        return self._finish(response)

    def _finish(self, response: Response) -> Response:
        self.finalize_response(self.request, response, *self.args, **self.kwargs)
        self._with_budget(response)
        if isinstance(response, Response):  # a file streams itself
            response.render()
        return response

    def _with_budget(self, response: HttpResponseBase) -> HttpResponseBase:
        if self.budget is not None:
            for name, value in self.budget.headers().items():
                response[name] = value
        return response


class ApiView(ApiDoor):
    """An operation that is not a list of rows."""


class TenantViewSet(ApiDoor, GenericViewSet[Any]):
    """Operations on the rows of one model. `rows()` says which of them the operation sees; with `narrows`
    their queryset has `visible_to`.

    `ordering` is the keyset: all columns in one direction, never NULL, the last one unique.
    """

    model: ClassVar[type[models.Model]]
    ordering: Any = ("-id",)
    lookup_value_regex = "[0-9]{1,19}"

    def rows(self) -> models.QuerySet[Any]:
        queryset: models.QuerySet[Any] = self.model.objects.all()  # type: ignore[attr-defined]
        return queryset

    def get_queryset(self) -> models.QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):  # the schema is made outside any merchant's scope
            return self.model._base_manager.none()
        rows: Any = self.rows()
        return rows.visible_to(self.api_key.viewer) if self.api_key.bound else rows  # type: ignore[no-any-return]


class ReadViewSet(ListModelMixin, RetrieveModelMixin, TenantViewSet):
    """List and detail."""
