"""The orders importer on small files whose every number can be checked by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from crm.events.models import Event
from crm.imports.models import ImportBatch, KeptRow, RefusedRow
from crm.imports.staging import table_exists, table_name
from customers.duplicates.scanning import duplicates_find
from customers.merging.services import customers_merge, merge_undo
from customers.models import Customer, DuplicatePair, Identity, MatchKeys, Metrics, Note
from customers.searching import customer_ids_found
from orders.models import Order, OrderLine, Product, Refund, RefundLine, SalesChannel, Variant
from tests.orders.import_support import SMALL, SMALL_TOLD, checked, csv_of, imported, ledger_csv, undone

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books_in_pounds(scoped):
    scoped.base_currency = "GBP"
    scoped.save()


EVERYTHING = (
    Order,
    OrderLine,
    Product,
    Variant,
    Refund,
    RefundLine,
    Customer,
    Identity,
    Metrics,
    SalesChannel,
)


def how_many() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in EVERYTHING}


def test_the_dry_run_tells_what_would_happen_and_writes_nothing(scoped):
    batch = checked(scoped, ledger_csv(SMALL))
    assert batch.state == ImportBatch.State.CHECKED
    assert batch.preset == "online-retail"
    told = {
        key: batch.counts[key] for key in ("lines", "duplicate_lines", "orders", "refunds", "guest_orders")
    }
    assert told == {key: SMALL_TOLD[key] for key in told}
    assert (batch.counts["new_orders"], batch.counts["existing_orders"]) == (4, 0)
    assert batch.counts["told"] == {key: SMALL_TOLD[key] for key in ("gross", "refunded", "adjusted", "net")}
    assert set(how_many().values()) == {0}
    assert not Event.objects.exists()


def test_the_import_writes_it_and_the_reconciliation_is_equal(scoped):
    report = imported(scoped, ledger_csv(SMALL)).report
    assert report["equal"] is True
    assert {key: report[key] for key in SMALL_TOLD} == SMALL_TOLD
    kinds = (
        "order_lines",
        "refund_lines",
        "adjustment_lines",
        "stock_lines",
        "duplicate_lines",
        "refused_rows",
    )
    assert sum(report[kind] for kind in kinds) == report["lines"]
    order = Order.objects.get(number="1001")
    assert (order.total, order.currency, order.payment) == (Decimal("27.5"), "GBP", "partly")
    assert order.placed_at == datetime(2010, 1, 1, 10, tzinfo=UTC)
    assert order.customer.country == "GB"
    assert Order.objects.get(number="1003").customer is None


def test_a_cancellation_takes_the_newest_order_that_still_holds_enough(scoped):
    """C1005 returns 3 of order 1002's 4; C1006 wants 2, so 1002 has too few left and it falls to 1001."""
    imported(scoped, ledger_csv(SMALL))
    matched = dict(Refund.objects.values_list("external_id", "order__number"))
    assert matched == {"C1005": "1002", "C1006": "1001", "C1007": None, "C1008": None}
    order = Order.objects.get(number="1002")
    assert (order.refunded, order.base_refunded, order.payment) == (Decimal(6), Decimal(6), "partly")
    line = RefundLine.objects.get(refund__external_id="C1005")
    assert (line.order_line.order, line.quantity, line.amount) == (order, 3, Decimal(6))


def test_customers_get_their_identity_their_figures_and_their_story(scoped):
    imported(scoped, ledger_csv(SMALL))
    customer = Identity.objects.get(kind="member", value="1").customer
    metrics = Metrics.objects.get(customer=customer)
    assert (metrics.orders_count, metrics.gross, metrics.refunded) == (2, Decimal("35.5"), Decimal(10))
    story = Event.objects.filter(customer_id=customer.pk).order_by("occurred_at", "id")
    names = [event.name.split(".")[1] for event in story]
    assert (
        names
        == ["customer_created", "order_placed", "order_paid", "order_placed", "order_paid"]
        + ["order_refunded"] * 2
    )
    assert all(event.backfill for event in story)


def test_the_same_file_again_creates_nothing_twice(scoped):
    imported(scoped, ledger_csv(SMALL))
    before, events = how_many(), Event.objects.exclude(name__startswith="imports.").count()
    again = imported(scoped, ledger_csv(SMALL))
    assert how_many() == before
    assert Event.objects.exclude(name__startswith="imports.").count() == events
    assert (again.report["same"], again.report["created"], again.report["equal"]) == (4, 0, True)


def test_working_tables_are_gone_afterwards(scoped):
    batch = imported(scoped, ledger_csv(SMALL))
    assert not any(table_exists(table_name(batch, part)) for part in ("rows", "docs", "people", "items"))


# ------------------------------------------------------------ changed orders
def export_of(*, price: str = "2.00", status: str = "paid", refunded: str = "") -> str:
    header = ["Order", "Order date", "Email", "SKU", "Qty", "Unit price", "Payment status", "Refunded amount"]
    return csv_of(
        [
            header,
            ["S1", "2024-03-01 09:00", "li@example.com", "T1", "2", price, status, refunded],
            ["S2", "2024-03-02 09:00", "wang@example.com", "T1", "1", "5.00", "paid", ""],
        ]
    )


def test_a_changed_order_is_updated_and_its_undo_restores_it(scoped):
    first = imported(scoped, export_of(status="pending"))
    assert first.report["created"] == 2
    second = imported(scoped, export_of(price="3.00", status="paid", refunded="1.00"))
    assert (second.report["changed"], second.report["same"], second.report["equal"]) == (1, 1, True)
    order = Order.objects.get(number="S1")
    assert (order.total, order.refunded, order.payment) == (Decimal(6), Decimal(1), "partly")

    batch = undone(scoped, second)
    order.refresh_from_db()
    assert (batch.state, order.total, order.payment) == ("undone", Decimal(4), "pending")
    assert order.lines.get().unit_price == Decimal(2)
    assert Order.objects.count() == 2


def test_an_order_stored_in_a_newer_version_is_left_alone(scoped):
    imported(scoped, export_of())
    Order.objects.filter(number="S1").update(version=10**18, total=99)
    report = imported(scoped, export_of(price="3.00")).report
    assert (report["stale"], report["equal"]) == (1, False)
    assert Order.objects.get(number="S1").total == 99


# ------------------------------------------------------------ undo
def test_undo_takes_everything_back(scoped):
    before = how_many()
    batch = undone(scoped, imported(scoped, ledger_csv(SMALL)))
    assert batch.state == ImportBatch.State.UNDONE
    assert how_many() == before
    assert not KeptRow.objects.exists()
    left = set(Event.objects.values_list("name", flat=True))
    assert left == {"imports.batch_imported", "imports.batch_undone", "orders.order_withdrawn"}


def test_imported_customers_are_found_at_once_and_nothing_of_ours_keeps_them(scoped):
    """The search document and the nightly comparison are the house's own: neither holds an undo up."""
    head = ["Order", "Order date", "Email", "Customer name", "Qty", "Unit price"]
    rows = [head, ["1", "2024-01-01", "li.mei@example.com", "李梅", 1, 5]]
    rows += [["2", "2024-01-02", "limei@example.com", "李梅", 1, 5]]
    batch = imported(scoped, csv_of(rows))
    assert len(customer_ids_found("李梅")) == 2
    duplicates_find()
    assert MatchKeys.objects.count() == 2
    undone(scoped, batch)
    assert not Customer.objects.exists()


def test_a_decided_pair_keeps_its_two_customers(scoped):
    head = ["Order", "Order date", "Email", "Customer name", "Qty", "Unit price"]
    rows = [head, ["1", "2024-01-01", "a@example.com", "Ann", 1, 5]]
    rows += [["2", "2024-01-02", "b@example.com", "Ann", 1, 5]]
    batch = imported(scoped, csv_of(rows))
    low, high = Customer.objects.order_by("pk")
    refused = {"score": 1.0, "probability": 0.5, "band": "likely", "state": DuplicatePair.State.REFUSED}
    DuplicatePair.objects.create(merchant=scoped, low=low, high=high, **refused)
    undone(scoped, batch)
    assert Customer.objects.count() == 2
    assert "duplicate" in KeptRow.objects.filter(model="customers.customer").first().reason


def test_an_imported_order_returns_to_whom_its_member_id_names(scoped):
    """Two people of a ledger are merged, both order again, the merge is undone: the id tells whose."""
    imported(scoped, ledger_csv(SMALL))
    ids = {one.value: one.customer for one in Identity.objects.filter(kind="member")}
    record = customers_merge(survivor=ids["1"], absorbed=ids["2"])
    later = [["2001", "A", "Apple", 1, "2010-02-01 10:00:00", "2.00", number, "France"] for number in "12"]
    later[0][0] = "2002"
    imported(scoped, ledger_csv(later))
    assert Order.objects.get(number="2001").customer_id == ids["1"].pk, "while they are one"
    merge_undo(record=record)
    assert Order.objects.get(number="2001").customer_id == ids["2"].pk
    assert Order.objects.get(number="2002").customer_id == ids["1"].pk


def test_undo_keeps_what_others_have_touched_and_says_why(scoped):
    batch = imported(scoped, ledger_csv(SMALL))
    touched = Order.objects.get(number="1004")
    touched.note = "called the customer"
    touched.save()
    undone(scoped, batch)
    assert list(Order.objects.values_list("number", flat=True)) == ["1004"]
    kept = {row.model: row.reason for row in KeptRow.objects.all()}
    assert "somebody else" in kept["orders.order"]
    assert kept["customers.customer"].startswith("order depends")
    assert set(kept) == {
        "orders.order", "customers.customer", "orders.product", "orders.variant", "orders.saleschannel"
    }  # fmt: skip
    metrics = Metrics.objects.get()
    assert (metrics.orders_count, metrics.refunded) == (1, 0)


def test_undoing_one_import_leaves_another_alone(scoped):
    imported(scoped, ledger_csv(SMALL))
    before = how_many()
    other = [[f"9{row[0]}", *row[1:]] for row in SMALL[:2]]
    undone(scoped, imported(scoped, ledger_csv(other)))
    assert how_many() == before


def test_undo_takes_the_stage_back_that_its_orders_gave(scoped):
    def stages() -> list[str]:
        return sorted(Customer.objects.values_list("stage", flat=True))

    first = imported(scoped, ledger_csv([SMALL[3], SMALL[6]]))
    assert stages() == ["customer", "customer"]
    second = imported(scoped, ledger_csv([["9004", *SMALL[6][1:]]]))
    assert stages() == ["customer", "repeat"]
    undone(scoped, second)
    assert stages() == ["customer", "customer"]
    Note.objects.create(merchant=scoped, customer=Customer.objects.first(), text="Called")  # keeps one
    undone(scoped, first)
    assert stages() == ["lead"]


# ------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    "case, rows, codes",
    [
        ("no number", [["", "A", "x", 1, "2010-01-01", "1", "1", ""]], {2: "missing"}),
        ("bad date", [["1", "A", "x", 1, "2010-13-01", "1", "1", ""]], {2: "date"}),
        ("31 February", [["1", "A", "x", 1, "2010-02-31", "1", "1", ""]], {2: "date"}),
        ("bad quantity", [["1", "A", "x", "two", "2010-01-01", "1", "1", ""]], {2: "number"}),
        ("half a piece", [["1", "A", "x", "1.5", "2010-01-01", "1", "1", ""]], {2: "integer"}),
        ("giant price", [["1", "A", "x", "1", "2010-01-01", "1e30", "1", ""]], {2: "too_large"}),
        ("giant line", [["1", "A", "x", "2000000000", "2010-01-01", "999999999", "1", ""]], {2: "too_large"}),
        ("no price", [["1", "A", "x", 1, "2010-01-01", "", "1", ""]], {2: "half_a_line"}),
        ("negative sale", [["1", "A", "x", -1, "2010-01-01", "5", "1", ""]], {2: "no_quantity"}),
        (
            "two customers",
            [["1", "A", "x", 1, "2010-01-01", "5", "1", ""], ["1", "B", "x", 1, "2010-01-01", "5", "2", ""]],
            {2: "two_customers", 3: "two_customers"},
        ),
        (
            "a bad row holds its order back",
            [
                ["1", "A", "x", 1, "2010-01-01", "5", "1", ""],
                ["1", "B", "x", "?", "2010-01-01", "5", "1", ""],
            ],
            {2: "row_refused", 3: "number"},
        ),
    ],
)
def test_a_refused_row_names_its_place_and_nothing_of_its_order_is_imported(scoped, case, rows, codes):
    good = ["7", "A", "x", 1, "2010-01-01", "5", "1", ""]
    batch = imported(scoped, ledger_csv([*rows, good]), date_order="dmy")
    refused = {row.row: row for row in RefusedRow.objects.filter(batch=batch)}
    assert {number: row.code for number, row in refused.items()} == codes
    for number, row in refused.items():
        assert f"Row {number}" in row.message
        assert row.column in row.message
    assert [order.number for order in Order.objects.all()] == ["7"]
    assert batch.report["refused_rows"] == len(codes)


def test_a_gb18030_file_with_chinese_headers_maps_itself(scoped):
    rows = [
        ["订单号", "下单时间", "客户邮箱", "客户姓名", "商品名称", "数量", "单价"],
        ["T-1", "2024年5月31日 18:30", "li@example.cn", "李晓梅", "龙井茶", "2", "￥1,288.00"],
        ["T-2", "2024-06-01 08:00", "wang@example.cn", "王芳", "普洱茶", "1", "99"],
    ]
    batch = imported(scoped, csv_of(rows).encode("gb18030"))
    assert batch.detected["encoding"] == "GB18030"
    assert batch.mapping["email"] == "客户邮箱"
    order = Order.objects.get(number="T-1")
    assert (order.total, order.customer.name) == (Decimal(2576), "李晓梅")
    assert order.placed_at == datetime(2024, 5, 31, 10, 30, tzinfo=UTC)  # the shop's clock is Shanghai's


def test_a_file_cut_off_in_the_middle_of_a_row_is_told(scoped):
    batch = imported(scoped, ledger_csv(SMALL[:4])[:-40])
    assert batch.report["refused_rows"] == 1
    assert RefusedRow.objects.get().code == "wrong_cell_count"


def test_shared_addresses_and_phones_follow_the_one_rule_of_identity(scoped):
    """One e-mail in two cases is one person; a phone alone recognises only somebody of the same name."""
    rows = [
        ["Order", "Order date", "Email", "Phone", "Customer name", "Qty", "Unit price"],
        ["1", "2024-01-01", "Li@Example.com", "", "Li", 1, 5],
        ["2", "2024-01-02", "li@example.com", "", "Li Xiaomei", 1, 5],
        ["3", "2024-01-03", "", "13800138000", "Wang", 1, 5],
        ["4", "2024-01-04", "", "13800138000", "Zhao", 1, 5],
        ["5", "2024-01-05", "l***@example.com", "", "", 1, 5],
    ]
    imported(scoped, csv_of(rows))
    owners = dict(Order.objects.values_list("number", "customer_id"))
    assert owners["1"] == owners["2"]
    assert owners["3"] != owners["4"]
    assert owners["5"] is None
