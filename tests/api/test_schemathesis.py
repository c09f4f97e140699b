"""Every operation of the OpenAPI document, tried with what it allows and with what it doesn't.

Bounded: a few examples for each operation, always the same ones. One operation: `-k "orders/"`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings
from jsonschema import Draft4Validator
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection

from crm.integrations import webhooks
from crm.lib.tenancy import merchant_scope
from tests.factories.accounts import make_key
from tests.factories.customers import make_customer
from tests.factories.orders import make_order, make_product, make_return

EXAMPLES = 8
CONFIG = {
    "generation": {"mode": "all", "deterministic": True, "database": "none"},
    "checks": {
        # 422 is also how a service refuses what no schema can say, such as an unknown channel.
        "positive_data_acceptance": {"expected-statuses": ["2xx", 401, 403, 404, 409, 422]},
        # A conflict is found before or after the values are looked at.
        "negative_data_rejection": {
            "expected-statuses": [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429]
        },
    },
}

document = SchemaGenerator().get_schema(request=None, public=True)
schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(CONFIG))
schema.app = get_wsgi_application()


@pytest.fixture
def one_connection() -> Iterator[None]:
    """The requests share the test's transaction: what ends a request must not close its connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def shop(merchant, settings: Any, one_connection: None) -> dict[str, Any]:
    """A key with every scope, a row of each kind, and their ids by the operation's first word."""
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": {"key": "1000000/min"}}
    settings.OUTGOING_ALLOW_LOOPBACK = False
    customer = make_customer(merchant)
    order = make_order(merchant, customer)
    rows = {"orders": order, "products": make_product(merchant), "returns": make_return(order)}
    rows |= {"customers": customer, "channels": order.channel}
    with merchant_scope(merchant):
        url = "https://example.com/in"
        rows["webhooks"] = webhooks.endpoint_create(merchant=merchant, url=url, names=["orders.order_paid"])[
            0
        ]
    return {"secret": make_key(merchant)[1], "ids": {name: row.pk for name, row in rows.items()}}


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@pytest.mark.django_db
def test_operation(case: Any, shop: dict[str, Any]) -> None:
    word = case.path.removeprefix("/api/v1/").partition("/")[0]
    numbers = case.path_parameters
    if numbers and isinstance(numbers.get("id"), int) and numbers["id"] % 2 == 0 and word in shop["ids"]:
        numbers["id"] = shop["ids"][word]  # half of the time an id that is there
    headers = {"Authorization": f"Bearer {shop['secret']}"}
    response = case.call(headers=headers)
    answers = answers_by_row(response)
    for row, answer in zip(rows_sent(case.body) if answers else [], answers, strict=False):
        if not row_fits(case, row):
            assert answer["status"] == 422 and answer["fields"], (row, answer)
    # What is wrong with a row of a bulk is said in that row's answer, inside a 200: checked above.
    excluded = [negative_data_rejection] if any(one["status"] == 422 for one in answers) else []
    case.validate_response(
        response, headers=headers, excluded_checks=excluded, transport_kwargs={"headers": headers}
    )


def answers_by_row(response: Any) -> list[dict[str, Any]]:
    """A bulk answer's rows; none of any other answer."""
    if response.status_code != 200 or not isinstance(found := response.json(), dict):
        return []
    rows = found.get("results", [])
    return rows if "accepted" in found and "refused" in found else []


def rows_sent(body: Any) -> list[Any]:
    """The rows of {"orders": […]}."""
    lists = [rows for rows in body.values() if isinstance(rows, list)] if isinstance(body, dict) else []
    return lists[0] if len(lists) == 1 else []


def row_fits(case: Any, row: Any) -> bool:
    """Whether the row is as the document says a single one of its kind must be."""
    body = document["paths"][case.path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    one, _many = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]["oneOf"]
    root = {**one, "components": {"schemas": with_nulls(document["components"]["schemas"])}}
    return bool(Draft4Validator(root).is_valid(row))


def with_nulls(part: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(part, list):
        return [with_nulls(one) for one in part]
    if not isinstance(part, dict):
        return part
    plain = {name: with_nulls(one) for name, one in part.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if part.get("nullable") is True else plain


def test_the_document_is_complete() -> None:
    """Every operation has its own id, a scope, the error shape and, when it posts, Idempotency-Key."""
    seen = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method not in {"get", "post", "put", "patch", "delete"}:
                continue
            where = f"{method} {path}"
            assert operation["operationId"] not in seen, where
            seen.add(operation["operationId"])
            assert "Scope: `" in operation["description"], where
            assert {"401", "403", "422", "429"} <= set(operation["responses"]), where
            names = {parameter["name"] for parameter in operation.get("parameters", ())}
            assert ("Idempotency-Key" in names) == (method == "post"), where
    assert len(seen) >= 15
