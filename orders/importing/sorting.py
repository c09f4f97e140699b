"""Sorting the staged rows into documents: orders, refunds, adjustments, stock movements; refusing what is
neither.

Works on the batch's own tables only: this is the dry run. Each part is one statement in its own transaction.
docs/guide/importing.md tells the rules in words.
"""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

from crm.imports.duplicates import mark_duplicates
from crm.imports.fields import SQL_TYPES
from crm.imports.models import ImportBatch
from crm.imports.readers import BrokenRow
from crm.imports.sql import execute, fetch, fetch_one
from crm.imports.staging import save_refused
from orders.importing.fields import BY_KEY, FULFILMENT_WORDS, LINE_FIELDS, ORDER_FIELDS, PAYMENT_WORDS
from orders.importing.reconciling import totals_told
from orders.importing.tables import ORDER, channel_of, names

# The ledger's own marks: an invoice number beginning with C undoes a sale, one with A corrects the books.
REFUND_PREFIX, ADJUSTMENT_PREFIX = "C", "A"
# numeric(19,4)
LARGEST = "1e15"
REFUSED_BATCH = 2_000


def sort_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Does the next part; None after the last."""
    if cursor >= len(PARTS):
        return None
    execute("SET LOCAL work_mem = '64MB'")
    PARTS[cursor](batch)
    return cursor + 1


def make_documents(batch: ImportBatch) -> None:
    """One row per order number, oldest first, with what its rows say and what is wrong with them."""
    sql = names(batch)
    execute("DROP TABLE IF EXISTS {docs}".format(**sql))
    mapped = set(batch.mapping)
    own = "".join(
        f", min({key}) AS {key}" if key in mapped else f", NULL::{SQL_TYPES[BY_KEY[key].kind]} AS {key}"
        for key in ORDER_FIELDS
    )
    sums = "0::numeric AS lines_total, 0 AS line_count"
    if "quantity" in mapped:
        sums = (
            "coalesce(sum(quantity * unit_price - coalesce(line_discount, 0)), 0) AS lines_total,"
            " count(quantity) AS line_count"
        )
    execute(
        f"""
        CREATE UNLOGGED TABLE {{docs}} AS
        SELECT row_number() OVER (ORDER BY placed_at, first_row) AS doc_no, made.*,
               NULL::bigint AS person_no, NULL::bigint AS customer_id, NULL::bigint AS order_id,
               NULL::text AS outcome
        FROM (
            SELECT order_ref, min(row) AS first_row, count(*) AS row_count {own},
                   {_kind(batch)} AS kind, {sums}, {_problem(batch)} AS problem
            FROM {{rows}} WHERE NOT duplicate AND order_ref IS NOT NULL GROUP BY order_ref
        ) made
        """.format(**sql)
    )
    execute("ALTER TABLE {docs} ADD PRIMARY KEY (doc_no)".format(**sql))
    execute("CREATE UNIQUE INDEX ON {docs} (order_ref)".format(**sql))
    execute("CREATE INDEX ON {rows} (order_ref)".format(**sql))
    execute("ANALYZE {docs}".format(**sql))


def _is_ledger(batch: ImportBatch) -> bool:
    return bool(batch.options.get("bookkeeping") == "ledger")


def _kind(batch: ImportBatch) -> str:
    if not _is_ledger(batch):
        return "'order'"
    return f"""CASE WHEN left(order_ref, 1) = '{REFUND_PREFIX}' THEN 'refund'
                    WHEN left(order_ref, 1) = '{ADJUSTMENT_PREFIX}' THEN 'adjustment'
                    WHEN bool_and(coalesce(unit_price, 0) = 0) THEN 'stock' ELSE 'order' END"""


def _problem(batch: ImportBatch) -> str:
    """A code of `_words`, or NULL: why the document can't be taken as it stands."""
    mapped = set(batch.mapping)
    cases = ["WHEN bool_or(bad) THEN 'row_refused'", "WHEN min(placed_at) IS NULL THEN 'no_date'"]
    for key, code in (
        ("customer_ref", "two_customers"),
        ("email", "two_customers"),
        ("currency", "two_currencies"),
    ):
        if key in mapped:
            cases.append(f"WHEN min({key}) <> max({key}) THEN '{code}'")
    if "quantity" in mapped:
        cases.append("WHEN bool_or((quantity IS NULL) <> (unit_price IS NULL)) THEN 'half_a_line'")
        cases.append(f"WHEN bool_or(abs(quantity * unit_price) >= {LARGEST}) THEN 'too_large'")
        cases.append(f"WHEN abs(sum(quantity * unit_price)) >= {LARGEST} THEN 'too_large'")
        if _is_ledger(batch):
            cases.append(
                f"WHEN left(order_ref, 1) NOT IN ('{REFUND_PREFIX}', '{ADJUSTMENT_PREFIX}')"
                " AND bool_or(quantity <= 0 AND unit_price <> 0) THEN 'no_quantity'"
            )
            cases.append(
                f"WHEN left(order_ref, 1) NOT IN ('{REFUND_PREFIX}', '{ADJUSTMENT_PREFIX}')"
                " AND bool_or(unit_price < 0) THEN 'negative'"
            )
        else:
            cases.append("WHEN bool_or(quantity <= 0) THEN 'no_quantity'")
            cases.append("WHEN sum(quantity * unit_price) < 0 THEN 'negative'")
    if "total" in mapped:
        cases.append("WHEN min(total) < 0 THEN 'negative'")
        if "quantity" not in mapped:
            cases.append("WHEN min(total) IS NULL THEN 'no_total'")
    for key, words in (("payment", PAYMENT_WORDS), ("fulfilment", FULFILMENT_WORDS)):
        if key in mapped:
            known = ", ".join(f"'{word}'" for spoken in words.values() for word in spoken)
            cases.append(f"WHEN lower(min({key})) NOT IN ({known}) THEN 'unknown_{key}'")
    return f"CASE {' '.join(cases)} END"


def _words() -> dict[str, str]:
    return {
        "row_refused": _("order %(order)s: another row of it can't be read, so none of it is imported"),
        "no_date": _("order %(order)s has no date"),
        "two_customers": _("order %(order)s names two customers"),
        "two_currencies": _("order %(order)s names two currencies"),
        "half_a_line": _(
            "order %(order)s has a line with a quantity and no price, or a price and no quantity"
        ),
        "too_large": _("order %(order)s is larger than any order can be"),
        "no_quantity": _("order %(order)s has a line whose quantity is not above zero"),
        "negative": _("order %(order)s is worth less than nothing"),
        "no_total": _("order %(order)s has neither lines nor a total"),
        "unknown_payment": _("order %(order)s has a payment status that is not known: %(payment)s"),
        "unknown_fulfilment": _("order %(order)s has a delivery status that is not known: %(fulfilment)s"),
    }


COLUMN_OF = {
    "no_date": "placed_at",
    "two_customers": "customer_ref",
    "two_currencies": "currency",
    "half_a_line": "quantity",
    "too_large": "unit_price",
    "no_quantity": "quantity",
    "negative": "unit_price",
    "no_total": "total",
    "unknown_payment": "payment",
    "unknown_fulfilment": "fulfilment",
}


def refuse_documents(batch: ImportBatch) -> None:
    """Writes a refused row, with its reason, for every good row of a document with a problem."""
    sql = names(batch)
    words = _words()
    last_row = 0
    while True:
        found = fetch(
            """
            SELECT r.row, d.problem, d.order_ref, d.payment, d.fulfilment FROM {docs} d
            JOIN {rows} r ON r.order_ref = d.order_ref AND NOT r.duplicate AND NOT r.bad
            WHERE d.problem IS NOT NULL AND r.row > %s ORDER BY r.row LIMIT %s
            """.format(**sql),
            [last_row, REFUSED_BATCH],
        )
        if not found:
            return
        refused = []
        for row, problem, order_ref, payment, fulfilment in found:
            what = words[problem] % {"order": order_ref, "payment": payment, "fulfilment": fulfilment}
            column = batch.mapping.get(COLUMN_OF.get(problem, "order_ref"), batch.mapping["order_ref"])
            message = _("Row %(row)s, column “%(column)s”: %(what)s.") % {
                "row": row,
                "column": column,
                "what": what,
            }
            refused.append(BrokenRow(row, column, problem, message, ()))
        save_refused(batch, refused)
        batch.counts["refused_rows"] = batch.counts.get("refused_rows", 0) + len(refused)
        last_row = found[-1][0]


def make_people(batch: ImportBatch) -> None:
    """One row per distinct buyer as the file names them, in the order of their first document."""
    sql = names(batch)
    execute("DROP TABLE IF EXISTS {people}".format(**sql))
    execute(
        """
        CREATE UNLOGGED TABLE {people} AS
        SELECT row_number() OVER (ORDER BY min(doc_no)) AS person_no, customer_ref, email, phone,
            customer_name,
               min(country) AS country, min(city) AS city, min(region) AS region, min(placed_at) AS first_at,
               NULL::bigint AS customer_id, false AS created
        FROM {docs}
        WHERE problem IS NULL AND (customer_ref IS NOT NULL OR email IS NOT NULL OR phone IS NOT NULL)
        GROUP BY customer_ref, email, phone, customer_name
        """.format(**sql)
    )
    execute("ALTER TABLE {people} ADD PRIMARY KEY (person_no)".format(**sql))
    execute(
        """
        UPDATE {docs} d SET person_no = p.person_no FROM {people} p
        WHERE d.problem IS NULL AND {left} = {right}
        """.format(**sql, left=_person_key("d"), right=_person_key("p"))
    )
    execute("ANALYZE {docs}".format(**sql))


def _person_key(alias: str) -> str:
    """Equal for equal buyers, NULLs included; one hashable value, so that the join is a hash join."""
    parts = (f"coalesce({alias}.{key}, '')" for key in ("customer_ref", "email", "phone", "customer_name"))
    return " || chr(31) || ".join(parts)


def make_items(batch: ImportBatch) -> None:
    """One row per product that an order or refund of the file names, by SKU, else by title."""
    sql = names(batch)
    mapped = set(batch.mapping)
    execute("DROP TABLE IF EXISTS {items}".format(**sql))
    category = "min(r.category)" if "category" in mapped else "NULL::text"
    execute(
        """
        CREATE UNLOGGED TABLE {items} AS
        SELECT row_number() OVER (ORDER BY min(r.row)) AS item_no, {key} AS item_key, min(r.sku) AS sku,
               mode() WITHIN GROUP (ORDER BY r.title) AS title, {category} AS category,
               (array_agg(r.unit_price ORDER BY d.doc_no DESC) FILTER (WHERE r.unit_price > 0))[1] AS price,
               NULL::bigint AS product_id, NULL::bigint AS variant_id
        FROM {rows} r JOIN {docs} d ON d.order_ref = r.order_ref
        WHERE NOT r.duplicate AND d.problem IS NULL AND d.kind IN ('order', 'refund') AND {key} IS NOT NULL
        GROUP BY {key}
        """.format(**sql, key=item_key("r"), category=category)
    )
    execute("ALTER TABLE {items} ADD PRIMARY KEY (item_no)".format(**sql))
    execute("CREATE UNIQUE INDEX ON {items} (item_key)".format(**sql))
    execute("ANALYZE {items}".format(**sql))


def item_key(alias: str) -> str:
    """What tells products apart in the file: the SKU, else the first 100 characters of the title."""
    return f"coalesce({alias}.sku, left({alias}.title, 100))"


def count_documents(batch: ImportBatch) -> None:
    """What the file holds and what importing it would do, into `batch.counts`; amounts as strings."""
    sql = names(batch)
    counts = batch.counts
    rows = fetch(
        """
        SELECT kind, problem IS NOT NULL, count(*), coalesce(sum(row_count), 0), coalesce(sum(lines_total),
            0),
               count(*) FILTER (WHERE person_no IS NULL)
        FROM {docs} GROUP BY 1, 2
        """.format(**sql)
    )
    good = {kind: (docs, lines, amount, guests) for kind, bad, docs, lines, amount, guests in rows if not bad}
    for kind, key in (
        ("order", "orders"),
        ("refund", "refunds"),
        ("adjustment", "adjustments"),
        ("stock", "stock"),
    ):
        docs, lines, amount, guests = good.get(kind, (0, 0, 0, 0))
        counts[key], counts[f"{key}_lines"], counts[f"{key}_amount"] = docs, int(lines), str(amount)
        if kind == "order":
            counts["guest_orders"] = guests
    counts["refused_documents"] = sum(row[2] for row in rows if row[1])
    counts["told"] = {key: str(amount) for key, amount in totals_told(batch).items()}
    counts["people"] = fetch_one("SELECT count(*) FROM {people}".format(**sql))[0]
    counts["products"] = fetch_one("SELECT count(*) FROM {items}".format(**sql))[0]
    counts["existing_orders"] = 0
    channel = channel_of(batch)
    if channel is not None:
        counts["existing_orders"] = fetch_one(
            f"""
            SELECT count(*) FROM {{docs}} d JOIN {ORDER} o
              ON o.merchant_id = %s AND o.channel_id = %s AND o.external_id = d.order_ref
            WHERE d.kind = 'order' AND d.problem IS NULL
            """.format(**sql),
            [batch.merchant_id, channel.pk],
        )[0]
    counts["new_orders"] = counts["orders"] - counts["existing_orders"]


PARTS: list[Callable[[ImportBatch], None]] = [
    mark_duplicates,
    make_documents,
    refuse_documents,
    make_people,
    make_items,
    count_documents,
]
assert set(LINE_FIELDS) <= set(BY_KEY)
