"""Files of consents: dated answers go into the ledger, a newer withdrawal stays one, all of it comes back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.accounts.models import Merchant
from crm.events.models import Delivery
from crm.imports.guessing import guess_mapping
from crm.imports.services import guess_importer
from crm.lib.errors import Rejected
from customers.consent import consent_now, consent_record, suppress
from customers.importing.consents.fields import FIELDS
from customers.models import Consent, Customer, Identity
from customers.privacy.erasing import customer_erase
from customers.searching import customer_ids_found
from tests.customers.import_steps import brought, imported, refusals, undone
from tests.factories.customers import make_customer

pytestmark = pytest.mark.usefixtures("scoped")

HEAD = ["Email", "Phone", "Channel", "Purpose", "Answer", "Date", "Source", "Wording", "IP"]
YES = ["mei@example.cn", "", "E-mail", "Marketing", "yes", "2024-03-01 10:00:00", "fair", "v2", "203.0.113.7"]


@pytest.fixture
def path(tmp_path: Any) -> Any:
    return tmp_path / "consents.csv"


@pytest.fixture
def mei(merchant: Merchant) -> Customer:
    return make_customer(merchant, "李梅", email="mei@example.cn", phone="+8613800138000")


def brings(merchant: Merchant, rows: list[list[Any]], path: Any, **options: str) -> Any:
    chosen = {"legal_basis": "consent", "time_zone": "UTC", **options}
    return imported(merchant, [HEAD, *rows], path, kind="consents", **chosen)


def changed(row: list[str], **cells: str) -> list[str]:
    names = {name.lower(): place for place, name in enumerate(HEAD)}
    new = list(row)
    for name, cell in cells.items():
        new[names[name]] = cell
    return new


def test_an_answer_comes_with_its_date_its_ground_and_its_proof(
    merchant: Merchant, mei: Customer, path: Any
) -> None:
    batch = brings(merchant, [YES], path)
    entry = Consent.objects.get(customer=mei)
    assert (entry.channel, entry.purpose, entry.granted) == ("email", "marketing", True)
    assert (entry.recorded_at, entry.wording_version) == (datetime(2024, 3, 1, 10, tzinfo=UTC), "v2")
    told = {key: entry.proof[key] for key in ("legal_basis", "row", "source", "ip", "file")}
    assert told == {
        "legal_basis": "consent",
        "row": 2,
        "source": "fair",
        "ip": "203.0.113.7",
        "file": batch.sha256,
    }
    assert batch.report["equal"]


def test_without_a_ground_nothing_is_taken(merchant: Merchant, path: Any) -> None:
    with pytest.raises(Rejected) as refusal:
        brought(merchant, [HEAD, YES], path, kind="consents")
    assert set(refusal.value.fields) == {"options.legal_basis"}


@pytest.mark.parametrize(
    "case, date, answer, holds, report",
    [
        ("an older yes is history", "2024-01-01", "yes", False, "older"),
        ("an undated yes is left out", "", "yes", False, "withdrawn_here"),
        ("a later yes holds", "2024-09-01", "yes", True, "answers"),
        ("an undated no says nothing new", "", "no", False, "unchanged"),
    ],
)
def test_a_withdrawal_here_is_overruled_by_a_later_answer_only(
    merchant: Merchant, mei: Customer, path: Any, case: str, date: str, answer: str, holds: bool, report: str
) -> None:
    consent_record(merchant=merchant, customer=mei, channel="email", granted=False, source="portal")
    Consent.objects.update(recorded_at=datetime(2024, 6, 1, tzinfo=UTC))
    batch = brings(merchant, [changed(YES, date=date, answer=answer)], path)
    assert consent_now(customer=mei, channel="email") is holds, case
    assert batch.report[report] == 1 and batch.report["equal"]


def test_a_withdrawal_of_the_file_is_heard_at_once(merchant: Merchant, mei: Customer, path: Any) -> None:
    consent_record(merchant=merchant, customer=mei, channel="email", granted=True, source="portal")
    Consent.objects.update(recorded_at=datetime(2024, 1, 1, tzinfo=UTC))
    Delivery.objects.all().delete()
    brings(merchant, [changed(YES, answer="no"), changed(YES, purpose="Profiling", answer="no")], path)
    mei.refresh_from_db()
    assert consent_now(customer=mei, channel="email") is False
    assert mei.profiling_stopped_at is not None
    heard = set(Delivery.objects.values_list("handler", flat=True))
    assert {"marketing.leave_journeys", "insight.profiling"} <= heard


def test_the_same_file_again_changes_nothing(merchant: Merchant, mei: Customer, path: Any) -> None:
    rows = [YES, changed(YES, answer="no", date="2024-05-01"), changed(YES, channel="SMS", date="")]
    brings(merchant, rows, path)
    before = list(Consent.objects.order_by("pk").values())
    report = brings(merchant, rows, path).report
    assert (report["answers"], report["older"], report["unchanged"]) == (0, 0, 3)
    assert list(Consent.objects.order_by("pk").values()) == before


@pytest.mark.parametrize(
    "column, cell, code",
    [
        ("Channel", "pigeon", "choice"),
        ("Channel", "", "missing"),
        ("Purpose", "world peace", "choice"),
        ("Answer", "perhaps", "flag"),
        ("Answer", "", "missing"),
        ("Date", "2199-01-01", "date"),
        ("IP", "999.1.1.1", "ip"),
        ("Email", "not an address", "email"),
    ],
)
def test_a_row_that_cannot_be_right_is_refused_by_row_and_column(
    merchant: Merchant, mei: Customer, path: Any, column: str, cell: str, code: str
) -> None:
    batch = brings(merchant, [changed(YES, **{column.lower(): cell})], path)
    assert refusals(batch) == [(2, column, code)]
    assert not Consent.objects.exists()


def test_a_yes_or_no_to_another_question_is_no_consent(merchant: Merchant) -> None:
    head, rows = ["Email", "Name", "VIP"], [["mei@example.cn", "李梅", "no"]]
    assert "granted" not in guess_mapping(FIELDS, head, rows)
    assert guess_importer(head, rows).key == "customers"
    assert guess_mapping(FIELDS, ["Email", "Subscribed"], rows)["granted"] == "Subscribed"


def test_who_is_unknown_is_refused_or_a_prospect_by_choice(merchant: Merchant, path: Any) -> None:
    assert refusals(brings(merchant, [YES], path)) == [(2, "", "unknown")]
    assert not Customer.objects.exists()
    batch = brings(merchant, [YES, changed(YES, channel="SMS")], path, unknown="prospect")
    mei = Customer.objects.get(email="mei@example.cn")
    assert (mei.kind, batch.report["created"]) == ("prospect", 1)
    assert consent_now(customer=mei, channel="sms") is True
    undone(batch)
    assert not Customer.objects.exists() and not Consent.objects.exists()


def test_strangers_are_made_together_and_the_rest_by_the_rule_of_the_house(
    merchant: Merchant, mei: Customer, path: Any
) -> None:
    mei_again = changed(YES, phone="13800138000")
    bo = changed(YES, email="bo@example.se", phone="13800138000", channel="SMS")
    rows = [mei_again, bo, changed(YES, email="cy@example.se"), changed(YES, email="", phone="13900139000")]
    batch = brings(merchant, [*rows, changed(bo, channel="E-mail")], path, unknown="prospect")
    made = Customer.objects.exclude(pk=mei.pk).order_by("email")
    told = made.values_list("email", "kind", "import_batch_id")
    assert list(told) == [(email, "prospect", batch.pk) for email in ("", "bo@example.se", "cy@example.se")]
    numbers = Identity.objects.filter(kind="phone", customer__in=made).values_list("value", flat=True)
    assert list(numbers) == ["+8613900139000"], "a number stays one's own"
    assert Consent.objects.filter(customer=made[1]).count() == 2
    assert customer_ids_found("cy@example.se") == [made[2].pk]


def test_strangers_cost_no_query_each(merchant: Merchant, path: Any) -> None:
    def asked(label: str, count: int) -> int:
        rows = [changed(YES, email=f"{label}{n}@example.se") for n in range(count)]
        with CaptureQueriesContext(connection) as queries:
            assert brings(merchant, rows, path, unknown="prospect").report["created"] == count
        return len(queries)

    assert asked("few", 5) >= asked("many", 50)


def test_suppressed_and_erased_addresses_are_refused(merchant: Merchant, mei: Customer, path: Any) -> None:
    suppress(merchant=merchant, channel="email", value="mei@example.cn", reason="complaint")
    gone = make_customer(merchant, "Bo", email="bo@example.se")
    customer_erase(customer=gone, reason="asked", by="")
    rows = [YES, changed(YES, answer="no"), changed(YES, email="bo@example.se")]
    batch = brings(merchant, rows, path, unknown="prospect")
    assert refusals(batch) == [(2, "Email", "suppressed"), (4, "", "erased")]
    assert consent_now(customer=mei, channel="email") is False, "a no is always heard"
    assert not Customer.objects.filter(email="bo@example.se").exists()


def test_a_phone_beside_an_unknown_address_names_nobody(merchant: Merchant, mei: Customer, path: Any) -> None:
    by_phone = changed(YES, email="", phone="138 0013 8000", channel="SMS")
    stranger = changed(by_phone, email="other@example.cn")
    batch = brings(merchant, [by_phone, stranger], path)
    assert refusals(batch) == [(3, "", "unknown")]
    assert consent_now(customer=mei, channel="sms") is True


def test_undo_restores_what_held_and_not_over_later_answers(
    merchant: Merchant, mei: Customer, path: Any
) -> None:
    bo = make_customer(merchant, "Bo", email="bo@example.se")
    consent_record(merchant=merchant, customer=mei, channel="email", granted=True, source="portal")
    Consent.objects.update(recorded_at=datetime(2024, 1, 1, tzinfo=UTC))
    rows = [changed(YES, answer="no"), changed(YES, email="bo@example.se", answer="no")]
    batch = brings(merchant, rows, path)
    consent_record(merchant=merchant, customer=bo, channel="email", granted=True, source="portal")
    undone(batch)
    assert consent_now(customer=mei, channel="email") is True
    assert consent_now(customer=bo, channel="email") is True
    assert Consent.objects.filter(customer=bo).count() == 2, "the ledger only grows"


def test_the_command_prints_one_json_object(merchant: Merchant, path: Any) -> None:
    brought(merchant, [HEAD, YES], path, kind="consents", legal_basis="consent")

    def told(*options: str, **more: Any) -> dict[str, Any]:
        out = StringIO()
        chosen = ["unknown=prospect", *options]
        call_command(
            "import_consents", str(path), merchant=merchant.slug, json=True, stdout=out, option=chosen, **more
        )
        return dict(json.loads(out.getvalue().splitlines()[-1]))

    with pytest.raises(CommandError, match="legal_basis"):
        told()
    tried = told("legal_basis=consent", dry_run=True)
    assert (tried["dry_run"], tried["entries"], tried["answers"]) == (True, 1, 0)
    assert not Consent.objects.exists() and not Customer.objects.exists()
    done = told("legal_basis=consent")
    assert (done["state"], done["answers"], done["created"], done["equal"]) == ("done", 1, 1, True)
    assert Consent.objects.get().proof["legal_basis"] == "consent"
    again = told("legal_basis=consent")
    assert (again["answers"], again["unchanged"], Consent.objects.count()) == (0, 1, 1)
