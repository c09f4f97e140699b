"""Files about a person or a firm: kept privately, handed out as a download only, gone with their row."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from crm.events.models import Event
from crm.lib.tenancy import merchant_scope
from customers.files import services
from customers.files.services import clean_name, file_add, file_delete, orphans_delete
from customers.merging.services import customers_merge, merge_undo
from customers.models import File
from customers.privacy.erasing import customer_erase
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key, make_member, make_merchant
from tests.factories.customers import make_company, make_customer
from tests.factories.fixtures import client_of


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ERASURE_LEDGER = tmp_path / "erasures.jsonl"
    return settings.MEDIA_ROOT


def upload(text: str = "hello", name: str = "合同 v2.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode())


def on_disk(media: Path) -> list[Path]:
    return [one for one in media.rglob("*") if one.is_file()]


def test_a_file_comes_goes_and_is_told_of(member_client, scoped, media, django_capture_on_commit_callbacks):
    client, customer = member_client("agent"), make_customer(scoped)
    card = reverse("customer_files", args=[customer.pk])
    for _again in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            shown = client.post(card, {"file": [upload(), upload("<script>", "x.html")]})
        assert "合同 v2.pdf" in shown.content.decode()
    assert File.objects.count() == len(on_disk(media)) == 2, "the same bytes of the same name are one file"
    page = File.objects.get(name="x.html")
    got = client.get(reverse("file_download", args=[page.pk]))
    assert b"".join(got.streaming_content) == b"<script>"
    assert got["Content-Type"] == "application/octet-stream"
    assert got["Content-Disposition"].startswith("attachment")
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("file_delete", args=[page.pk]))
    assert len(on_disk(media)) == 1
    told = (
        Event.objects.filter(name__startswith="customers.file_")
        .order_by("pk")
        .values_list("name", "customer_id")
    )
    assert [name.partition("file_")[2] for name, _who in told] == ["added", "added", "read", "deleted"]
    assert {who for _name, who in told} == {customer.pk}


def test_what_is_too_large_or_empty_is_refused_and_leaves_nothing(member_client, scoped, media, monkeypatch):
    owner_client = member_client("owner")
    monkeypatch.setattr(services, "MOST_BYTES", 10)
    monkeypatch.setattr(services, "MOST_FILES", 1)
    company = make_company(scoped)
    card = reverse("company_files", args=[company.pk])
    many = [
        upload("x" * 11, "big.txt"),
        upload("", "none.txt"),
        upload("ok", "one.txt"),
        upload("ok", "two.txt"),
    ]
    answer = owner_client.post(card, {"file": many})
    page = answer.content.decode()
    assert answer.status_code == 422
    for name in ("big.txt:", "none.txt:", "two.txt:", "one.txt</a>"):
        assert name in page
    assert owner_client.post(card).status_code == 422
    assert [one.name for one in File.objects.all()] == ["one.txt"]
    assert len(on_disk(media)) == 1


def test_only_who_may_see_personal_data_opens_a_customers_files(scoped, media):
    customer, firm = make_customer(scoped), make_company(scoped)
    mine = file_add(about=customer, upload=upload(), name="a", by=None)
    theirs = file_add(about=firm, upload=upload(), name="a", by=None)
    viewer = client_of(make_member(scoped, "viewer"))
    assert viewer.get(reverse("customer_files", args=[customer.pk])).status_code == 403
    assert viewer.get(reverse("file_download", args=[mine.pk])).status_code == 403
    assert viewer.get(reverse("file_download", args=[theirs.pk])).status_code == 403
    marketer = client_of(make_member(scoped, "marketer"))
    assert marketer.get(reverse("file_download", args=[theirs.pk])).status_code == 200
    assert marketer.post(reverse("file_delete", args=[theirs.pk])).status_code == 403
    bound = client_of(make_member(scoped, "agent", visibility="own"))
    assert bound.get(reverse("file_download", args=[mine.pk])).status_code == 404
    rival = client_of(make_member(make_merchant("rival"), "owner"))
    assert rival.get(reverse("file_download", args=[mine.pk])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_an_erasure_takes_the_bytes(merchant, media):
    customer, other = make_customer(merchant), make_customer(merchant)
    with merchant_scope(merchant):
        file_add(about=customer, upload=upload("passport"), name="p", by=None)
        file_add(about=other, upload=upload("kept"), name="k", by=None)
        customer_erase(customer=customer, reason="asked", by="")
        assert [one.customer_id for one in File.objects.all()] == [other.pk]
    assert [one.read_text() for one in on_disk(media)] == ["kept"]


def test_files_move_with_a_merge_and_back(scoped, media):
    ada, also = make_customer(scoped), make_customer(scoped)
    file = file_add(about=also, upload=upload(), name="a", by=None)
    record = customers_merge(survivor=ada, absorbed=also)
    assert list(ada.files.all()) == [file]
    merge_undo(record=record)
    assert list(also.files.all()) == [file]


def test_bytes_that_nobody_names_are_swept(scoped, media, time_machine_day_later):
    kept = file_add(about=make_customer(scoped), upload=upload(), name="a", by=None)
    stray = media / "files" / str(scoped.pk) / "stray"
    stray.write_text("lost")
    assert orphans_delete({kept.path}) == 1
    assert not stray.exists() and len(on_disk(media)) == 1


@pytest.fixture
def time_machine_day_later(monkeypatch):
    """Everything on disk is older than a day."""
    monkeypatch.setattr(services, "ORPHAN_SECONDS", -10)


def test_a_file_whose_bytes_are_gone_is_not_found(member_client, scoped, media):
    owner_client = member_client("owner")
    file = file_add(about=make_customer(scoped), upload=upload(), name="a", by=None)
    for path in on_disk(media):
        path.unlink()
    assert owner_client.get(reverse("file_download", args=[file.pk])).status_code == 404
    file_delete(file=file)


def test_programs_bring_and_fetch_files(scoped, media):
    client, customer = ApiClient(make_key(scoped)[1]), make_customer(scoped)
    made = client.post("/api/v1/files/", {"file": upload(), "customer": customer.pk})
    assert made.status_code == 201, made.content
    file = made.json()
    assert (file["customer"], file["name"], file["size"]) == (customer.pk, "合同 v2.pdf", 5)
    got = client.get(f"/api/v1/files/{file['id']}/download/")
    assert b"".join(got.streaming_content) == b"hello"
    assert client.post("/api/v1/files/", {"file": upload()}).status_code == 422
    assert client.post("/api/v1/files/", {"customer": customer.pk}).status_code == 422
    other = make_customer(make_merchant("rival"))
    assert client.post("/api/v1/files/", {"file": upload(), "customer": other.pk}).status_code == 422
    reader = ApiClient(make_key(scoped, "files.read")[1])
    assert reader.delete(f"/api/v1/files/{file['id']}/").status_code == 403
    assert client.delete(f"/api/v1/files/{file['id']}/").status_code == 204
    assert client.get("/api/v1/files/").json()["results"] == []


@pytest.mark.parametrize(
    "given, kept",
    [
        ("C:\\\\secret\\\\a.pdf", "a.pdf"),
        ("../../etc/passwd", "passwd"),
        ("a\x00\u202eb.txt", "ab.txt"),
        ("", "file"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_names_are_what_a_person_could_type(given, kept):
    assert clean_name(given) == kept
