"""Finding customers: keeping their search documents and asking them (SCALE.md measured the pattern)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice

from django.db import connection, transaction
from django.db.models import BooleanField, ExpressionWrapper, Q
from psycopg2.extras import execute_values

from crm.lib.once import once
from crm.lib.tenancy import scoped_merchant_id
from customers.models import Customer, Identity, SearchDocument
from customers.tokens import document_of, search_terms

# Rows per round: a few MB in memory, one INSERT.
CHUNK = 5_000
# Identities that the document has in a form of their own, and browsers' random numbers, which nobody types.
ELSEWHERE = frozenset({Identity.Kind.EMAIL, Identity.Kind.PHONE, Identity.Kind.VISITOR})
# What one search looks at; whoever gets that many types another letter.
MOST_HITS = 200
# Below four letters everything resembles everything.
SHORTEST_FUZZY = 4
# pg_trgm's word similarity: .45 has a recall of .95 on single typing errors at 1M rows. What reaches .6
# stands before the rest anyway and is found in an eighth of the time.
FUZZY_THRESHOLDS = (0.6, 0.45)
_waiting: ContextVar[set[int] | None] = ContextVar("waiting", default=None)


# --- keeping ------------------------------------------------------------------------------------------------


def search_rebuild(customer_ids: Iterable[int]) -> int:
    """Writes the documents of these customers anew; rows that changed. In the merchant's scope, in constant
    memory, three queries for each 5,000 customers: imports call it once at their end. Inside
    `rebuilding_once` it only notes them, and tells 0."""
    waiting = _waiting.get()
    if waiting is not None:
        waiting.update(customer_ids)
        return 0
    changed = 0
    pending = iter(customer_ids)
    with transaction.atomic():
        while chunk := list(islice(pending, CHUNK)):
            changed += _write(list(_documents(chunk)))
    return changed


@contextmanager
def rebuilding_once() -> Iterator[None]:
    """What the services called inside would rebuild one by one is rebuilt together at the end; not at all
    after an error, for then it is all rolled back."""
    waiting: set[int] = set()
    token = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(token)
    search_rebuild(waiting)


@transaction.atomic
def search_rebuild_all() -> int:
    """The same for every customer of the scope's merchant."""
    return search_rebuild(Customer.objects.values_list("pk", flat=True).iterator(chunk_size=CHUNK))


def _documents(ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    known: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    identities = Identity.objects.filter(customer_id__in=ids).values_list("customer_id", "kind", "value")
    for customer_id, kind, value in identities.order_by("id"):
        known[customer_id][kind].append(value)
    is_gone = Q(erased_at__isnull=False) | Q(merged_into__isnull=False)
    rows = Customer.objects.filter(pk__in=ids).annotate(gone=ExpressionWrapper(is_gone, BooleanField()))
    rows = rows.values_list(
        "pk", "name", "given_name", "family_name", "email", "phone", "company__name", "gone"
    )
    for pk, name, given, family, email, phone, company, gone in rows:
        if gone:
            yield pk, ""
            continue
        mine = known[pk]
        others = [value for kind, values in mine.items() if kind not in ELSEWHERE for value in values]
        yield (
            pk,
            document_of(
                names=[name, f"{given} {family}".strip(), company or ""],
                emails=[email, *mine["email"]],
                phones=[phone, *mine["phone"]],
                ids=others,
            ),
        )


def _write(documents: Sequence[tuple[int, str]]) -> int:
    merchant_id = scoped_merchant_id()
    if not documents:
        return 0
    table = SearchDocument._meta.db_table
    sql = f"""
        INSERT INTO {table} (merchant_id, customer_id, document) VALUES %s
        ON CONFLICT (customer_id) DO UPDATE SET document = excluded.document
        WHERE {table}.document IS DISTINCT FROM excluded.document RETURNING 1
    """
    rows = sorted((merchant_id, pk, document) for pk, document in documents)
    with connection.cursor() as cursor:
        return len(execute_values(cursor.cursor, sql, rows, page_size=1_000, fetch=True))


# --- asking -------------------------------------------------------------------------------------------------


def customer_ids_found(text: str, *, limit: int = MOST_HITS) -> list[int]:
    """Ids of customers that every word of `text` finds, at most `limit`; when nothing is found as typed,
    those that resemble it. One to three indexed queries; [] for an empty search."""
    terms = search_terms(text)
    if not terms:
        return []
    return once(("customers.found", scoped_merchant_id(), tuple(terms), limit), lambda: _found(terms, limit))


def _found(terms: Sequence[tuple[str, ...]], limit: int) -> list[int]:
    return _matching(terms, limit) or _resembling(" ".join(term[0] for term in terms), limit)


def _matching(terms: Sequence[tuple[str, ...]], limit: int) -> list[int]:
    # merchant_id with its exact type: otherwise the composite index is not used.
    clauses = ["merchant_id = %s::bigint"]
    parameters: list[int | str] = [scoped_merchant_id()]
    for term in terms:
        clauses.append(f"({' OR '.join(['document LIKE %s'] * len(term))})")
        parameters += [f"% {_escaped(one)}%" for one in term]
    sql = f"""
        SELECT customer_id FROM {SearchDocument._meta.db_table}
        WHERE {" AND ".join(clauses)} LIMIT %s
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [*parameters, limit])
        return [row[0] for row in cursor.fetchall()]


def _escaped(token: str) -> str:
    return token.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _resembling(text: str, limit: int) -> list[int]:
    """Typing errors in names forgiven, the most similar first; numbers and addresses mean what they say."""
    if (
        len(text) < SHORTEST_FUZZY
        or not text.isascii()
        or any(letter.isdigit() or letter == "@" for letter in text)
    ):
        return []
    sql = f"""
        SELECT customer_id FROM {SearchDocument._meta.db_table}
        WHERE merchant_id = %s::bigint AND %s <%% document
        ORDER BY word_similarity(%s, document) DESC, customer_id DESC LIMIT %s
    """
    with transaction.atomic(), connection.cursor() as cursor:
        for threshold in FUZZY_THRESHOLDS:
            cursor.execute(
                "SELECT set_config('pg_trgm.word_similarity_threshold', %s, true)", [str(threshold)]
            )
            cursor.execute(sql, [scoped_merchant_id(), text, text, limit])
            if found := [row[0] for row in cursor.fetchall()]:
                return found
    return []
