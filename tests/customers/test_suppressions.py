"""The suppression desk: looked up by typing, added and lifted with a reason, never lifted for the erased."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.accounts.models import Merchant
from crm.events.models import Event
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope
from customers.consent import is_suppressed, suppress
from customers.models import Suppression
from customers.privacy.erasing import customer_erase
from customers.suppressions import services
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key
from tests.factories.customers import make_customer

LIST = "/settings/suppressions/"
Reason = Suppression.Reason


def events_named(name: str) -> list[Event]:
    return list(Event.objects.filter(name=f"customers.address_{name}").order_by("pk"))


@pytest.mark.usefixtures("scoped")
def test_an_address_is_suppressed_once_and_announced_without_itself(merchant: Merchant) -> None:
    mei = make_customer(merchant, "Mei", email="mei@example.cn")
    note = "550 <MEI@example.cn> no such user"
    entry = suppress(merchant=merchant, channel="email", value="mei@example.cn", reason="bounce", note=note)
    assert entry is not None
    assert suppress(merchant=merchant, channel="email", value="mei@example.cn", reason="bounce") is None

    (event,) = events_named("suppressed")
    assert event.customer_id == mei.pk == entry.customer_id
    assert "mei@example.cn" not in str(event.data).lower() + entry.note.lower()
    assert event.sentence == "Nobody writes by e-mail any more: mail to it came back"


@pytest.mark.usefixtures("scoped")
@pytest.mark.parametrize(
    ("case", "first", "then", "stands"),
    [
        ("a complaint after a bounce", "bounce", "complaint", "complaint"),
        ("a bounce after a complaint", "complaint", "bounce", "complaint"),
        ("by hand after a bounce", "bounce", "manual", "manual"),
        ("anything after an erasure", "erased", "complaint", "erased"),
    ],
)
def test_the_graver_reason_stands(merchant: Merchant, case: str, first: str, then: str, stands: str) -> None:
    for reason in (first, then):
        suppress(merchant=merchant, channel="email", value="a@b.cn", reason=reason)
    assert Suppression.objects.get().reason == stands, case
    assert len(events_named("suppressed")) == (2 if stands == then else 1)


@pytest.mark.usefixtures("scoped")
def test_lifting_needs_words_and_leaves_a_trace(merchant: Merchant) -> None:
    entry = services.suppression_add(merchant=merchant, channel="sms", address="138 1234 5678", note="asked")
    for note in ("", "   ", "x" * 301):
        with pytest.raises(Rejected):
            services.suppression_release(suppression=entry, note=note)
    assert is_suppressed(channel="sms", value="+8613812345678")

    services.suppression_release(
        suppression=entry, note="called us from +8613812345678", address="+8613812345678"
    )
    assert not Suppression.objects.exists()
    (event,) = events_named("released")
    assert event.data == {"channel": "sms", "reason": "manual", "note": "called us from …"}
    with pytest.raises(Conflict):
        services.suppression_release(suppression=entry, note="again")
    assert len(events_named("released")) == 1


@pytest.mark.usefixtures("scoped")
@pytest.mark.parametrize("before", ["", "bounce", "manual"])
def test_nobody_lifts_what_an_erasure_put_there(merchant: Merchant, before: str) -> None:
    mei = make_customer(merchant, "Mei", email="mei@example.cn")
    if before:
        suppress(merchant=merchant, channel="email", value=mei.email, reason=before, note="Mei said so")
    customer_erase(customer=mei, reason="asked", by="user:1")
    entry = Suppression.objects.get()
    assert (entry.reason, entry.note, entry.customer_id) == ("erased", "", None)
    with pytest.raises(Conflict) as refused:
        services.suppression_release(suppression=entry, note="they are back")
    assert refused.value.code_name == "erased"
    assert is_suppressed(channel="email", value="mei@example.cn")
    assert "Mei" not in str(list(Event.objects.values_list("data", flat=True)))


@pytest.mark.usefixtures("scoped")
def test_a_file_brings_what_is_new(merchant: Merchant) -> None:
    mei = make_customer(merchant, "Mei", email="mei@example.cn")
    suppress(merchant=merchant, channel="email", value="old@example.cn", reason="complaint")
    lines = [
        "E-mail,Date",
        "Mei@Example.cn;2024-01-01",
        '"mei@example.cn",2024-02-01',
        "",
        "old@example.cn",
        "not an address",
        "li@example.cn\t2024",
    ]
    brought = services.suppressions_bring(
        merchant=merchant, channel="email", lines=lines, note="from the old tool", reason=Reason.BOUNCE
    )
    assert (brought.added, brought.known, brought.wrong, brought.wrong_lines) == (2, 1, 1, [6])
    assert Suppression.objects.get(reason="complaint")
    told = events_named("suppressed")[1:]
    assert [(one.backfill, one.customer_id) for one in told].count((True, mei.pk)) == 1
    assert len(told) == 2
    again = services.suppressions_bring(
        merchant=merchant, channel="email", lines=lines, note="from the old tool", reason=Reason.BOUNCE
    )
    assert (again.added, again.known) == (0, 3)
    assert len(events_named("suppressed")) == 3


@pytest.mark.usefixtures("scoped")
def test_a_file_is_written_in_the_order_of_its_addresses(merchant: Merchant) -> None:
    """As refusals are (tests/marketing/test_feedback.py): in two orders, two at once would be a deadlock."""
    people = [make_customer(merchant, email=f"p{number:02}@example.cn") for number in range(40)]
    lines = [one.email for one in reversed(people)]
    services.suppressions_bring(merchant=merchant, channel="email", lines=lines, note="x")
    written = Suppression.objects.order_by("pk").values_list("customer_id", flat=True)
    assert list(written) == [one.pk for one in people]


@pytest.mark.usefixtures("scoped")
def test_a_file_too_long_changes_nothing(merchant: Merchant) -> None:
    lines = [f"a{n}@b.cn" for n in range(services.MOST_ADDRESSES + 1)]
    with pytest.raises(Rejected) as refused:
        services.suppressions_bring(merchant=merchant, channel="email", lines=lines, note="x")
    assert refused.value.code_name == "too_many"
    assert not Suppression.objects.exists()


def test_the_page_looks_up_adds_and_lifts(member_client: Callable[..., Client], merchant: Merchant) -> None:
    owner = member_client("owner")
    asked = {"channel": "email", "address": "Li@Example.com "}
    page = owner.post(f"{LIST}check/", asked).content.decode()
    assert "Not on the list" in page and "Put it on the list" in page
    with merchant_scope(merchant):
        assert not Suppression.objects.exists()

    refused = owner.post(f"{LIST}add/", asked | {"reason": "erased", "note": "no"})
    assert refused.status_code == 422
    refused = owner.post(f"{LIST}add/", asked | {"reason": "manual", "note": ""})
    assert refused.status_code == 422 and "li@example.com" in refused.content.decode()
    assert owner.post(f"{LIST}add/", asked | {"reason": "manual", "note": "asked"}).status_code == 302
    with merchant_scope(merchant):
        entry = Suppression.objects.get()
        assert (entry.reason, entry.note) == ("manual", "asked")

    page = owner.post(f"{LIST}check/", asked).content.decode()
    assert "On the list: nobody writes to it" in page and "asked" in page
    lift = f"{LIST}{entry.pk}/release/"
    assert owner.post(lift, asked | {"note": ""}).status_code == 422
    assert owner.post(lift, asked | {"note": "a mistake"}).status_code == 302
    with merchant_scope(merchant):
        assert not Suppression.objects.exists()


def test_the_page_takes_a_file(member_client: Callable[..., Client], merchant: Merchant) -> None:
    owner = member_client("owner")
    said = {"channel": "email", "reason": "bounce", "note": "old tool"}
    file = SimpleUploadedFile("out.txt", "邮箱\na@b.cn\nc@d.cn\n".encode("gb18030"))
    assert owner.post(f"{LIST}file/", said | {"file": file}).status_code == 302
    with merchant_scope(merchant):
        assert Suppression.objects.filter(reason="bounce").count() == 2
    picture = SimpleUploadedFile("out.txt", b"PK\0\0\0a@b.cn")
    assert owner.post(f"{LIST}file/", said | {"file": picture}).status_code == 422


@pytest.mark.parametrize(("role", "sees", "changes"), [("agent", 200, 403), ("viewer", 403, 403)])
def test_who_may(
    member_client: Callable[..., Client], merchant: Merchant, role: str, sees: int, changes: int
) -> None:
    client = member_client(role)
    asked = {"channel": "email", "address": "a@b.cn"}
    assert client.get(LIST).status_code == sees
    assert client.post(f"{LIST}check/", asked).status_code == sees
    assert client.post(f"{LIST}add/", asked | {"reason": "manual", "note": "x"}).status_code == changes
    with merchant_scope(merchant):
        assert not Suppression.objects.exists()


def test_the_list_costs_the_same_at_any_length(
    member_client: Callable[..., Client], merchant: Merchant
) -> None:
    owner = member_client("owner")
    owner.get(LIST)
    counts = []
    for number in (2, 40):
        with merchant_scope(merchant):
            for n in range(number):
                who = make_customer(merchant, email=f"p{number}-{n}@example.cn")
                suppress(merchant=merchant, channel="email", value=who.email, reason="bounce")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert owner.get(LIST).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_programs_ask_add_and_lift(merchant: Merchant, rival: Merchant) -> None:
    client, stranger = ApiClient(make_key(merchant)[1]), ApiClient(make_key(rival)[1])
    said: dict[str, Any] = {"channel": "email", "address": "Mei@Example.cn", "note": "left us"}
    made = client.post_json("suppressions/", said)
    assert made.status_code == 201 and "Example" not in made.content.decode()
    assert client.post_json("suppressions/", said).status_code == 409
    (found,) = client.get("suppressions/?address=mei@example.cn").json()["results"]
    assert (found["reason"], found["note"]) == ("manual", "left us")
    assert client.get("suppressions/?address=li@example.cn").json()["results"] == []

    lift = f"suppressions/{found['id']}/release/"
    assert stranger.post_json(lift, {"note": "x"}).status_code == 404
    assert client.post_json(lift, {"note": ""}).status_code == 422
    with merchant_scope(merchant):
        assert Suppression.objects.count() == 1
    assert client.post_json(lift, {"note": "back"}).status_code == 204
    with merchant_scope(merchant):
        assert not Suppression.objects.exists()
