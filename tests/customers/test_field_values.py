"""Every type of custom field takes what people type and refuses what it isn't, the same by every way in."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope
from customers.fields.checking import MOST_CHOICES
from customers.fields.importing import cells_read, field_targets
from customers.fields.services import field_archive, field_change, field_create, field_try
from customers.fields.showing import names_for, shown
from customers.fields.values import Misfit, Reader, clean_value
from customers.models import Customer, FieldDefinition
from customers.services import customer_change, customer_create
from tests.factories.accounts import make_member
from tests.factories.customers import make_company, make_customer
from tests.factories.fields import make_field

TEAS = [{"value": "green", "label": "Green tea"}, {"value": "black", "label": "Black tea"}]


def field(merchant, type, **values):
    return FieldDefinition(merchant=merchant, key="k", label="K", type=type, **values)


@pytest.mark.parametrize(
    "type, raw, kept",
    [
        ("text", "  two   words\t", "two words"),
        ("text", 42, "42"),
        ("long", "one\r\ntwo", "one\ntwo"),
        ("number", "1,234.5", 1234.5),
        ("number", "１２", 12),
        ("number", 7.0, 7),
        ("money", "12.5", "12.50"),
        ("money", "0.0001", "0.0001"),
        ("money", Decimal("3"), "3.00"),
        ("yes_no", "是", True),
        ("yes_no", False, False),
        ("date", "2026/3/1", "2026-03-01"),
        ("date", "2026年3月1日", "2026-03-01"),
        ("date", date(2026, 3, 1), "2026-03-01"),
        ("instant", "2026-03-01 08:00", "2026-03-01T00:00:00Z"),
        ("instant", "2026-03-01T08:00:00+02:00", "2026-03-01T06:00:00Z"),
        ("instant", datetime.fromisoformat("2026-03-01T00:00:00+00:00"), "2026-03-01T00:00:00Z"),
        ("choice", "GREEN TEA", "green"),
        ("choices", "Black tea、green", ["green", "black"]),
        ("choices", ["black", "black"], ["black"]),
        ("email", "Li@Example.CN", "li@example.cn"),
        ("phone", "138 0013 8000", "+8613800138000"),
        ("url", "example.com/a?b=1", "https://example.com/a?b=1"),
        ("country", "Germany", "DE"),
        ("country", "cn", "CN"),
        ("text", "", None),
        ("choices", [], None),
    ],
)
def test_what_is_typed_becomes_one_form(type, raw, kept, scoped):
    value = clean_value(field(scoped, type, choices=TEAS if "choice" in type else []), raw, Reader(scoped))

    assert value == kept
    assert isinstance(value, bool) is isinstance(kept, bool)


@pytest.mark.parametrize(
    "type, raw, values",
    [
        ("text", ["a"], {}),
        ("text", True, {}),
        ("text", "x" * 301, {}),
        ("text", "AB-12", {"rules": {"pattern": "@@-####"}}),
        ("text", "abc", {"rules": {"min": "5"}}),
        ("number", "1,5", {}),
        ("number", "NaN", {}),
        ("number", "1e400", {}),
        ("number", "12345678901234567", {}),
        ("number", "3", {"rules": {"min": "5"}}),
        ("number", True, {}),
        ("money", "1.23456", {}),
        ("money", "11", {"rules": {"max": "10"}}),
        ("yes_no", "perhaps", {}),
        ("date", "2026-02-30", {}),
        ("date", "0001-01-01", {}),
        ("date", "2026-02-03", {"rules": {"max": "2026-01-01"}}),
        ("instant", "tomorrow", {}),
        ("instant", "9999-12-31T23:59:59-23:59", {}),
        ("choice", "oolong", {"choices": TEAS}),
        ("choices", {"a": 1}, {"choices": TEAS}),
        ("email", "li@", {}),
        ("email", "l***@example.cn", {}),
        ("phone", "12", {}),
        ("url", "javascript:alert(1)", {}),
        ("url", "ftp://example.com", {}),
        ("country", "Atlantis", {}),
        ("member", "nobody@example.com", {}),
        ("customer", "987654321", {}),
        ("company", "No such firm", {}),
    ],
)
def test_what_does_not_fit_is_refused_in_words(type, raw, values, scoped):
    with pytest.raises(Misfit) as refusal:
        clean_value(field(scoped, type, **values), raw, Reader(scoped))

    assert str(refusal.value)


def test_a_mask_takes_what_it_says(scoped):
    one = field(scoped, "text", rules={"pattern": "@@-####(a+)*"})

    assert clean_value(one, "AB-1234(a+)x", Reader(scoped)) == "AB-1234(a+)x"


def test_references_are_found_by_id_and_by_name_within_the_shop(merchant, rival):
    ours, theirs = (
        make_customer(merchant, email="li@example.com"),
        make_customer(rival, email="wu@example.com"),
    )
    firm, colleague = (
        make_company(merchant, "Qinghe"),
        make_member(merchant, "agent", email="jing@example.com"),
    )
    stranger = make_member(rival, "agent")
    with merchant_scope(merchant):
        read = Reader(merchant)
        assert clean_value(field(merchant, "customer"), "LI@example.com", read) == ours.pk
        assert clean_value(field(merchant, "customer"), ours.pk, read) == ours.pk
        assert clean_value(field(merchant, "company"), "qinghe", read) == firm.pk
        assert clean_value(field(merchant, "member"), "jing@example.com", read) == colleague.pk
        for kind, raw in [("customer", theirs.pk), ("customer", "wu@example.com"), ("member", stranger.pk)]:
            with pytest.raises(Misfit):
                clean_value(field(merchant, kind), raw, read)


def test_a_customer_that_the_member_may_not_see_is_a_number(merchant):
    hidden = make_customer(merchant, "Hidden Hans")
    member = make_member(merchant, "agent", visibility="own")
    one = field(merchant, "customer")
    with merchant_scope(merchant):
        names = names_for([one], [{"k": hidden.pk}], member)
        assert shown(one, hidden.pk, names) == f"#{hidden.pk}"


# --- on a customer --------------------------------------------------------------------------------------


def test_a_change_merges_and_none_takes_away(scoped):
    make_field(scoped, "Tea", "choice", choices=TEAS)
    make_field(scoped, "Cups", "number")
    customer = customer_create(
        merchant=scoped, source="staff", name="Li", attributes={"tea": "Green tea", "cups": "3"}
    )

    changed = customer_change(customer=customer, source="staff", attributes={"cups": None})
    again = customer_change(customer=customer, source="staff", attributes={"tea": "green"})

    assert (changed, again) == (["attributes"], [])
    assert Customer.objects.get().attributes == {"tea": "green"}


def test_wrong_values_name_their_field_and_change_nothing(scoped):
    make_field(scoped, "Tea", "choice", choices=TEAS)
    customer = make_customer(scoped, attributes={"tea": "green", "old": 1})

    with pytest.raises(Rejected) as refusal:
        customer_change(customer=customer, source="api", attributes={"tea": "oolong", "other": 1})

    assert set(refusal.value.fields) == {"attributes.tea", "attributes.other"}
    assert Customer.objects.get().attributes == {"tea": "green", "old": 1}


def test_required_is_asked_of_people_and_programs_not_of_orders(scoped):
    make_field(scoped, "Size", "text", is_required=True)

    with pytest.raises(Rejected) as refusal:
        customer_create(merchant=scoped, source="api", name="Li")
    customer = customer_create(merchant=scoped, source="form", name="Wu")

    assert set(refusal.value.fields) == {"attributes.size"}
    assert customer.attributes == {}


def test_defaults_fill_what_was_not_said(scoped):
    make_field(scoped, "Gift wrap", "yes_no", default="no")

    assert customer_create(merchant=scoped, source="staff", name="Li").attributes == {"gift_wrap": False}


def test_a_unique_value_belongs_to_one(scoped):
    make_field(scoped, "Card", "text", is_unique=True)
    customer_create(merchant=scoped, source="staff", name="Li", attributes={"card": "A1"})
    other = customer_create(merchant=scoped, source="staff", name="Wu", attributes={"card": "A2"})

    with pytest.raises(Rejected):
        customer_change(customer=other, source="staff", attributes={"card": "A1"})
    assert customer_change(customer=other, source="staff", attributes={"card": "A2"}) == []


def test_an_import_reads_cells_by_the_same_rules(scoped):
    fields = [make_field(scoped, "Tea", "choice", choices=TEAS), make_field(scoped, "Cups", "number")]

    values, faults = cells_read(
        fields, {"attributes.tea": "Black tea", "attributes.cups": "many", "name": "Li"}, Reader(scoped)
    )

    assert [target.key for target in field_targets(fields)] == ["attributes.tea", "attributes.cups"]
    assert (values, set(faults)) == ({"tea": "black"}, {"attributes.cups"})


# --- changing definitions -------------------------------------------------------------------------------


def test_a_type_change_shows_what_does_not_fit_then_converts(scoped):
    one = make_field(scoped, "Cups", "text")
    fits = make_customer(scoped, "Fits", attributes={"cups": "12"})
    misfit = make_customer(scoped, "Misfit", attributes={"cups": "a dozen"})

    trial = field_try(definition=one, changes={"type": "number"})
    with pytest.raises(Conflict) as refusal:
        field_change(definition=one, changes={"type": "number"})

    assert (trial.values, trial.lost, [held.name for held in trial.misfits]) == (2, 1, ["Misfit"])
    assert refusal.value.code_name == "values_dont_fit"
    assert Customer.objects.get(pk=fits.pk).attributes == {"cups": "12"}

    field_change(definition=one, changes={"type": "number"}, drop_misfits=True)

    assert Customer.objects.get(pk=fits.pk).attributes == {"cups": 12}
    assert Customer.objects.get(pk=misfit.pk).attributes == {}


def test_a_choice_in_use_is_not_lost_silently_and_a_label_may_change(scoped):
    one = make_field(scoped, "Tea", "choice", choices=TEAS)
    make_customer(scoped, attributes={"tea": "black"})

    with pytest.raises(Conflict):
        field_change(definition=one, changes={"choices": TEAS[:1]})
    renamed = [TEAS[0], {"value": "black", "label": "Red tea"}]
    field_change(definition=one, changes={"choices": renamed})

    one.refresh_from_db()
    assert one.labels["black"] == "Red tea"
    assert Customer.objects.get().attributes == {"tea": "black"}


def test_a_list_becomes_text_by_its_labels(scoped):
    one = make_field(scoped, "Teas", "choices", choices=TEAS)
    make_customer(scoped, attributes={"teas": ["green", "black"]})

    field_change(definition=one, changes={"type": "text"})

    assert Customer.objects.get().attributes == {"teas": "Green tea, Black tea"}


@pytest.mark.parametrize(
    "case, values, wrong",
    [
        ("no label", {"label": " "}, "label"),
        ("ten thousand choices", {"type": "choice", "choices": [str(n) for n in range(10_000)]}, "choices"),
        ("no choices", {"type": "choice"}, "choices"),
        ("a choice twice", {"type": "choice", "choices": ["a", "a"]}, "choices"),
        ("upside down", {"type": "number", "rules": {"min": "5", "max": "2"}}, "max"),
        ("limits of a yes", {"type": "yes_no", "rules": {"min": "5"}}, "min"),
        ("a default that doesn't fit", {"type": "number", "default": "many"}, "default"),
        ("unique yes", {"type": "yes_no", "is_unique": True}, "is_unique"),
        ("a key of SQL", {"key": "a'; drop"}, "key"),
        ("no such noun", {"applies_to": "order"}, "applies_to"),
        ("no such type", {"type": "blob"}, "type"),
    ],
)
def test_what_makes_no_sense_is_refused(case, values, wrong, scoped):
    with pytest.raises(Rejected) as refusal:
        field_create(merchant=scoped, **{"label": "Tea", "type": "text", **values})

    assert set(refusal.value.fields) == {wrong}
    assert not FieldDefinition.objects.exists()


def test_a_key_is_made_once_and_archived_ones_keep_theirs(scoped):
    one = make_field(scoped, "Favourite tea")
    field_archive(definition=one)

    with pytest.raises(Conflict):
        make_field(scoped, "Favourite Tea!")
    assert make_field(scoped, "最爱的茶").key == "field_1"
    assert make_field(scoped, "颜色").key == "field_2"
    assert MOST_CHOICES < 10_000


def test_unique_is_refused_while_two_share_a_value(scoped):
    one = make_field(scoped, "Card")
    make_customer(scoped, attributes={"card": "A"})
    make_customer(scoped, attributes={"card": "A"})

    with pytest.raises(Rejected):
        field_change(definition=one, changes={"is_unique": True})
