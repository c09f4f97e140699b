"""Custom fields on the pages, in the list, in segments, in files and by API."""

import re

import pytest

from crm.events.delivering import deliver
from crm.events.models import Delivery, Event
from crm.exports.registry import Ask, exporter_for
from crm.lib.tenancy import merchant_scope
from customers.fields.conditions import key_for
from customers.fields.services import field_archive, field_delete
from customers.models import Customer, FieldDefinition
from customers.segmenting import Scope
from marketing.segments.compiling import compile_definition
from marketing.segments.counting import people_of
from marketing.segments.definition import BadDefinition, dump, parse
from marketing.segments.selectors import segment_sentence
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key, make_member
from tests.factories.customers import make_customer
from tests.factories.fields import make_field
from tests.factories.segments import make_segment

TEAS = [{"value": "green", "label": "Green tea"}, {"value": "black", "label": "Black tea"}]
SCRIPT = '<script>alert("x")</script>'


@pytest.fixture
def owner_client(member_client):
    return member_client("owner")


def names_on(response):
    return re.findall(r'gx-person__name" title="([^"]*)"', response.content.decode())


# --- settings -------------------------------------------------------------------------------------------


def test_a_field_is_made_moved_archived_and_brought_back(owner_client, merchant):
    owner_client.post(
        "/settings/fields/new/",
        {"label": "Tea", "type": "choice", "choices_text": "green = Green tea\nblack"},
    )
    owner_client.post("/settings/fields/new/", {"label": "Cups", "type": "number", "minimum": "1"})
    with merchant_scope(merchant):
        tea, cups = FieldDefinition.objects.in_order()
    assert tea.choices == [{"value": "green", "label": "Green tea"}, {"value": "black", "label": "black"}]
    assert cups.rules == {"min": "1"}

    owner_client.post(f"/settings/fields/{cups.pk}/move/", {"to": "up"})
    owner_client.post(f"/settings/fields/{tea.pk}/archive/")

    with merchant_scope(merchant):
        assert [one.key for one in FieldDefinition.objects.in_order()] == ["cups", "tea"]
        assert [one.key for one in FieldDefinition.objects.all().in_use()] == ["cups"]
        assert Event.objects.filter(name="customers.field_created").count() == 2
    owner_client.post(f"/settings/fields/{tea.pk}/archive/", {"to": "back"})
    with merchant_scope(merchant):
        assert FieldDefinition.objects.all().in_use().count() == 2


def test_the_page_shows_misfits_before_they_are_lost(owner_client, merchant):
    field = make_field(merchant, "Cups", "text")
    make_customer(merchant, "Anna", attributes={"cups": "a dozen"})
    url, body = f"/settings/fields/{field.pk}/", {"label": "Cups", "type": "number"}

    tried = owner_client.post(url, body | {"try": "1"})
    refused = owner_client.post(url, body)

    assert (tried.status_code, refused.status_code) == (200, 422)
    assert all("a dozen" in page.content.decode() for page in (tried, refused))
    with merchant_scope(merchant):
        assert FieldDefinition.objects.get().type == "text"
        assert Customer.objects.get().attributes == {"cups": "a dozen"}
    assert owner_client.post(url, body | {"drop": "1"}).status_code == 302
    with merchant_scope(merchant):
        assert FieldDefinition.objects.get().type == "number"
        assert Customer.objects.get().attributes == {}


def test_deleting_takes_the_values_after_nothing_uses_them(owner_client, merchant):
    field = make_field(merchant, "Tea", "choice", choices=TEAS)
    make_customer(merchant, attributes={"tea": "green", "other": 1})
    segment = make_segment(merchant, {"rules": [{"if": key_for(field), "is": "is", "values": ["green"]}]})
    with merchant_scope(merchant):
        field_archive(definition=field)

    assert owner_client.post(f"/settings/fields/{field.pk}/delete/").status_code == 409
    with merchant_scope(merchant):
        segment.delete()
        field_delete(definition=field)
    with merchant_scope(merchant):
        waiting = Delivery.objects.get(handler="customers.strip_field")
    assert deliver(waiting.pk)

    with merchant_scope(merchant):
        assert Customer.objects.get().attributes == {"other": 1}
        assert not FieldDefinition.objects.exists()


def test_words_of_the_shop_are_never_markup(owner_client, merchant):
    make_field(
        merchant,
        SCRIPT,
        "choice",
        section=SCRIPT,
        help=SCRIPT,
        choices=[{"value": "x", "label": SCRIPT}],
        key="x",
    )
    one = make_customer(merchant, attributes={"x": "x"})

    for path in [
        "/settings/fields/",
        "/customers/?columns=f.x",
        "/customers/?f.x=x",
        f"/customers/{one.pk}/facts/",
        f"/customers/{one.pk}/edit/",
    ]:
        page = owner_client.get(path).content.decode()
        assert "&lt;script&gt;alert" in page, path
        assert SCRIPT not in page, path


def test_a_rivals_field_is_not_there(owner_client, merchant, rival):
    theirs = make_field(rival, "Secret recipe", "text")
    make_field(merchant, "Tea", "text")

    for action in ("", "move/", "archive/", "delete/"):
        assert owner_client.post(f"/settings/fields/{theirs.pk}/{action}").status_code == 404
    assert "Secret recipe" not in owner_client.get("/settings/fields/").content.decode()
    one = make_customer(merchant)
    refused = owner_client.post(
        f"/customers/{one.pk}/edit/",
        {"name": "Li", "kind": "person", "stage": "lead", "field_secret_recipe": "x"},
    )
    with merchant_scope(merchant):
        assert Customer.objects.get(pk=one.pk).attributes == {}, refused.status_code


# --- the customer ---------------------------------------------------------------------------------------


def test_the_form_keeps_values_and_shows_refusals_where_they_were_typed(owner_client, merchant):
    make_field(merchant, "Tea", "choice", choices=TEAS, section="Taste")
    make_field(merchant, "Cups", "number", section="Taste")
    one = make_customer(merchant, "Li", attributes={"old": 1})
    body = {"name": "Li", "kind": "person", "stage": "lead", "email": one.email, "field_tea": "green"}

    wrong = owner_client.post(f"/customers/{one.pk}/edit/", body | {"field_cups": "many"})
    right = owner_client.post(f"/customers/{one.pk}/edit/", body | {"field_cups": "3"})

    assert (wrong.status_code, right.status_code) == (422, 302)
    assert "Give a number." in wrong.content.decode()
    with merchant_scope(merchant):
        assert Customer.objects.get().attributes == {"old": 1, "tea": "green", "cups": 3}
    page = owner_client.get(f"/customers/{one.pk}/facts/").content.decode()
    assert "Taste" in page and "Green tea" in page


@pytest.mark.parametrize("role, is_shown", [("agent", True), ("analyst", False)])
def test_personal_fields_are_masked_and_can_not_be_filtered_by(role, is_shown, member_client, merchant):
    make_field(merchant, "Allergies", "text", is_personal=True)
    one = make_customer(merchant, "Li", attributes={"allergies": "walnuts"})
    make_customer(merchant, "Wu")
    client = member_client(role)

    pages = [
        client.get(path).content.decode()
        for path in (f"/customers/{one.pk}/facts/", "/customers/?columns=f.allergies")
    ]

    assert all(("walnuts" in page) is is_shown for page in pages)
    assert len(names_on(client.get("/customers/?f.allergies=walnuts"))) == (1 if is_shown else 2)


# --- the list -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query, names",
    [
        ("f.tea=green", ["Al"]),
        ("f.tea=*", ["Al", "Bo"]),
        ("f.tea=-", ["Cy"]),
        ("f.teas=black", ["Bo"]),
        ("f.cups.min=3", ["Al", "Bo"]),
        ("f.cups.min=3&f.cups.max=5.5", ["Al"]),
        ("f.cups.min=nonsense", ["Al", "Bo", "Cy"]),
        ("f.paid.max=10", ["Al"]),
        ("f.vip.from=2026-01-01", ["Bo"]),
        ("f.vip.until=2025-12-31", ["Al"]),
        ("f.seen.from=2026-03-01", ["Al"]),
        ("f.gift=yes", ["Al"]),
        ("f.gift=no", ["Bo"]),
        ("f.note=WALNUT", ["Bo"]),
        ("f.none=1", ["Al", "Bo", "Cy"]),
    ],
)
def test_the_list_is_narrowed_by_every_type(query, names, owner_client, merchant):
    for label, type, more in [
        ("Tea", "choice", {"choices": TEAS}),
        ("Teas", "choices", {"choices": TEAS}),
        ("Cups", "number", {}),
        ("Paid", "money", {}),
        ("Vip", "date", {}),
        ("Seen", "instant", {}),
        ("Gift", "yes_no", {}),
        ("Note", "long", {}),
    ]:
        make_field(merchant, label, type, **more)
    # 1 March begins at 16:00 UTC of the day before in the shop's zone; Cy's values fit no type.
    make_customer(
        merchant,
        "Al",
        attributes={
            "tea": "green",
            "cups": 4,
            "paid": "9.50",
            "vip": "2025-12-31",
            "seen": "2026-02-28T16:00:00Z",
            "gift": True,
        },
    )
    make_customer(
        merchant,
        "Bo",
        attributes={
            "tea": "black",
            "teas": ["green", "black"],
            "cups": 6.5,
            "paid": "10.01",
            "vip": "2026-01-01",
            "seen": "2026-02-28T15:59:59Z",
            "gift": False,
            "note": "no walnuts",
        },
    )
    make_customer(merchant, "Cy", attributes={"cups": "many", "paid": {"a": 1}})

    assert sorted(names_on(owner_client.get(f"/customers/?{query}"))) == names


def test_columns_are_chosen_in_the_address(owner_client, merchant):
    make_field(merchant, "Tea", "choice", choices=TEAS)
    make_customer(merchant, "Li", attributes={"tea": "green"}, points=77, city="Shanghai")

    page = owner_client.get(
        "/customers/?columns=f.tea&columns=points&columns=city&columns=nonsense"
    ).content.decode()

    head = re.findall(r"<th[^>]*>([^<]+)</th>", page)
    assert head == ["Customer", "Tea", "Points", "City"]
    assert "Green tea</td>" in page and "Shanghai" in page
    assert "columns=f.tea%2Cpoints%2Ccity%2Cnonsense" in page, "filters and orders keep the columns"


def test_references_in_columns_cost_one_query_each(owner_client, merchant, django_assert_num_queries):
    make_field(merchant, "Advised by", "member", key="adviser")
    member = make_member(merchant, "agent", name="Jing Chen")
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for many in (2, 20):
        for _number in range(many):
            make_customer(merchant, attributes={"adviser": member.pk})
        owner_client.get("/customers/?columns=f.adviser")
        with CaptureQueriesContext(connection) as queries:
            page = owner_client.get("/customers/?columns=f.adviser")
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert "Jing Chen</td>" in page.content.decode()


# --- files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole, cell", [(True, "walnuts"), (False, "w•••")])
def test_the_export_has_the_fields(whole, cell, merchant):
    make_field(merchant, "Allergies", "text", is_personal=True)
    make_customer(merchant, "Li", attributes={"allergies": "walnuts"})

    with merchant_scope(merchant):
        exporter = exporter_for("customers")
        columns, rows = exporter.table(exporter.select(Ask(merchant)), whole=whole)
        row = dict(zip([column.name for column in columns], next(rows), strict=True))
    assert (row["name"], row["attributes.allergies"]) == ("Li", cell)


# --- segments -------------------------------------------------------------------------------------------


def people(merchant, rule):
    with merchant_scope(merchant):
        stored = dump(parse({"rules": [rule]}))
        return sorted(people_of(compile_definition(stored, Scope(merchant))).values_list("name", flat=True))


def test_segments_ask_for_fields(merchant):
    tea = make_field(merchant, "Tea {x}", "choice", choices=TEAS, key="tea")
    teas = make_field(merchant, "Teas", "choices", choices=TEAS)
    cups = make_field(merchant, "Cups", "number")
    note = make_field(merchant, "Note", "text")
    gift = make_field(merchant, "Gift", "yes_no")
    vip = make_field(merchant, "Vip since", "date", key="vip")
    make_customer(merchant, "Al", attributes={"tea": "green", "cups": 4, "gift": True, "vip": "2020-01-01"})
    make_customer(
        merchant, "Bo", attributes={"tea": "black", "teas": ["black"], "cups": "x", "note": "No Walnuts"}
    )
    make_customer(merchant, "Cy")

    assert people(merchant, {"if": key_for(tea), "is": "is", "values": ["green"]}) == ["Al"]
    assert people(merchant, {"if": key_for(tea), "is": "not", "values": ["green"]}) == ["Bo", "Cy"]
    assert people(merchant, {"if": key_for(teas), "is": "is", "values": ["green", "black"]}) == ["Bo"]
    assert people(merchant, {"if": key_for(cups), "compare": "min", "value": 4}) == ["Al"]
    assert people(merchant, {"if": key_for(note), "says": "has", "text": "walnut"}) == ["Bo"]
    assert people(merchant, {"if": key_for(gift), "answer": "none"}) == ["Bo", "Cy"]
    assert people(merchant, {"if": key_for(vip), "when": "before", "days": 30}) == ["Al"]
    assert people(merchant, {"if": key_for(vip), "when": "last", "days": 30}) == []
    segment = make_segment(merchant, {"rules": [{"if": key_for(tea), "is": "is", "values": ["green"]}]})
    with merchant_scope(merchant):
        assert segment_sentence(segment, None) == "People whose Tea x is Green tea"


def test_a_rivals_or_an_archived_field_makes_no_condition(merchant, rival):
    theirs = make_field(rival, "Secret", "text")
    ours = make_field(merchant, "Tea", "text")
    with merchant_scope(merchant):
        field_archive(definition=ours)
        for one in (theirs, ours):
            with pytest.raises(BadDefinition):
                parse({"rules": [{"if": key_for(one), "says": "is", "text": "x"}]})


# --- the API --------------------------------------------------------------------------------------------


@pytest.fixture
def api(merchant):
    return ApiClient(make_key(merchant)[1])


def test_programs_make_fields_and_fill_them(api, merchant):
    made = api.post_json("fields/", {"label": "Tea", "type": "choice", "choices": TEAS, "default": "green"})
    person = api.post_json("customers/", {"email": "li@example.com", "attributes": {"tea": "Black tea"}})
    wrong = api.post_json("customers/", {"email": "wu@example.com", "attributes": {"tea": "oolong"}})

    assert made.status_code == 201, made.content
    assert (made.json()["key"], made.json()["default"]) == ("tea", "green")
    assert person.json()["attributes"] == {"tea": "black"}
    assert (wrong.status_code, set(wrong.json()["fields"])) == (422, {"attributes.tea"})
    assert [one["key"] for one in api.get("fields/").json()["results"]] == ["tea"]


def test_programs_meet_the_same_conflict(api, merchant):
    field = make_field(merchant, "Cups", "text")
    make_customer(merchant, attributes={"cups": "a dozen"})
    change = {"type": "number"}

    refused = api.patch(f"/api/v1/fields/{field.pk}/", change, content_type="application/json")
    forced = api.patch(
        f"/api/v1/fields/{field.pk}/",
        change | {"drop_misfits": True, "archived": True},
        content_type="application/json",
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "values_dont_fit")
    assert forced.status_code == 200, forced.content
    assert (forced.json()["type"], forced.json()["archived_at"] is None) == ("number", False)


def test_a_rivals_key_sees_no_field(merchant, rival):
    field = make_field(merchant, "Tea")
    outsider = ApiClient(make_key(rival)[1])

    assert outsider.get(f"fields/{field.pk}/").status_code == 404
    assert outsider.get("fields/").json()["results"] == []
