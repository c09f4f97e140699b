"""My data: one zip, everything of the person and nothing of anybody else, in constant memory, for a week."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from crm.accounts.why import by_handover
from crm.events.emitting import Draft, emit, emit_many
from crm.events.models import Event
from crm.integrations.models import OutboundMail
from crm.lib.private_files import full_path
from crm.lib.tenancy import merchant_scope
from customers import events, portal_registry
from customers.consent import consent_record
from customers.files.services import file_add
from customers.merging.services import customers_merge, merge_undo
from customers.models import DataPackage
from customers.my_data import working
from customers.my_data.services import package_ask
from customers.my_data.writing import SCHEMA, write_package
from customers.notes import note_add
from customers.portal_registry import Chapter, DataFile
from customers.privacy.erasing import customer_erase
from customers.todos.events import TASK_CREATED
from service.tickets import Words, ticket_note
from tests.factories.accounts import make_member
from tests.factories.customers import make_customer
from tests.factories.fixtures import client_of, prove
from tests.factories.orders import make_order
from tests.factories.service import make_ticket
from tests.portal.conftest import enter


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def work(merchant) -> DataPackage:
    """What the worker does when it is rung; the newest package."""
    with merchant_scope(merchant):
        package = DataPackage.objects.order_by("-id").first()
    working.work_on(merchant_id=merchant.pk, package_id=package.pk)
    with merchant_scope(merchant):
        package.refresh_from_db()
    return package


def opened(answer) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))


def test_the_zip_holds_all_of_mine_and_nothing_of_others(buyer, portal, merchant, mei, order):
    with merchant_scope(merchant):
        ticket = make_ticket(merchant, mei, text="My question <b>")
        colleague = make_member(merchant, "agent", name="Colleague Wang")
        ticket_note(ticket=ticket, words=Words("A note about her"), author=colleague)
        note_add(customer=mei, author=colleague, text="Another note about her")
        for kind, data in (
            (TASK_CREATED, {"title": "Ask her neighbour Eve"}),
            (events.CUSTOMER_CHANGED, {"changes": "owner", "why": by_handover("Leaver Zhou")}),
        ):
            emit(kind, merchant=merchant, customer=mei, subject=mei, data=data)
        consent_record(merchant=merchant, customer=mei, channel="sms", granted=True, source="paper",
                       proof={"user": colleague.user_id, "note": "form 12"})  # fmt: skip
    make_order(merchant, make_customer(merchant, "Eve"), number="T-EVE")

    assert buyer.post(portal("data/")).status_code == 302
    package = work(merchant)
    assert package.state == "ready"
    answer = buyer.post(portal(f"data/{package.public_id}/"))
    archive = opened(answer)
    data = json.loads(archive.read("data.json"))
    page = archive.read("index.html").decode()

    assert data["schema"] == SCHEMA and data["left_out"][0]["why"]
    assert data["data"]["person"]["email"] == "mei@example.com"
    assert [one["number"] for one in data["data"]["orders"]] == ["T-100"]
    assert data["data"]["tickets"][0]["messages"][0]["text"] == "My question <b>"
    assert data["data"]["consents"][0]["proof"] == {"note": "form 12"}
    assert "My question &lt;b&gt;" in page and "T-100" in page and "<script" not in page
    others = ("T-EVE", "note about her", "Colleague Wang", "Leaver Zhou", "her neighbour Eve")
    for text in (page, archive.read("data.json").decode()):
        assert not [word for word in others if word in text]
    with merchant_scope(merchant):
        told = Event.objects.filter(customer_id=mei.pk, name__startswith="customers.data_")
        assert list(told.order_by("id").values_list("name", flat=True)) == [
            "customers.data_asked",
            "customers.data_ready",
            "customers.data_given",
        ]
        mail = OutboundMail.objects.get(purpose="my_data")
    assert mail.to == "mei@example.com" and portal("data/") in mail.text
    assert str(package.public_id) not in mail.text


def test_only_the_person_fetches_it_and_only_for_seven_days(buyer, portal, merchant, mei, order):
    eve = make_customer(merchant, "Eve", email="eve@example.com")
    make_order(merchant, eve, number="T-EVE")
    buyer.post(portal("data/"))
    package = work(merchant)
    path = portal(f"data/{package.public_id}/")

    assert enter(Client(), merchant, "T-EVE", "eve@example.com").post(path).status_code == 404
    assert Client().post(path).status_code == 302
    assert buyer.get(path).status_code == 405
    assert full_path(package.file_path).is_file()
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1)):
        working.sweep()
    assert not full_path(package.file_path).exists()
    assert buyer.post(path).status_code == 409


def test_asking_twice_makes_one_and_five_a_day_are_enough(buyer, portal, merchant, mei):
    for _twice in range(2):
        buyer.post(portal("data/"))
    with merchant_scope(merchant):
        assert DataPackage.objects.count() == 1
    for _more in range(6):
        work(merchant)
        buyer.post(portal("data/"))
    with merchant_scope(merchant):
        assert DataPackage.objects.count() == 5


def test_a_dead_workers_package_is_written_anew(buyer, portal, merchant, monkeypatch):
    buyer.post(portal("data/"))

    def die(*_args):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(working, "write_package", die)
        with pytest.raises(MemoryError):
            work(merchant)
    with merchant_scope(merchant):
        package = DataPackage.objects.get()
        assert not working.work_on(merchant_id=merchant.pk, package_id=package.pk), "its lease runs"
    with time_machine.travel(timezone.now() + working.LEASE + timedelta(seconds=1)):
        assert work(merchant).state == "ready"


def test_an_erasure_takes_the_file(buyer, portal, merchant, mei, django_capture_on_commit_callbacks):
    buyer.post(portal("data/"))
    package = work(merchant)
    with merchant_scope(merchant), django_capture_on_commit_callbacks(execute=True):
        customer_erase(customer=mei, reason="asked", by="")
        assert not DataPackage.objects.exists()
    assert not full_path(package.file_path).exists()


@pytest.fixture
def one_of_two(merchant, mei):
    """Eve, an address of whose stands in the copy for Mei, for the two were merged; and the merge."""
    eve = make_customer(merchant, "Eve", email="eve@example.com")
    with merchant_scope(merchant):
        return customers_merge(survivor=mei, absorbed=eve)


def test_a_copy_of_two_people_goes_when_their_merge_is_undone(
    merchant, mei, order, one_of_two, portal, django_capture_on_commit_callbacks
):
    buyer = enter(Client(), merchant, "T-100", "mei@example.com")
    buyer.post(portal("data/"))
    package = work(merchant)
    assert b"eve@example.com" in zipfile.ZipFile(full_path(package.file_path)).read("data.json")

    with merchant_scope(merchant), django_capture_on_commit_callbacks(execute=True):
        merge_undo(record=one_of_two)
    assert not full_path(package.file_path).exists()
    mine = enter(Client(), merchant, "T-100", "mei@example.com")
    assert mine.post(portal(f"data/{package.public_id}/")).status_code == 409


def test_a_copy_that_is_written_while_a_merge_is_undone_is_written_anew(merchant, mei, one_of_two):
    with merchant_scope(merchant):
        package_ask(merchant=merchant, customer=mei, way="staff", reason="letter")
        running = working._claim(DataPackage.objects.get().pk)
        write_package(running, full_path(running.file_path))
        merge_undo(record=one_of_two)
        assert not working._finish(running)
        assert not full_path(running.file_path).exists()
    done = work(merchant)
    assert done.state == "ready"
    assert b"eve@example.com" not in zipfile.ZipFile(full_path(done.file_path)).read("data.json")


def test_staff_hand_over_what_they_had_made_and_only_that(member_client, merchant, mei, buyer, portal):
    owner = client_of(make_member(merchant, "owner", password="a tea a day"))
    page = f"/customers/{mei.pk}/data/"
    assert owner.get(page).status_code == 302, "the password is asked for first"
    assert member_client("agent").get(page).status_code == 403
    prove(owner)
    assert owner.post(page, {"reason": ""}).status_code == 422
    buyer.post(portal("data/"))
    theirs = work(merchant)
    assert owner.post(f"{page}{theirs.pk}/").status_code == 404, "what the person had made is theirs"
    with merchant_scope(merchant):
        assert not Event.objects.filter(name="customers.data_given").exists()

    assert owner.post(page, {"reason": "letter of 3 May"}).status_code == 302
    ours = work(merchant)
    names = opened(owner.post(f"{page}{ours.pk}/")).namelist()
    assert names == ["data.json", "index.html"]
    with merchant_scope(merchant):
        given = Event.objects.get(name="customers.data_given")
        assert given.data["way"] == "staff" and given.actor.startswith("user:")
        assert not OutboundMail.objects.filter(purpose="my_data", created_at__gt=ours.created_at).exists()


def test_the_files_that_staff_keep_about_the_person_go_in(merchant, mei):
    with merchant_scope(merchant):
        file_add(about=mei, upload=io.BytesIO(b"signed"), name="contract.pdf", by=None)
        file_add(about=make_customer(merchant, "Eve"), upload=io.BytesIO(b"x"), name="eve.pdf", by=None)
        package = package_ask(merchant=merchant, customer=mei, way="staff", reason="letter")
    done = work(merchant)
    archive = zipfile.ZipFile(full_path(done.file_path))
    assert package.pk == done.pk
    assert archive.read("files/files/contract.pdf") == b"signed"
    assert [one["name"] for one in json.loads(archive.read("data.json"))["data"]["files"]] == ["contract.pdf"]


def test_files_go_in_under_safe_names(merchant, mei, monkeypatch, tmp_path):
    (tmp_path / "photo").write_bytes(b"picture")
    names = ("../../etc/passwd", "a.png", "a.png")
    files = [DataFile(name, lambda: (tmp_path / "photo").open("rb")) for name in names]
    chapter = Chapter("pictures", "Pictures", lambda _c, _g: {}, files=lambda _c, _g: files)
    monkeypatch.setitem(portal_registry.CHAPTERS, "pictures", chapter)
    with merchant_scope(merchant):
        package = DataPackage(merchant=merchant, customer=mei, way="staff", language="en")
        write_package(package, tmp_path / "out.zip")
    names = zipfile.ZipFile(tmp_path / "out.zip").namelist()
    assert names[:3] == ["files/pictures/passwd", "files/pictures/a.png", "files/pictures/a-2.png"]


def test_a_long_life_costs_no_more_memory_than_a_short_one(merchant, mei, tmp_path):
    def peak(life: int) -> int:
        with merchant_scope(merchant):
            drafts = (
                Draft(events.NOTE_ADDED, customer_id=mei.pk, data={"author": "x" * 300}) for _n in range(life)
            )
            emit_many(drafts, merchant=merchant, backfill=True)
            package = DataPackage(merchant=merchant, customer=mei, way="staff", language="en")
            tracemalloc.start()
            write_package(package, tmp_path / f"{life}.zip")
            top = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return top

    short, long = peak(2_000), peak(18_000)
    with zipfile.ZipFile(tmp_path / "18000.zip") as archive:
        assert len(json.loads(archive.read("data.json"))["data"]["history"]) == 20_000
    assert long < short * 1.5
