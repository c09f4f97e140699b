"""The pages of an import: who may do what, the way from the file to the reconciliation, and back."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from crm.imports import housekeeping
from crm.imports.models import ImportBatch, RefusedRow
from crm.lib.tenancy import merchant_scope
from orders.models import Order
from tests.orders.import_support import SMALL, csv_of, imported, ledger_csv, uploaded, worked

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(merchant):
    return uploaded(merchant, ledger_csv(SMALL))


def form_of(batch: ImportBatch, **changed: str) -> dict[str, str]:
    options = {f"option_{key}": value for key, value in (batch.options | changed).items()}
    return {**batch.mapping, **options}


def test_from_the_file_to_the_reconciliation_and_back(merchant, member_client):
    client = member_client("manager")
    file = SimpleUploadedFile("../shop orders.csv", ledger_csv(SMALL).encode())
    answer = client.post("/imports/new/", {"kind": "orders", "file": file})
    assert answer.status_code == 302
    with merchant_scope(merchant):
        batch = ImportBatch.objects.get()
    assert (batch.file_name, batch.created_by) == ("shop orders.csv", client.membership.user)

    page = client.get(answer["Location"]).content.decode()
    assert "Invoice  ·  1001" in page
    assert "Online Retail ledger" in page
    answer = client.post(f"/imports/{batch.pk}/columns/", form_of(batch))
    assert answer["Location"] == f"/imports/{batch.pk}/"
    assert 'hx-get="/imports/' in client.get(answer["Location"]).content.decode()
    worked(merchant, batch)

    page = client.get(f"/imports/{batch.pk}/").content.decode()
    assert "What would happen" in page
    assert "Import 4 orders" in page
    assert client.post(f"/imports/{batch.pk}/run/").status_code == 302
    worked(merchant, batch)
    page = client.get(f"/imports/{batch.pk}/").content.decode()
    assert "Equal to the penny" in page
    assert "2 undo an order, 2 stand alone" in page

    assert client.post(f"/imports/{batch.pk}/undo/").status_code == 302
    worked(merchant, batch)
    assert "Everything that it made is gone." in client.get(f"/imports/{batch.pk}/").content.decode()
    with merchant_scope(merchant):
        assert not Order.objects.exists()


ROUTES = [
    ("list", "get", "/imports/", {"owner": 200, "analyst": 200, "agent": 403, "viewer": 403}),
    ("record", "get", "/imports/{id}/", {"owner": 302, "analyst": 200, "agent": 403, "viewer": 403}),
    ("new", "get", "/imports/new/", {"owner": 200, "analyst": 403, "agent": 403}),
    ("columns", "get", "/imports/{id}/columns/", {"owner": 200, "analyst": 403, "agent": 403}),
    ("refused", "get", "/imports/{id}/refused/", {"owner": 200, "analyst": 403, "agent": 403}),
    ("run", "post", "/imports/{id}/run/", {"manager": 302, "analyst": 403, "marketer": 403}),
    ("resume", "post", "/imports/{id}/resume/", {"manager": 409, "analyst": 403, "marketer": 403}),
    ("undo", "post", "/imports/{id}/undo/", {"manager": 409, "analyst": 403, "marketer": 403}),
    ("discard", "post", "/imports/{id}/discard/", {"manager": 302, "analyst": 403, "marketer": 403}),
]


@pytest.mark.parametrize("case, method, route, statuses", ROUTES, ids=[row[0] for row in ROUTES])
def test_who_may(member_client, batch, rival, case, method, route, statuses):
    """Insiders by role; an outsider finds nothing, whatever their role; nobody without signing in."""
    path = route.format(id=batch.pk)
    outsider = member_client("owner", merchant=rival)
    answer = getattr(outsider, method)(path)
    if "{id}" in route:
        assert answer.status_code == 404
    else:
        assert batch.file_name not in answer.content.decode()
    for role, status in reversed(statuses.items()):
        assert getattr(member_client(role), method)(path).status_code == status, role


def test_an_ambiguous_date_is_asked_and_nothing_is_checked_before(merchant, member_client):
    rows = [
        ["Order", "Order date", "Qty", "Unit price"],
        ["1", "03/04/2024", 1, "5"],
        ["2", "05/06/2024", 1, "5"],
    ]
    batch = uploaded(merchant, csv_of(rows))
    assert batch.options["date_order"] == ""
    client = member_client("owner")
    answer = client.post(f"/imports/{batch.pk}/columns/", form_of(batch))
    assert answer.status_code == 422
    assert "Say whether the day or the month is first" in answer.content.decode()
    batch.refresh_from_db()
    assert batch.state == ImportBatch.State.UPLOADED
    answer = client.post(f"/imports/{batch.pk}/columns/", form_of(batch, date_order="mdy"))
    assert answer.status_code == 302, answer.context["form"].errors


def test_dates_that_decide_themselves_are_not_asked(merchant):
    rows = [
        ["Order", "Order date", "Qty", "Unit price"],
        ["1", "03/04/2024", 1, "5"],
        ["2", "25/06/2024", 1, "5,50"],
    ]
    options = uploaded(merchant, csv_of(rows)).options
    assert (options["date_order"], options["decimal_sign"]) == ("dmy", ",")


@pytest.mark.parametrize(
    "case, content, words",
    [
        ("empty", b"", "empty"),
        ("a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "picture"),
        ("windows-1252", "Order,Nom\n1,Crème brûlée à l’été\n".encode("windows-1252"), "UTF-8"),
    ],
)
def test_a_bad_upload_is_told_on_the_page_and_leaves_nothing(member_client, settings, case, content, words):
    from pathlib import Path

    client = member_client("owner")
    file = SimpleUploadedFile("a.csv", content)
    answer = client.post("/imports/new/", {"kind": "orders", "file": file})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    with merchant_scope(client.merchant):
        assert not ImportBatch.objects.exists()
    assert not list(Path(settings.MEDIA_ROOT).glob(f"imports/{client.merchant.pk}/*"))


def test_refused_rows_are_downloaded_as_they_stand_with_reasons_and_without_formulas(merchant, member_client):
    rows = [["=HYPERLINK(1)", "A", "x", "?", "2010-01-01", "5", "1", ""], *SMALL[:2]]
    batch = imported(merchant, ledger_csv(rows))
    answer = member_client("owner").get(f"/imports/{batch.pk}/refused/")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Row,Reason,Invoice,StockCode")
    assert lines[1].startswith("2,")
    assert "is no number" in lines[1]
    assert "'=HYPERLINK(1)" in lines[1]
    assert len(lines) == 2


def test_the_same_file_twice_is_told(merchant, member_client):
    imported(merchant, ledger_csv(SMALL))
    again = uploaded(merchant, ledger_csv(SMALL))
    page = member_client("owner").get(f"/imports/{again.pk}/columns/").content.decode()
    assert "This very file was imported before" in page


def test_the_list_costs_the_same_at_two_and_at_thirty(merchant, member_client, django_assert_max_num_queries):
    client = member_client("owner")
    for _n in range(2):
        uploaded(merchant, ledger_csv(SMALL[:1]))
    with django_assert_max_num_queries(30) as few:
        client.get("/imports/")
    for _n in range(28):
        uploaded(merchant, ledger_csv(SMALL[:1]))
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get("/imports/")


# ------------------------------------------------------------ housekeeping
def test_files_go_after_thirty_days_and_dry_runs_tables_after_one(merchant, time_machine):
    from tests.orders.import_support import checked

    time_machine.move_to(datetime(2026, 5, 1, tzinfo=UTC))
    batch = checked(merchant, ledger_csv(SMALL))
    from crm.imports.files import path_of
    from crm.imports.staging import table_exists, table_name

    path = path_of(batch)
    time_machine.shift(25 * 3600)
    housekeeping.prune()
    assert path.exists()
    assert not table_exists(table_name(batch))
    time_machine.shift(30 * 24 * 3600)
    housekeeping.prune()
    assert not path.exists()
    with merchant_scope(merchant):
        batch.refresh_from_db()
    assert (batch.state, batch.file_path) == ("uploaded", "")


def test_an_abandoned_batch_is_found_by_the_sweeper(merchant):
    from crm.imports import services

    batch = uploaded(merchant, ledger_csv(SMALL))
    with merchant_scope(merchant):
        services.batch_map(batch=batch, merchant=merchant, mapping=batch.mapping, options=batch.options)
        services.batch_check(batch=batch, ring=False)
    assert housekeeping.sweep() == 1
    worked(merchant, batch)
    assert housekeeping.sweep() == 0


def test_a_batch_that_kills_its_worker_every_time_is_given_up(merchant):
    from crm.imports import services
    from crm.imports.pipeline import MAX_ATTEMPTS, work_on

    batch = uploaded(merchant, ledger_csv(SMALL))
    with merchant_scope(merchant):
        services.batch_map(batch=batch, merchant=merchant, mapping=batch.mapping, options=batch.options)
        services.batch_check(batch=batch, ring=False)
        ImportBatch.objects.update(attempts=MAX_ATTEMPTS, stage="sort")
    assert work_on(merchant_id=merchant.pk, batch_id=batch.pk) is False
    with merchant_scope(merchant):
        batch.refresh_from_db()
    assert batch.state == "failed"
    assert f"{MAX_ATTEMPTS} times" in batch.error


def test_a_file_that_vanished_fails_in_words_and_can_be_resumed(merchant):
    from crm.imports import services
    from crm.imports.files import path_of

    batch = uploaded(merchant, ledger_csv(SMALL))
    with merchant_scope(merchant):
        services.batch_map(batch=batch, merchant=merchant, mapping=batch.mapping, options=batch.options)
        services.batch_run(batch=batch, ring=False)
        path, content = path_of(batch), path_of(batch).read_bytes()
    path.unlink()
    failed = worked(merchant, batch)
    assert (failed.state, failed.can_resume) == ("failed", True)
    assert "no longer here" in failed.error
    path.write_bytes(content)
    with merchant_scope(merchant):
        services.batch_resume(batch=failed, ring=False)
    assert worked(merchant, batch).report["equal"] is True


# ------------------------------------------------------------ the API
def post(client, data, **headers):
    return client.post("/api/v1/imports/", data, headers={**bearer(client), **headers})


def bearer(client):
    return {"Authorization": f"Bearer {client.secret}"}


@pytest.fixture
def program(merchant):
    from django.test import Client

    from tests.factories.accounts import make_key

    client = Client(raise_request_exception=False)
    client.secret = make_key(merchant)[1]
    return client


def test_a_program_sends_a_file_once_though_it_sends_it_twice(merchant, program):
    def body():
        return {"file": io.BytesIO(ledger_csv(SMALL).encode()), "mode": "import", "preset": "online-retail"}

    first = post(program, body(), **{"Idempotency-Key": "one"})
    assert first.status_code == 202, first.content
    second = post(program, body(), **{"Idempotency-Key": "one"})
    assert second.json()["id"] == first.json()["id"]
    with merchant_scope(merchant):
        batch = ImportBatch.objects.get()
    worked(merchant, batch)
    answer = program.get(f"/api/v1/imports/{batch.pk}/", headers=bearer(program))
    assert (answer.json()["state"], answer.json()["report"]["equal"]) == ("done", True)
    other = {"file": io.BytesIO(b"Order,b\n1,2\n"), "mode": "import"}
    assert post(program, other, **{"Idempotency-Key": "one"}).status_code == 422


@pytest.mark.parametrize(
    "case, data, field",
    [
        ("no file", {"mode": "check"}, "file"),
        ("unknown field", {"file": b"a,b\n1,2\n", "colour": "red"}, "colour"),
        ("unknown kind", {"file": b"a,b\n1,2\n", "kind": "dogs"}, "kind"),
        ("unknown preset", {"file": b"a,b\n1,2\n", "preset": "x"}, "preset"),
        ("bad mapping", {"file": b"a,b\n1,2\n", "mapping": "[1]"}, "mapping"),
        ("columns don't fit", {"file": b"a,b\n1,2\n"}, "order_ref"),
        ("bad mode", {"file": b"a,b\n1,2\n", "mode": "now"}, "mode"),
        ("no company", {"file": b"tax_number\n1\n", "kind": "companies"}, "name"),
        (
            "no ground",
            {"file": b"email,channel,granted\na@b.de,sms,yes\n", "kind": "consents"},
            "options.legal_basis",
        ),
    ],
)
def test_a_wrong_request_is_422_with_its_field_and_leaves_nothing(merchant, program, case, data, field):
    if "file" in data:
        data = {**data, "file": io.BytesIO(data["file"])}
    answer = post(program, data)
    assert answer.status_code == 422
    assert field in answer.json()["fields"]
    with merchant_scope(merchant):
        assert not ImportBatch.objects.exists()


@pytest.mark.parametrize(
    "kind, file, options, holds",
    [
        ("companies", b"name,parent\nAcme,\nAcme Bonn,Acme\n", {}, {"created": 2, "below": 1}),
        (
            "consents",
            b"email,channel,granted\nzoe@example.de,email,yes\n",
            {"legal_basis": "consent", "unknown": "prospect"},
            {"created": 1, "answers": 1},
        ),
        ("customers", b"BEGIN:VCARD\nFN:Zoe\nEMAIL:zoe@example.de\nEND:VCARD\n", {}, {"created": 1}),
    ],
)
def test_a_program_brings_in_each_kind(merchant, program, kind, file, options, holds):
    data = {"file": io.BytesIO(file), "mode": "import", "kind": kind, "options": json.dumps(options)}
    answer = post(program, data)
    assert answer.status_code == 202, answer.content
    with merchant_scope(merchant):
        batch = worked(merchant, ImportBatch.objects.get(pk=answer.json()["id"]))
    assert holds.items() <= batch.report.items()


def test_a_ground_is_asked_for_only_where_the_columns_tell_what_people_allow(merchant, member_client):
    client = member_client("owner")
    for name, header, status in (
        ("plain.csv", "Name,Email", 302),
        ("told.csv", "Name,Email,Newsletter", 422),
    ):
        row = "Mei,mei@example.cn,yes" if header.endswith("Newsletter") else "Mei,mei@example.cn"
        batch = uploaded(merchant, f"{header}\n{row}\n", name, kind="customers")
        page = client.get(f"/imports/{batch.pk}/columns/").content.decode()
        assert 'name="option_legal_basis"' in page
        assert client.post(f"/imports/{batch.pk}/columns/", form_of(batch)).status_code == status, name


def test_json_is_no_file(program):
    answer = program.post(
        "/api/v1/imports/",
        "{}",
        content_type="application/json",
        headers=bearer(program),
    )
    assert answer.status_code == 415


def test_a_rival_program_finds_nothing(merchant, rival, batch, program):
    from tests.factories.accounts import make_key

    secret = make_key(rival)[1]
    for path, method in (("", "get"), ("run/", "post"), ("undo/", "post")):
        answer = getattr(program, method)(
            f"/api/v1/imports/{batch.pk}/{path}", headers={"Authorization": f"Bearer {secret}"}
        )
        assert answer.status_code == 404
    with merchant_scope(merchant):
        assert not RefusedRow.objects.exists()


@pytest.mark.parametrize(
    "columns, kind",
    [
        ("Order,Order date,Email,Name,Item,Qty,Unit price", "orders"),
        ("Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country", "orders"),
        ("First name,Last name,Email,Phone,Birthday,Tags", "customers"),
        ("姓名,邮箱,手机,生日,省份,城市", "customers"),
        ("Company,Tax number,Parent,Credit limit,Payment terms", "companies"),
        ("Email,Channel,Consent,Date,Source,Proof", "consents"),
    ],
)
def test_the_kind_of_a_file_is_found_out_by_its_columns(merchant, member_client, columns, kind):
    client, upload = (
        member_client("manager"),
        SimpleUploadedFile("x.csv", f"{columns}\n".encode() + b"1," * 3),
    )
    answer = client.post(reverse("batch_new"), {"kind": "", "file": upload})
    assert answer.status_code == 302, answer.content.decode()
    with merchant_scope(merchant):
        assert ImportBatch.objects.get().kind == kind
