"""Files of customers: who is recognised, what is filled in, what is refused, and all of it taken back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.imports import services
from crm.imports.models import ImportBatch, RefusedRow
from crm.imports.pipeline import work_on
from crm.lib.errors import Rejected
from crm.lib.tenancy import merchant_scope
from customers.consent import consent_now, consent_record, suppress
from customers.importing.reading import Entry, RowReader
from customers.models import Address, Company, Consent, Customer, Identity, Metrics, Note, SearchDocument
from customers.searching import customer_ids_found
from customers.services import customer_change
from tests.customers.import_steps import brought, imported, worked
from tests.factories.accounts import make_member
from tests.factories.customers import make_customer
from tests.factories.fields import make_field
from tests.orders.import_support import csv_of

pytestmark = pytest.mark.usefixtures("scoped")

HEAD = ["Name", "Email", "Phone", "Company", "Birthday", "City", "Country", "Tags", "Accepts Email Marketing"]
MEI = [
    "李梅",
    "Mei.Li@Example.cn",
    "138 0013 8000",
    "青禾商贸",
    "1990-05-04",
    "杭州",
    "中国",
    "vip; tea",
    "yes",
]
BO = ["Bo Berg", "bo@example.se", "", "", "", "Malmö", "Sweden", "", "no"]
ZO = ["Zoe", "", "+33 6 12 34 56 78", "", "", "Paris", "FR", "", ""]
GROUND = {"legal_basis": "consent"}


@pytest.fixture
def path(tmp_path: Any) -> Any:
    return tmp_path / "people.csv"


def test_new_people_come_whole(merchant: Merchant, path: Any) -> None:
    batch = imported(merchant, [HEAD, MEI, BO, ZO], path, **GROUND)

    mei = Customer.objects.get(email="mei.li@example.cn")
    assert (mei.name, mei.phone, mei.city, mei.country) == ("李梅", "+8613800138000", "杭州", "CN")
    assert (mei.birthday_on, mei.tags, mei.company.name) == (date(1990, 5, 4), ["vip", "tea"], "青禾商贸")
    kinds = set(mei.identities.values_list("kind", "value"))
    assert kinds == {("email", "mei.li@example.cn"), ("phone", "+8613800138000")}
    assert Metrics.objects.filter(customer=mei).exists()
    assert customer_ids_found("李梅") == [mei.pk], "found at once"
    assert consent_now(customer=mei, channel="email") is True
    entry = Consent.objects.get(customer=mei)
    assert entry.proof["legal_basis"] == "consent" and entry.proof["row"] == 2
    assert consent_now(customer=Customer.objects.get(name="Bo Berg"), channel="email") is False
    assert Customer.objects.get(name="Zoe").phone == "+33612345678"
    assert batch.report["equal"] and batch.report["created"] == 3


def test_the_same_file_again_changes_nothing(merchant: Merchant, path: Any) -> None:
    imported(merchant, [HEAD, MEI, BO, ZO], path, **GROUND)
    before = [list(model.objects.order_by("pk").values()) for model in (Customer, Identity, Consent)]

    report = imported(merchant, [HEAD, MEI, BO, ZO], path, **GROUND).report

    assert (report["created"], report["changed"], report["unchanged"]) == (0, 0, 3)
    assert [list(model.objects.order_by("pk").values()) for model in (Customer, Identity, Consent)] == before


def test_the_check_tells_what_the_import_then_does_and_writes_nothing(merchant: Merchant, path: Any) -> None:
    make_customer(merchant, "Bo", email="bo@example.se")
    twice = ["Mei again", "mei.li@example.cn", "", "", "", "", "", "", ""]
    rows = [HEAD, MEI, BO, ZO, twice, ZO]
    checked = worked(services.batch_check(batch=brought(merchant, rows, path, **GROUND), ring=False))

    assert (checked.counts["new"], checked.counts["known"]) == (2, 1)
    assert checked.counts["duplicate_lines"] == 1
    assert Customer.objects.count() == 1
    done = worked(services.batch_run(batch=checked, ring=False))
    assert (done.report["created"], done.report["equal"]) == (2, True)
    assert Customer.objects.get(email="mei.li@example.cn").name == "李梅", "the first row's word"


@pytest.mark.parametrize(
    "known, name, city, tags",
    [
        ("fill", "Bo", "Malmö", ["old", "vip"]),
        ("overwrite", "Bo Berg", "Malmö", ["old", "vip"]),
        ("skip", "Bo", "", ["old"]),
    ],
)
def test_known_people_by_the_choice_made(
    merchant: Merchant, path: Any, known: str, name: str, city: str, tags: list[str]
) -> None:
    bo = make_customer(merchant, "Bo", email="bo@example.se", tags=["old"])
    imported(merchant, [HEAD, [*BO[:7], "vip", ""]], path, known=known, **GROUND)
    bo.refresh_from_db()
    assert (bo.name, bo.city, bo.tags) == (name, city, tags)


@pytest.mark.parametrize(
    "column, cell, code",
    [
        ("Email", "not an address", "email"),
        ("Phone", "12", "phone"),
        ("Birthday", "31/02/1990", "date"),
        ("Birthday", "2099-01-01", "birthday"),
        ("Country", "Atlantis", "country"),
        ("Accepts Email Marketing", "perhaps", "flag"),
    ],
)
def test_a_row_that_cannot_be_right_is_refused_by_row_and_column(
    merchant: Merchant, path: Any, column: str, cell: str, code: str
) -> None:
    bad = list(MEI)
    bad[HEAD.index(column)] = cell
    batch = imported(merchant, [HEAD, BO, bad], path, **GROUND)
    (refused,) = RefusedRow.objects.filter(batch=batch)
    assert (refused.row, refused.column, refused.code) == (3, column, code)
    assert Customer.objects.count() == 1
    assert batch.report["equal"]


def test_a_row_that_recognises_nobody_is_refused(merchant: Merchant, path: Any) -> None:
    batch = imported(merchant, [HEAD, BO, ["Only a name", *[""] * 8]], path, **GROUND)
    assert RefusedRow.objects.get(batch=batch).code == "nobody"


def test_hidden_letters_recognise_nobody(merchant: Merchant, path: Any) -> None:
    make_customer(merchant, "Somebody", email="b***@example.se")
    imported(merchant, [HEAD, ["Bo", "b***@example.se", "+46 70 123 45 67", *[""] * 6]], path, **GROUND)
    assert Customer.objects.get(name="Bo").email == ""


def test_answers_about_marketing_need_a_declared_ground(merchant: Merchant, path: Any) -> None:
    with pytest.raises(Rejected) as refusal:
        brought(merchant, [HEAD, MEI], path)
    assert "options.legal_basis" in refusal.value.fields


def test_a_file_never_overrules_a_withdrawal_or_a_suppression(merchant: Merchant, path: Any) -> None:
    mei = make_customer(merchant, "李梅", email="mei.li@example.cn")
    consent_record(merchant=merchant, customer=mei, channel="email", granted=False, source="unsubscribe")
    suppress(merchant=merchant, channel="email", value="new@example.cn", reason="complaint")
    fresh = ["New", "new@example.cn", *[""] * 6, "yes"]
    batch = imported(merchant, [HEAD, MEI, fresh], path, **GROUND)
    assert consent_now(customer=mei, channel="email") is False
    assert consent_now(customer=Customer.objects.get(email="new@example.cn"), channel="email") is None
    assert (batch.report["withdrawn_here"], batch.report["suppressed"]) == (1, 1)


def test_an_older_answer_of_the_file_does_not_undo_a_newer_one_here(merchant: Merchant, path: Any) -> None:
    mei = make_customer(merchant, "李梅", email="mei.li@example.cn")
    consent_record(merchant=merchant, customer=mei, channel="email", granted=True, source="portal")
    head = [*HEAD, "Consent date"]
    imported(merchant, [head, [*MEI[:8], "no", "2019-01-01"]], path, **GROUND)
    assert consent_now(customer=mei, channel="email") is True
    assert Consent.objects.filter(customer=mei, granted=False).exists(), "kept in the ledger, with its date"


def test_a_number_names_a_known_customer_and_nobody_else(
    merchant: Merchant, rival: Merchant, path: Any
) -> None:
    bo = make_customer(merchant, "Bo")
    with merchant_scope(rival):
        theirs = make_customer(rival, "Theirs")
    rows = [["id", "Name", "City"], [bo.pk, "Bo", "Malmö"], [theirs.pk, "Hack", "X"], [987654321, "No", "Y"]]
    batch = imported(merchant, rows, path, known="overwrite")
    bo.refresh_from_db()
    theirs.refresh_from_db()
    assert (bo.city, theirs.name) == ("Malmö", "Theirs")
    assert {row.row for row in RefusedRow.objects.filter(batch=batch)} == {3, 4}


def test_a_number_and_an_address_of_two_people_are_refused(merchant: Merchant, path: Any) -> None:
    bo, mei = make_customer(merchant, "Bo"), make_customer(merchant, "Mei", email="mei@example.cn")
    rows = [["id", "Email"], [bo.pk, mei.email], [mei.pk, mei.email]]
    batch = imported(merchant, rows, path)
    assert RefusedRow.objects.get(batch=batch).code == "two_customers"


def test_a_phone_that_is_somebody_elses_makes_no_second_identity(merchant: Merchant, path: Any) -> None:
    mother = make_customer(merchant, "Mother", phone="+8613800138000")
    imported(merchant, [HEAD, MEI], path, **GROUND)
    mei = Customer.objects.get(email="mei.li@example.cn")
    assert mei.pk != mother.pk
    assert Identity.objects.get(kind="phone").customer_id == mother.pk


def test_addresses_notes_owner_and_words_of_any_language(merchant: Merchant, path: Any) -> None:
    member = make_member(merchant, "agent")
    head = ["邮箱", "姓名", "地址", "城市", "邮编", "备注", "负责人邮箱", "顾客类型", "语言", "会员等级"]
    rows = [
        head,
        [
            "a@x.cn",
            "陈静",
            "衡山路 1 号",
            "上海",
            "200031",
            "喜欢绿茶",
            member.user.email,
            "供应商",
            "中文",
            "A",
        ],
    ]
    imported(merchant, rows, path)
    jing = Customer.objects.get()
    assert (jing.kind, jing.language, jing.grade, jing.owner) == ("supplier", "zh-hans", "A", member)
    address = Address.objects.get(customer=jing)
    assert (address.line1, address.city, address.postal_code) == ("衡山路 1 号", "上海", "200031")
    assert address.is_default
    assert Note.objects.get(customer=jing).text == "喜欢绿茶"


def test_undo_takes_everything_back(merchant: Merchant, path: Any) -> None:
    bo = make_customer(merchant, "Bo", email="bo@example.se", tags=["old"])
    consent_record(merchant=merchant, customer=bo, channel="email", granted=True, source="portal")
    bo.refresh_from_db()
    was = Customer.objects.filter(pk=bo.pk).values("name", "city", "country", "tags", "phone").get()
    head = [*HEAD, "Address", "Note"]
    rows = [head, [*MEI, "West Lake 1", "likes tea"], [*BO, "Storgatan 1", "calls often"]]
    batch = imported(merchant, rows, path, known="overwrite", **GROUND)
    assert consent_now(customer=bo, channel="email") is False

    undone = worked(services.batch_undo(batch=batch, ring=False))

    assert undone.state == ImportBatch.State.UNDONE
    assert Customer.objects.filter(pk=bo.pk).values("name", "city", "country", "tags", "phone").get() == was
    assert list(Customer.objects.values_list("pk", flat=True)) == [bo.pk]
    assert consent_now(customer=bo, channel="email") is True
    assert not Address.objects.exists() and not Note.objects.exists()
    assert SearchDocument.objects.exclude(customer=bo).count() == 0


def test_undo_leaves_whom_somebody_touched_since(merchant: Merchant, path: Any) -> None:
    batch = imported(merchant, [HEAD, MEI, BO], path, **GROUND)
    mei, bo = Customer.objects.get(name="李梅"), Customer.objects.get(name="Bo Berg")
    customer_change(customer=mei, source="staff", city="上海")
    Note.objects.create(merchant=merchant, customer=bo, text="called", created_at=timezone.now())
    worked(services.batch_undo(batch=batch, ring=False))
    assert set(Customer.objects.values_list("name", flat=True)) == {"李梅", "Bo Berg"}
    assert batch.kept.count() == 2


def test_an_import_that_died_goes_on_where_it_stood(
    merchant: Merchant, path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customers.importing.writing.CHUNK_PEOPLE", 10)
    rows = [["Email", "Name"], *([f"p{n}@example.com", f"P {n}"] for n in range(45))]
    batch = services.batch_run(batch=brought(merchant, rows, path), ring=False)
    seen = []

    def killed(now: ImportBatch) -> None:
        seen.append(now.stage)
        if seen.count("people") == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work_on(merchant_id=merchant.pk, batch_id=batch.pk, watcher=killed)
    assert 0 < Customer.objects.count() < 45
    ImportBatch.objects.filter(pk=batch.pk).update(claimed_until=timezone.now() - timedelta(minutes=5))
    assert worked(batch).report["created"] == 45
    assert Customer.objects.count() == 45 == Identity.objects.count()


def test_the_columns_of_last_time_are_remembered(merchant: Merchant, path: Any) -> None:
    path.write_text(csv_of([["A", "B"], ["x@example.com", "Xu"]]), encoding="utf-8")
    first = services.batch_from_path(merchant=merchant, kind="customers", path=path)
    mapping = {"email": "A", "name": "B"}
    services.batch_map(batch=first, merchant=merchant, mapping=mapping, options=first.options)
    worked(services.batch_run(batch=first, ring=False))
    path.write_text(csv_of([["A", "B"], ["y@example.com", "Yu"]]), encoding="utf-8")
    again = services.batch_from_path(merchant=merchant, kind="customers", path=path)
    assert again.mapping == mapping
    assert again.profile["remembered"] == first.pk


def test_a_rivals_remembered_columns_stay_theirs(merchant: Merchant, rival: Merchant, path: Any) -> None:
    with merchant_scope(rival):
        imported(rival, [["Email", "Name"], ["x@example.com", "Xu"]], path)
    path.write_text(csv_of([["Email", "Name"], ["y@example.com", "Yu"]]), encoding="utf-8")
    batch = services.batch_from_path(merchant=merchant, kind="customers", path=path)
    assert "remembered" not in batch.profile
    assert Customer.objects.count() == 0


def test_a_shopify_export_is_known_by_heart(merchant: Merchant, path: Any) -> None:
    head = ["Customer ID", "First Name", "Last Name", "Email", "Accepts Email Marketing"]
    head += ["Default Address Company", "Default Address Address1", "Default Address Address2"]
    head += ["Default Address City", "Default Address Province Code", "Default Address Country Code"]
    head += ["Default Address Zip", "Default Address Phone", "Phone", "Accepts SMS Marketing", "Total Spent"]
    head += ["Total Orders", "Note", "Tax Exempt", "Tags"]
    row = [
        "'820",
        "Ada",
        "Byron",
        "ada@example.co.uk",
        "yes",
        "Engines Ltd",
        "1 St James",
        "",
        "London",
        "ENG",
    ]
    row += ["GB", "SW1Y 4JU", "", "+442079460958", "no", "12.00", "1", "met at fair", "no", "b2b, vip"]
    imported(merchant, [head, row], path, **GROUND)
    ada = Customer.objects.get()
    assert (ada.name, ada.given_name, ada.tags, ada.country) == ("Ada Byron", "Ada", ["b2b", "vip"], "GB")
    assert Company.objects.get().name == "Engines Ltd"
    assert consent_now(customer=ada, channel="email") is True
    assert consent_now(customer=ada, channel="sms") is False


def test_a_birth_before_1970_is_a_birthday(merchant: Merchant, path: Any) -> None:
    imported(merchant, [["Email", "Birthday"], ["a@example.com", "1931-12-01"]], path)
    assert Customer.objects.get().birthday_on == date(1931, 12, 1)


def test_since_when_somebody_is_a_customer(merchant: Merchant, path: Any) -> None:
    rows = [
        ["Email", "Created at"],
        ["a@example.com", "2020-02-03T04:05:06Z"],
        ["b@example.com", "2099-01-01"],
    ]
    imported(merchant, rows, path)
    ages = dict(Customer.objects.values_list("email", "created_at"))
    assert ages["a@example.com"] == datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert ages["b@example.com"] <= timezone.now()


def test_choices_are_read_in_any_language(merchant: Merchant, path: Any) -> None:
    batch = brought(merchant, [["Email", "Stage"], ["a@example.com", "x"]], path)
    for word in ("回头客", "Repeat customer", "repeat"):
        read = RowReader(batch, merchant).read(2, ("a@example.com", word))
        assert isinstance(read, Entry) and read.values["stage"] == "repeat"


def test_the_shops_own_fields_are_columns_too(merchant: Merchant, path: Any) -> None:
    make_field(merchant, "Favourite tea", type="choice", choices=["Green", "Black"])
    make_field(merchant, "Card", type="text", is_unique=True)
    known = make_customer(merchant, "Known", email="k@example.com", attributes={"card": "7"})
    rows = [
        ["Email", "Favourite tea", "Card"],
        ["a@example.com", "Green", "1"],
        ["b@example.com", "Milk", "2"],
    ]
    rows += [["c@example.com", "", "7"], ["d@example.com", "", "1"], ["k@example.com", "Black", "7"]]
    batch = imported(merchant, rows, path)
    assert Customer.objects.get(email="a@example.com").attributes == {"favourite_tea": "Green", "card": "1"}
    known.refresh_from_db()
    assert known.attributes == {"favourite_tea": "Black", "card": "7"}
    refused = dict(RefusedRow.objects.filter(batch=batch).values_list("row", "code"))
    assert refused == {3: "field", 4: "unique", 5: "unique"}
    assert batch.report["equal"]
