"""The log: a fact and its announcement commit together, once, and are owed to whoever listens."""

import pytest
from django.db import transaction
from django.db.transaction import TransactionManagementError
from django.utils import timezone, translation

from crm.events import handling
from crm.events.actor import acting
from crm.events.emitting import BATCH, Draft, emit, emit_many, emit_selected
from crm.events.handling import HANDLERS, on, on_every
from crm.events.models import Delivery, Event
from crm.events.types import REGISTRY, EventType
from crm.exports.events import EXPORT_READY
from crm.lib.tenancy import merchant_scope
from marketing.campaigns.events import CAMPAIGN_STARTED
from orders.events import ORDER_PLACED
from tests.factories.customers import make_customer


@pytest.fixture
def kind():
    """An event type of this test's own."""
    made = EventType("tests.thing_happened", "Thing happened", "%(what)s happened", keys=("what",))
    yield made
    REGISTRY.pop(made.name)


@pytest.fixture
def listen(kind):
    """`listen("name", handle, backfill=…)` registers a handler that goes with the test."""
    made = []

    def register(name, handle=lambda event: None, **options):
        on(kind, name=name, **options)(handle)
        made.append(name)

    yield register
    for name in made:
        HANDLERS.pop(name)
    handling._BY_EVENT.pop(kind.name, None)


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_it_is_refused(merchant, kind):
    with merchant_scope(merchant):
        with pytest.raises(TransactionManagementError):
            emit(kind, merchant=merchant, data={"what": "x"})
        assert Event.objects.count() == 0


def test_a_rolled_back_fact_leaves_no_event(scoped, kind, listen):
    listen("tests.hear")
    with transaction.atomic():
        emit(kind, merchant=scoped, data={"what": "x"})
        transaction.set_rollback(True)

    assert Event.objects.filter(name=kind.name).count() == 0
    assert Delivery.objects.count() == 0


def test_it_carries_customer_subject_actor_and_time(scoped, kind):
    customer = make_customer(scoped)
    then = timezone.now() - timezone.timedelta(days=3)
    with acting("user:7"):
        made = emit(
            kind, merchant=scoped, customer=customer, subject=customer, data={"what": "it"}, occurred_at=then
        )

    event = Event.objects.get(pk=made)
    assert (event.customer_id, event.subject_type, event.subject_id) == (
        customer.pk,
        "customers.customer",
        customer.pk,
    )
    assert (event.actor, event.occurred_at, event.sentence) == ("user:7", then, "it happened")
    assert event.created_at > then


def test_the_same_key_is_announced_once_in_each_shop(scoped, rival, kind, listen):
    listen("tests.hear")

    first = emit(kind, merchant=scoped, dedupe_key="order 1")
    again = emit(kind, merchant=scoped, dedupe_key="order 1")
    other = emit(kind, merchant=scoped, dedupe_key="order 2")
    with merchant_scope(rival):
        theirs = emit(kind, merchant=rival, dedupe_key="order 1")

    assert None not in (first, other, theirs)
    assert again is None
    assert Delivery.objects.filter(handler="tests.hear").count() == 2


def test_events_without_a_key_are_all_kept(scoped, kind):
    assert emit(kind, merchant=scoped) != emit(kind, merchant=scoped)


def test_one_delivery_for_each_listener(scoped, kind, listen):
    listen("tests.one")
    listen("tests.two")

    made = emit(kind, merchant=scoped)

    owed = Delivery.objects.filter(event_id=made, handler__startswith="tests.")
    assert set(owed.values_list("handler", flat=True)) == {"tests.one", "tests.two"}


def test_history_is_told_only_to_those_who_asked_for_it(scoped, kind, listen):
    listen("tests.thanks")
    listen("tests.figures", backfill=True)

    emit_many([Draft(kind)], merchant=scoped, backfill=True)

    owed = Delivery.objects.filter(event__name=kind.name, handler__startswith="tests.")
    assert list(owed.values_list("handler", flat=True)) == ["tests.figures"]


def test_a_listener_to_everything_is_asked_for_each_shop_and_event(scoped, rival, kind):
    asked = []

    def wants(merchant_id, name):
        asked.append((merchant_id, name))
        return merchant_id == scoped.pk

    on_every(name="tests.every", wants=wants)(lambda event: None)
    try:
        emit(kind, merchant=scoped)
        with merchant_scope(rival):
            emit(kind, merchant=rival)
            assert not Delivery.objects.filter(handler="tests.every").exists()
        assert Delivery.objects.filter(handler="tests.every").count() == 1
    finally:
        HANDLERS.pop("tests.every")
        handling._EVERY[:] = [one for one in handling._EVERY if one.name != "tests.every"]
    assert asked == [(scoped.pk, kind.name), (rival.pk, kind.name)]


def test_who_does_not_hear_of_history_is_not_asked_about_it(scoped, kind):
    asked = []

    def wants(_merchant_id, name):
        asked.append(name)
        return True

    on_every(name="tests.deaf", wants=wants)(lambda event: None)
    try:
        emit_many([Draft(kind)], merchant=scoped, backfill=True)
        assert not asked and not Delivery.objects.filter(handler="tests.deaf").exists()
        emit_many([Draft(kind)], merchant=scoped)
        assert asked == [kind.name] and Delivery.objects.filter(handler="tests.deaf").count() == 1
    finally:
        HANDLERS.pop("tests.deaf")
        handling._EVERY[:] = [one for one in handling._EVERY if one.name != "tests.deaf"]


def test_many_writes_of_a_request_ask_once_and_the_next_request_asks_again(scoped, kind):
    answers = iter([True, False])
    on_every(name="tests.fickle", wants=lambda _merchant_id, _name: next(answers))(lambda event: None)
    try:
        with handling.asking_once():
            emit(kind, merchant=scoped)
            emit(kind, merchant=scoped)
        emit(kind, merchant=scoped)
        assert Delivery.objects.filter(handler="tests.fickle").count() == 2
    finally:
        HANDLERS.pop("tests.fickle")
        handling._EVERY[:] = [one for one in handling._EVERY if one.name != "tests.fickle"]


def test_more_than_a_batch_keeps_every_one(scoped, kind, listen):
    listen("tests.hear")

    made = emit_many((Draft(kind, data={"what": n}) for n in range(BATCH + 3)), merchant=scoped)

    assert len(set(made)) == BATCH + 3
    assert Delivery.objects.filter(handler="tests.hear").count() == BATCH + 3


def test_two_handlers_of_one_name_are_a_mistake(kind, listen):
    listen("tests.hear")
    with pytest.raises(ValueError, match="registered twice"):
        on(kind, name="tests.hear")(lambda event: None)


@pytest.mark.parametrize(
    "case, data, sentence",
    [
        ("whole", {"what": "it"}, "it happened"),
        ("an older event lacks the fact", {}, "– happened"),
        ("percent signs in the data", {"what": "100%s"}, "100%s happened"),
    ],
)
def test_the_sentence_never_breaks(case, data, sentence, kind):
    assert kind.sentence(data) == sentence


@pytest.mark.parametrize(
    "case, data, sentence",
    [
        (
            "another currency",
            {"number": "7", "total": "116.0000", "currency": "EUR"},
            "Order 7 placed, €116.00",
        ),
        ("the shop's own", {"number": "7", "total": "1204", "currency": "CNY"}, "Order 7 placed, ¥1,204.00"),
        ("no amount", {"number": "7", "currency": "EUR"}, "Order 7 placed, –"),
    ],
)
def test_amounts_are_told_as_money(case, data, sentence, scoped):
    assert ORDER_PLACED.sentence(data) == sentence


@pytest.mark.parametrize(
    "language, rows, sentence",
    [
        ("en", 1395, "1,395 rows of Customers written into a file"),
        ("zh-hans", 1395, "1,395 行顾客已写入文件"),
        ("en", "–", "– rows of Customers written into a file"),
    ],
)
def test_figures_are_grouped_and_words_are_the_readers(language, rows, sentence, scoped):
    with translation.override(language):
        assert EXPORT_READY.sentence({"what": "customers", "rows": rows}) == sentence


def test_a_grouped_figure_still_chooses_its_plural(scoped):
    told = [CAMPAIGN_STARTED.sentence({"campaign": "Tea", "people": n}) for n in (1, 1_204)]
    assert told == ["Campaign “Tea” started to 1 person", "Campaign “Tea” started to 1,204 people"]


SELECT = """
    SELECT n, 'tests.thing', n, jsonb_build_object('what', %(what)s::text), 'thing:' || n, now()
    FROM generate_series(1, %(last)s) n
"""


def selected(merchant, kind, last):
    told = {"what": "50% off", "last": last}
    return emit_selected(kind, merchant=merchant, select=SELECT, params=told, topics=["tests.thing:1"])


def test_thousands_of_like_facts_are_one_statement(scoped, kind, listen, django_assert_max_num_queries, rung):
    listen("tests.hear")
    listen("tests.listen_too")
    selected(scoped, kind, 1)
    with django_assert_max_num_queries(3):  # two of them ask whether webhooks and journeys want it
        assert selected(scoped, kind, 300) == 299
    # once, whoever asks again
    tasks = rung(lambda: selected(scoped, kind, 301))
    events = Event.objects.filter(name=kind.name).order_by("customer_id")
    assert [(one.customer_id, one.subject_id, one.dedupe_key) for one in events] == [
        (n, n, f"thing:{n}") for n in range(1, 302)
    ]
    assert {one.data["what"] for one in events} == {"50% off"}
    owed = Delivery.objects.filter(handler__startswith="tests.")
    assert sorted(owed.values_list("handler", flat=True)) == 301 * ["tests.hear"] + 301 * ["tests.listen_too"]
    newest = set(Delivery.objects.filter(event=events[300]).values_list("pk", flat=True))
    assert [set(args[0]) for name, args, _later in tasks if name == "events.deliver"] == [newest]


@pytest.mark.django_db(transaction=True)
def test_a_selection_is_refused_outside_a_transaction_too(merchant, kind):
    with merchant_scope(merchant):
        with pytest.raises(TransactionManagementError):
            selected(merchant, kind, 3)
        assert Event.objects.count() == 0
