"""Orders, products, channels and returns by REST."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crm.events.models import Event
from customers.models import Customer
from orders.models import Order, Product, Refund, SalesChannel, Shipment
from tests.api.test_idempotency import order
from tests.factories.orders import make_channel, make_order, make_product, make_return

FULL = {
    "external_id": "A-1",
    "number": "T-2231",
    "placed_at": "2026-11-01T08:00:00+08:00",
    "currency": "CNY",
    "total": "820.00",
    "subtotal": "800.00",
    "shipping": "20.00",
    "payment": "paid",
    "tags": ["gift"],
    "source_updated_at": "2026-11-01T09:00:00.123456Z",
    "contact": {"name": "李晓梅", "email": "Li@Example.com", "phone": "138 0013 8000", "member_id": "m1"},
    "shipping_address": {"city": "上海", "line1": "南京路 1"},
    "lines": [
        {"external_id": "l1", "quantity": 2, "unit_price": "400.00", "title": "Teapot", "sku": "TP-1"},
    ],
    "payments": [{"external_id": "p1", "amount": "820.00", "paid_at": "2026-11-01T00:01:00Z"}],
}

NO_MONEY = {"external_id": "r", "amount": "0", "refunded_at": "2026-11-02T00:00:00Z"}


class TestUpsert:
    def test_a_full_order_comes_back_as_it_was_told(self, insider, scoped):
        response = insider.post_json("orders/", FULL)
        assert response.status_code == 201, response.content
        body = response.json()
        assert body["outcome"] == "created"
        assert (body["number"], body["total"], body["net"]) == ("T-2231", "820.00", "820.00")
        assert body["placed_at"] == "2026-11-01T00:00:00Z"
        assert body["source_updated_at"] == "2026-11-01T09:00:00.123456Z"
        assert body["lines"][0]["total"] == "800.00"
        customer = Customer.objects.get()
        assert body["customer"] == customer.pk
        assert (customer.email, customer.phone) == ("li@example.com", "+8613800138000")
        shown = insider.get(f"orders/{body['id']}/").json()
        assert shown == {name: value for name, value in body.items() if name != "outcome"}

    def test_the_actor_is_the_key(self, insider, scoped):
        insider.post_json("orders/", FULL)
        assert Event.objects.get(name="orders.order_placed").actor.startswith("key:")

    @pytest.mark.parametrize(
        "told, outcome, total",
        [
            ("2026-11-01T09:00:00.123456Z", "unchanged", "820.00"),
            ("2026-11-01T09:00:00.123457Z", "updated", "900.00"),
            ("2026-11-01T09:00:00.123455Z", "stale", "820.00"),
        ],
    )
    def test_the_newest_version_wins(self, insider, scoped, told, outcome, total):
        insider.post_json("orders/", FULL)
        again = FULL | {"source_updated_at": told}
        if outcome != "unchanged":
            again |= {"total": "900.00"}
        response = insider.post_json("orders/", again)
        assert (response.status_code, response.json()["outcome"]) == (200, outcome)
        assert response.json()["total"] == total
        assert Order.objects.count() == 1

    def test_an_unknown_channel_is_refused_and_can_be_made(self, insider, scoped):
        response = insider.post_json("orders/", FULL | {"channel": "till"})
        assert response.status_code == 422
        assert "channel" in response.json()["fields"]
        assert not Order.objects.exists()
        assert (
            insider.post_json("channels/", {"slug": "till", "name": "Till", "kind": "pos"}).status_code == 201
        )
        assert insider.post_json("channels/", {"slug": "till", "name": "Till"}).status_code == 409
        assert insider.post_json("orders/", FULL | {"channel": "till"}).json()["channel"] == "till"

    @pytest.mark.parametrize(
        "change, field",
        [
            ({"total": "-1"}, "total"),
            ({"total": 10}, "total"),
            ({"total": "9" * 12}, "total"),
            ({"currency": "yuan"}, "currency"),
            ({"placed_at": "2026-11-01"}, "placed_at"),
            ({"placed_at": "0001-01-01T00:00:00+14:00"}, "placed_at"),
            ({"external_id": ""}, "external_id"),
            ({"external_id": "x" * 101}, "external_id"),
            ({"payment": "free"}, "payment"),
            ({"lines": [{"quantity": 1.5, "unit_price": "1"}]}, "lines.0.quantity"),
            ({"lines": [{"quantity": 2**40, "unit_price": "1"}]}, "lines.0.quantity"),
            (
                {"refunds": [{"external_id": "r", "amount": "0", "refunded_at": "2026-11-02T00:00:00Z"}]},
                "amount",
            ),
            ({"contact": {"country": "China"}}, "contact.country"),
            ({"nonsense": 1}, "nonsense"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_written(self, insider, scoped, change, field):
        response = insider.post_json("orders/", FULL | change)
        assert response.status_code == 422, response.content
        assert field in response.json()["fields"]
        assert not Order.objects.exists()
        assert not Customer.objects.exists()

    def test_what_only_the_database_refuses_is_422_too(self, insider, scoped):
        lines = [{"quantity": 1_000_000, "unit_price": "99999999999.9999"}]
        response = insider.post_json("orders/", FULL | {"lines": lines})
        assert (response.status_code, response.json()["code"]) == (422, "invalid")
        assert not Order.objects.exists()


class TestBulk:
    def test_each_row_is_answered_for_itself(self, insider, scoped):
        rows = [order("B-1"), order("B-2", total="-5"), "nonsense", order("B-1"), order("B-4", channel="no")]
        body = insider.post_json("orders/", {"orders": rows}).json()
        assert (body["accepted"], body["refused"]) == (2, 3)
        assert [row["index"] for row in body["results"]] == [0, 1, 2, 3, 4]
        assert [row["outcome"] for row in body["results"]] == [
            *("created", "refused", "refused", "unchanged", "refused")
        ]
        assert [row["status"] for row in body["results"]] == [201, 422, 422, 200, 422]
        assert "total" in body["results"][1]["fields"]
        assert body["results"][0]["id"] == body["results"][3]["id"] == Order.objects.get().pk

    @pytest.mark.parametrize("rows", [[], {}, None, "x", [{}] * 1001])
    def test_a_wrong_list_is_422(self, insider, scoped, rows):
        response = insider.post_json("orders/", {"orders": rows})
        assert response.status_code == 422
        assert "orders" in response.json()["fields"]

    def test_beside_the_list_nothing_is_taken(self, insider, scoped):
        response = insider.post_json("orders/", {"orders": [order()], "channel": "api"})
        assert response.status_code == 422
        assert "channel" in response.json()["fields"]

    @pytest.mark.slow
    def test_a_thousand_rows(self, insider, scoped):
        rows = [order(f"C-{number}", contact={"email": f"c{number}@example.com"}) for number in range(1000)]
        body = insider.post_json("orders/", {"orders": rows}, key="bulk").json()
        assert (body["accepted"], body["refused"]) == (1000, 0)
        assert Order.objects.count() == 1000


class TestReading:
    def test_filters(self, insider, merchant):
        till = make_channel(merchant, "till")
        make_order(merchant, number="T-1", paid=False)
        make_order(merchant, number="T-2", channel=till)
        for query, numbers in [
            ("payment=paid", ["T-2"]),
            ("channel=till", ["T-2"]),
            ("number=T-1", ["T-1"]),
            ("cancelled=false", ["T-2", "T-1"]),
            ("cancelled=true", []),
            ("placed_before=2020-01-01T00:00:00Z", []),
        ]:
            rows = insider.get(f"/api/v1/orders/?{query}").json()["results"]
            assert [row["number"] for row in rows] == numbers, query

    def test_the_same_number_of_queries_for_2_and_20_rows(self, insider, merchant, django_assert_num_queries):
        for _ in range(20):
            make_order(merchant)
        insider.get("orders/")
        for limit in (2, 20):
            # key, orders, lines, payments, refunds (none, so no refund lines), shipments
            with django_assert_num_queries(6):
                assert len(insider.get(f"/api/v1/orders/?limit={limit}").json()["results"]) == limit

    def test_the_outsider_finds_nothing(self, insider, outsider, colleague, merchant):
        row = make_order(merchant)
        rma = make_return(row)
        product = make_product(merchant)
        for path in (
            f"orders/{row.pk}/",
            f"returns/{rma.pk}/",
            f"products/{product.pk}/",
            f"channels/{row.channel_id}/",
        ):
            assert insider.get(path).status_code == 200, path
            assert colleague.get(path).status_code == 200, path
            assert outsider.get(path).status_code == 404, path
        for path in ("orders/", "returns/", "products/", "channels/"):
            assert outsider.get(path).json()["results"] == []
        shipment = {"external_id": "s1"}
        assert outsider.post_json(f"orders/{row.pk}/shipments/", shipment).status_code == 404
        assert colleague.post_json(f"orders/{row.pk}/shipments/", shipment).status_code == 403
        assert colleague.post_json("orders/", FULL).status_code == 403
        assert insider.get(f"returns/{rma.pk}/").json()["number"] == f"R-{rma.number}"


class TestFacts:
    def test_a_parcel_moves_forward_only(self, insider, merchant, scoped):
        row = make_order(merchant)
        path = f"orders/{row.pk}/shipments/"
        parcel = {"external_id": "s1", "carrier": "SF", "tracking_number": "SF1", "state": "out"}
        first = insider.post_json(path, parcel)
        assert (first.status_code, first.json()["state"]) == (201, "out")
        late_news = insider.post_json(path, parcel | {"state": "transit"})
        assert (late_news.status_code, late_news.json()["state"]) == (200, "out")
        done = parcel | {"state": "delivered", "delivered_at": "2026-11-05T08:00:00Z"}
        assert insider.post_json(path, done).json()["state"] == "delivered"
        assert Shipment.objects.count() == 1
        names = Event.objects.filter(subject_id=row.pk).values_list("name", flat=True)
        assert sorted(set(names) & {"orders.order_shipped", "orders.order_delivered"}) == [
            *("orders.order_delivered", "orders.order_shipped")
        ]
        row.refresh_from_db()
        assert row.fulfilment == "delivered"

    def test_a_refund_is_told_once(self, insider, merchant, scoped):
        row = make_order(merchant, lines=[("Tea", 1, "100")])
        path = f"orders/{row.pk}/refunds/"
        refund = {"external_id": "r1", "amount": "40.00", "refunded_at": "2026-11-05T08:00:00Z"}
        lines = [{"line_external_id": "1", "quantity": 1, "amount": "40.00"}]
        assert insider.post_json(path, refund | {"lines": lines}).status_code == 201
        again = insider.post_json(path, refund | {"amount": "50.00"})
        assert (again.status_code, again.json()["amount"]) == (200, "40.00")
        row.refresh_from_db()
        assert (row.refunded, row.payment) == (Decimal(40), "partly")
        other = make_order(merchant)
        clash = insider.post_json(f"orders/{other.pk}/refunds/", refund)
        assert (clash.status_code, clash.json()["code"]) == (409, "refund_exists")
        assert insider.post_json(path, refund | {"external_id": "r2", "amount": "0.00"}).status_code == 422
        assert Refund.objects.count() == 1

    def test_products_are_upserted_with_their_variants(self, insider, scoped):
        tea = {
            "external_id": "P1",
            "title": "Tea",
            "price": "9.90",
            "currency": "CNY",
            "variants": [{"external_id": "v1", "sku": "TEA-100", "price": "9.90"}],
        }
        assert insider.post_json("products/", tea).json()["outcome"] == "created"
        assert insider.post_json("products/", tea).json()["outcome"] == "unchanged"
        changed = insider.post_json("products/", {"products": [tea | {"title": "Green tea"}]}).json()
        assert changed["results"][0]["outcome"] == "updated"
        shown = insider.get("/api/v1/products/?sku=TEA-100").json()["results"]
        assert [row["title"] for row in shown] == ["Green tea"]
        assert Product.objects.count() == 1
        assert SalesChannel.objects.get().slug == "api"
