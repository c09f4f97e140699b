"""Files of companies: who is recognised, how the tree is hung, who speaks for them, and the way back."""

from __future__ import annotations

import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.accounts.models import Merchant
from crm.events.models import Event
from crm.imports import services
from crm.imports.models import ImportBatch, KeptRow
from crm.imports.pipeline import work_on
from crm.imports.readers import UnreadableFile
from customers.companies.contacts import contact_add
from customers.companies.services import company_change, company_delete
from customers.models import Company, CompanyContact, Customer, Identity
from customers.privacy.erasing import customer_erase
from customers.searching import customer_ids_found
from tests.customers.import_steps import brought, imported, mapped, refusals, run, undone, worked
from tests.factories.accounts import make_member
from tests.factories.customers import make_company, make_customer
from tests.factories.fields import make_field

pytestmark = pytest.mark.usefixtures("scoped")

HEAD = [
    *("Company", "External id", "Parent company", "Credit limit", "Currency", "Payment terms", "Country"),
    *("Contact", "Contact e-mail", "Contact phone", "Contact role"),
]
SHOP = [
    "青禾杭州",
    "C-2",
    "C-1",
    "50,000.00",
    "CNY",
    "30",
    "CN",
    "李梅",
    "mei@qinghe.cn",
    "13800138000",
    "采购",
]
HEADQUARTERS = ["青禾商贸", "C-1", "", "", "", "", "CN", "", "", "", ""]


@pytest.fixture
def path(tmp_path: Any) -> Any:
    return tmp_path / "companies.csv"


def brings(merchant: Merchant, rows: list[list[Any]], path: Any, **options: str) -> Any:
    return imported(merchant, rows, path, kind="companies", **options)


def test_a_firm_comes_whole_below_a_parent_of_a_later_row(merchant: Merchant, path: Any) -> None:
    batch = brings(merchant, [HEAD, SHOP, HEADQUARTERS], path)

    shop = Company.objects.get(external_id="C-2")
    assert (shop.name, shop.parent.name, shop.country) == ("青禾杭州", "青禾商贸", "CN")
    assert (shop.credit_limit, shop.currency, shop.payment_days) == (Decimal("50000"), "CNY", 30)
    mei = Customer.objects.get(email="mei@qinghe.cn")
    assert (mei.name, mei.phone, mei.kind, mei.company) == ("李梅", "+8613800138000", "contact", shop)
    assert CompanyContact.objects.get(company=shop, customer=mei).roles == ["buyer"]
    assert batch.report["equal"]
    assert (batch.report["created"], batch.report["contacts"], batch.report["below"]) == (2, 1, 1)
    assert Event.objects.filter(name="customers.company_created", backfill=True).count() == 2
    assert not Event.objects.filter(name__startswith="customers.", backfill=False).exists(), "history"


def test_the_same_file_again_changes_nothing(merchant: Merchant, path: Any) -> None:
    brings(merchant, [HEAD, SHOP, HEADQUARTERS], path)
    before = [list(model.objects.order_by("pk").values()) for model in (Company, CompanyContact, Customer)]
    report = brings(merchant, [HEAD, SHOP, HEADQUARTERS], path).report
    assert (report["created"], report["changed"], report["unchanged"], report["contacts"]) == (0, 0, 2, 0)
    now = [list(model.objects.order_by("pk").values()) for model in (Company, CompanyContact, Customer)]
    assert now == before


def test_the_check_writes_nothing_and_tells_what_comes(merchant: Merchant, path: Any) -> None:
    make_company(merchant, "青禾商贸")
    checked = worked(
        services.batch_check(
            batch=brought(merchant, [HEAD, SHOP, HEADQUARTERS], path, kind="companies"), ring=False
        )
    )
    told = {key: checked.counts[key] for key in ("new", "known", "contacts_told", "below")}
    assert told == {"new": 1, "known": 1, "contacts_told": 1, "below": 1}
    assert (Company.objects.count(), Customer.objects.count()) == (1, 0)
    assert run(checked).report["created"] == 1


TAX_HEAD = ["Company", "External id", "Tax number", "City"]


@pytest.mark.parametrize(
    "case, row, same",
    [
        ("its id, whatever it is called now", ["New name", "A-1", "", "Bonn"], True),
        ("its tax number", ["Other name", "", "DE136695976", "Bonn"], True),
        ("its exact name but for case", ["acme gmbh", "", "", "Bonn"], True),
        ("one of its name, but another id", ["Acme GmbH", "B-7", "", "Bonn"], False),
        ("one of its name, but another tax number", ["Acme GmbH", "", "DE811907980", "Bonn"], False),
        ("a longer name", ["Acme GmbH & Co", "", "", "Bonn"], False),
    ],
)
def test_who_is_recognised(merchant: Merchant, path: Any, case: str, row: list[str], same: bool) -> None:
    merchant.country = "DE"
    merchant.save()
    acme = make_company(merchant, "Acme GmbH", external_id="A-1", tax_number="136695976")
    brings(merchant, [TAX_HEAD, row], path)
    acme.refresh_from_db()
    assert (Company.objects.count() == 1) is same, case
    assert acme.city == ("Bonn" if same else "")
    assert acme.name == "Acme GmbH", "what is known stays"


def test_a_name_that_several_have_is_refused(merchant: Merchant, path: Any) -> None:
    make_company(merchant, "Acme", external_id="1")
    make_company(merchant, "Acme", external_id="2")
    batch = brings(merchant, [TAX_HEAD, ["Acme", "", "", "Bonn"]], path)
    assert refusals(batch) == [(2, "Company", "several")]
    assert not Company.objects.filter(city="Bonn").exists()


@pytest.mark.parametrize(
    "column, cell, code",
    [
        ("Company", "", "missing"),
        ("Credit limit", "-5", "company"),
        ("Credit limit", "lots", "number"),
        ("Payment terms", "999", "company"),
        ("Currency", "Yuan!", "currency"),
        ("Country", "Atlantis", "country"),
        ("Parent company", "Nobody Ltd", "no_parent"),
        ("Contact e-mail", "not an address", "email"),
        ("Contact phone", "12", "phone"),
        ("Contact role", "wizard", "choice"),
    ],
)
def test_a_row_that_cannot_be_right_is_refused_by_row_and_column(
    merchant: Merchant, path: Any, column: str, cell: str, code: str
) -> None:
    bad = list(SHOP)
    bad[HEAD.index(column)] = cell
    batch = brings(merchant, [HEAD, HEADQUARTERS, bad], path)
    assert refusals(batch) == [(3, column, code)]
    assert [one.name for one in Company.objects.all()] == ["青禾商贸"]
    assert not Customer.objects.exists()
    assert batch.report["equal"]


def test_a_ring_is_refused_where_it_closes_and_with_it_who_hangs_on_it(merchant: Merchant, path: Any) -> None:
    head = ["Company", "Parent company"]
    rows = [["A", "C"], ["B", "A"], ["C", "B"], ["D", "D"], ["E", ""], ["F", "E"]]
    batch = brings(merchant, [head, *rows], path)
    assert refusals(batch) == [
        (2, "Parent company", "no_parent"),
        (3, "Parent company", "no_parent"),
        (4, "Parent company", "ring"),
        (5, "Parent company", "ring"),
    ]
    assert Company.objects.get(name="F").parent.name == "E"
    assert Company.objects.count() == 2


def test_a_ring_with_firms_that_are_here_is_refused(merchant: Merchant, path: Any) -> None:
    top = make_company(merchant, "Top")
    make_company(merchant, "Leaf", parent=top)
    batch = brings(merchant, [["Company", "Parent company"], ["Top", "Leaf"]], path)
    assert refusals(batch) == [(2, "Parent company", "ring")]
    top.refresh_from_db()
    assert top.parent is None


def test_known_firms_by_the_choice_made_and_taken_back(merchant: Merchant, path: Any) -> None:
    make_field(merchant, "Segment", applies_to="company")
    owner = make_member(merchant, "agent")
    acme = make_company(merchant, "Acme", city="Köln", credit_limit=Decimal(10), tags=["old"])
    head = ["Company", "City", "Credit limit", "Website", "Tags", "Owner", "attributes.segment"]
    row = ["Acme", "Bonn", "99.00", "acme.example", "new", owner.user.email, "retail"]
    for known, city, limit, site in (
        ("skip", "Köln", 10, ""),
        ("fill", "Köln", 10, "https://acme.example"),
        ("overwrite", "Bonn", 99, "https://acme.example"),
    ):
        before = Company.objects.filter(pk=acme.pk).values().get()
        batch = brings(merchant, [head, row], path, known=known)
        acme = Company.objects.get(pk=acme.pk)
        assert (acme.city, acme.credit_limit, acme.website) == (city, Decimal(limit), site), known
        if known != "skip":
            assert (acme.tags, acme.owner, acme.attributes) == (["old", "new"], owner, {"segment": "retail"})
        undone(batch)
        after = Company.objects.filter(pk=acme.pk).values().get()
        assert {**after, "updated_at": None} == {**before, "updated_at": None}, known


def test_undo_takes_back_all_but_what_somebody_touched(merchant: Merchant, path: Any) -> None:
    bo = make_customer(merchant, "Bo", email="bo@example.se")
    rows = [
        [*HEAD],
        HEADQUARTERS,
        SHOP,
        ["Berg AB", "C-3", "", "", "", "", "SE", "Bo Berg", "bo@example.se", "", ""],
        ["Touched AB", "C-4", "", "", "", "", "SE", "", "", "", ""],
    ]
    batch = brings(merchant, rows, path)
    bo.refresh_from_db()
    assert bo.company.name == "Berg AB"
    company_change(company=Company.objects.get(external_id="C-4"), source="staff", city="Lund")

    undone(batch)

    assert list(Company.objects.values_list("external_id", flat=True)) == ["C-4"]
    assert not CompanyContact.objects.exists()
    bo.refresh_from_db()
    assert (bo.company, bo.name) == (None, "Bo")
    assert list(Customer.objects.all()) == [bo], "who came as a contact goes with it"
    assert list(KeptRow.objects.filter(batch=batch).values_list("label", flat=True)) == ["Touched AB"]


def test_undo_keeps_a_contact_whose_role_changed_since_and_the_firm_with_them(
    merchant: Merchant, path: Any
) -> None:
    batch = brings(merchant, [HEAD, HEADQUARTERS, SHOP], path)
    shop, mei = Company.objects.get(external_id="C-2"), Customer.objects.get(email="mei@qinghe.cn")
    contact_add(company=shop, customer=mei, roles=["payable"])
    undone(batch)
    assert CompanyContact.objects.get(company=shop, customer=mei).roles == ["payable"]
    assert Company.objects.count() == 2, "the parent stays with what hangs below it"


def test_several_contacts_of_one_firm_and_one_who_is_known(merchant: Merchant, path: Any) -> None:
    known = make_customer(merchant, "李梅", email="mei@qinghe.cn", phone="+8613800138000", kind="person")
    second = [*SHOP[:7], "Wang Wei", "wei@qinghe.cn", "", "buyer; Accounts payable"]
    batch = brings(merchant, [HEAD, HEADQUARTERS, SHOP, second], path)
    shop = Company.objects.get(external_id="C-2")
    assert Company.objects.count() == 2
    assert {link.customer.name: link.roles for link in shop.contact_links.all()}.keys() == {
        "李梅",
        "Wang Wei",
    }
    known.refresh_from_db()
    assert (known.company, known.kind) == (shop, "person"), "who is known stays what they are"
    assert batch.report["people"] == 1


def test_who_stands_in_several_rows_is_recognised_by_the_rule_of_the_house(
    merchant: Merchant, path: Any
) -> None:
    head = ["Company", "Contact", "Contact e-mail", "Contact phone"]
    rows = [
        ["A", "Mei", "mei@qinghe.cn", "13800138000"],
        ["B", "Mei", "MEI@qinghe.cn", ""],
        ["B", "Bo", "bo@example.se", "13800138000"],
        ["B", "Cy", "cy@example.se", "13900139000"],
    ]
    batch = brings(merchant, [head, *rows], path)
    people = {one.name: one for one in Customer.objects.select_related("company")}
    spoken = CompanyContact.objects.values_list("company__name", "customer__name")
    assert set(spoken) == {("A", "Mei"), ("B", "Mei"), ("B", "Bo"), ("B", "Cy")}
    assert {name: one.company.name for name, one in people.items()} == {"Mei": "A", "Bo": "B", "Cy": "B"}
    assert {(one.kind, one.import_batch_id) for one in people.values()} == {("contact", batch.pk)}
    numbers = Identity.objects.filter(kind="phone").values_list("value", "customer__name")
    assert set(numbers) == {("+8613800138000", "Mei"), ("+8613900139000", "Cy")}, "a number stays one's own"
    made = Event.objects.filter(name="customers.customer_created", backfill=True)
    assert set(made.values_list("customer_id", flat=True)) == {one.pk for one in people.values()}
    assert customer_ids_found("cy b") == [people["Cy"].pk], "also by the firm's name"


FIRST_HEAD = ["Company", "Contact", "Contact e-mail", "Main contact"]


def test_undo_gives_the_first_place_back_to_who_had_it(merchant: Merchant, path: Any) -> None:
    acme, anna = make_company(merchant, "Acme"), make_customer(merchant, "Anna", email="anna@example.se")
    contact_add(company=acme, customer=anna, is_primary=True)
    rows = [["Acme", "Bo", "bo@example.se", "yes"], ["New", "Cy", "cy@example.se", "yes"]]
    batch = brings(
        merchant, [FIRST_HEAD, *rows, ["New", "Di", "di@example.se", "yes"]], path, known="overwrite"
    )
    first = CompanyContact.objects.filter(is_primary=True).order_by("pk")
    assert list(first.values_list("customer__name", flat=True)) == ["Bo", "Di"]
    undone(batch)
    assert CompanyContact.objects.get() == first.get(customer=anna)
    assert not KeptRow.objects.exists() and Company.objects.get() == acme


def test_undo_leaves_the_first_place_with_who_got_it_since(merchant: Merchant, path: Any) -> None:
    acme, anna = make_company(merchant, "Acme"), make_customer(merchant, "Anna", email="anna@example.se")
    contact_add(company=acme, customer=anna, is_primary=True)
    row = ["Acme", "Bo", "bo@example.se", "yes"]
    batch = brings(merchant, [FIRST_HEAD, row], path, known="overwrite")
    contact_add(company=acme, customer=make_customer(merchant, "Staff's choice"), is_primary=True)
    undone(batch)
    assert CompanyContact.objects.get(is_primary=True).customer.name == "Staff's choice"
    kept = KeptRow.objects.filter(batch=batch, model="customers.companycontact")
    assert {label.split(" · ")[0] for label in kept.values_list("label", flat=True)} == {"Anna", "Bo"}


def test_firms_that_are_deleted_under_way_stop_nobody(merchant: Merchant, path: Any) -> None:
    for name in ("Goes", "Goes too"):
        make_company(merchant, name)
    rows = [["Company", "Parent company"], ["New", "Goes"], ["Goes too", "Stays"], ["Stays", ""]]
    batch = services.batch_run(batch=brought(merchant, rows, path, kind="companies"), ring=False)

    def meddle(now: ImportBatch) -> None:
        if now.stage == "parents" and not now.cursor:
            for one in Company.objects.filter(name__startswith="Goes"):
                company_delete(company=one)

    assert work_on(merchant_id=merchant.pk, batch_id=batch.pk, watcher=meddle)
    batch.refresh_from_db()
    assert batch.state == "done", batch.error
    assert {one.name: one.parent for one in Company.objects.all()} == {"New": None, "Stays": None}
    assert refusals(batch) == [(2, "Parent company", "no_parent")], "in, but below nobody"
    assert batch.report["parents_left"] == 1 and batch.report["equal"]


def test_a_row_costs_few_queries(merchant: Merchant, tmp_path: Any) -> None:
    """A firm, its place in the tree and who speaks for it. It was 59, of which some looked at every row."""

    def asked(label: str, count: int) -> int:
        rows = [
            ["", f"{label}{n}", f"{label}0" if n else "", *[""] * 4, "Mei", f"{label}{n}@example.se", "", ""]
            for n in range(count)
        ]
        firms = [HEAD, *([f"Firm {row[1]}", *row[1:]] for row in rows)]
        batch = brought(merchant, firms, tmp_path / f"{label}.csv", kind="companies")
        with CaptureQueriesContext(connection) as queries:
            assert run(batch).report["contacts"] == count
        return len(queries)

    assert asked("many", 30) - asked("few", 10) <= 20 * 30


def test_an_erased_person_is_not_brought_back_as_a_contact(merchant: Merchant, path: Any) -> None:
    customer_erase(customer=make_customer(merchant, "Mei", email="mei@qinghe.cn"), reason="asked", by="staff")
    batch = brings(merchant, [HEAD, HEADQUARTERS, SHOP], path)
    assert refusals(batch) == [(3, "Contact e-mail", "erased")]
    assert not Customer.objects.filter(email="mei@qinghe.cn").exists()


def test_gb18030_and_what_is_no_table(merchant: Merchant, path: Any) -> None:
    path.write_bytes("公司名称,税号,城市\n青禾商贸有限公司,,杭州\n".encode("gb18030"))
    run(mapped(merchant, path, kind="companies"))
    assert Company.objects.get().city == "杭州"
    for content in (b"", b"%PDF-1.7", b"Company\n" + b"\0" * 20):
        path.write_bytes(content)
        with pytest.raises(UnreadableFile):
            mapped(merchant, path, kind="companies")


def test_formulas_and_markup_stay_text(merchant: Merchant, path: Any) -> None:
    rows = [
        ["Company", "Website"],
        ["=HYPERLINK(1)", ""],
        ["<b>Bold</b>", ""],
        ["Evil", "javascript:alert(1)"],
    ]
    batch = brings(merchant, rows, path)
    assert refusals(batch) == [(4, "Website", "company")]
    assert set(Company.objects.values_list("name", flat=True)) == {"=HYPERLINK(1)", "<b>Bold</b>"}


def test_the_command_prints_one_json_object(merchant: Merchant, path: Any) -> None:
    brought(merchant, [HEAD, HEADQUARTERS, SHOP], path, kind="companies")
    out = StringIO()
    call_command("import_companies", str(path), merchant=merchant.slug, dry_run=True, json=True, stdout=out)
    told = json.loads(out.getvalue().splitlines()[-1])
    assert (told["dry_run"], told["companies"], told["created"]) == (True, 2, 0)
    assert not Company.objects.exists()
    out = StringIO()
    call_command("import_companies", str(path), merchant=merchant.slug, json=True, stdout=out)
    told = json.loads(out.getvalue().splitlines()[-1])
    assert (told["state"], told["created"], told["contacts"], told["equal"]) == ("done", 2, 1, True)
