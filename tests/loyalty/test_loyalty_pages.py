"""The programme on the page, in the portal's data and by REST: who may see, who may change."""

import re
from decimal import Decimal

import pytest
from django.conf import settings
from django.urls import reverse

from crm.lib.tenancy import merchant_scope
from customers.models import Metrics
from marketing.loyalty.models import PointsEntry, Program, Tier
from marketing.loyalty.portal import collect_points
from tests.factories.accounts import make_key
from tests.factories.customers import make_customer
from tests.factories.loyalty import make_program

RULES = {
    "name": "Tea club",
    "is_active": "on",
    "points_per_unit": "1.5",
    "starts_on": "2026-01-01",
    "expiry_months": "12",
    "tier_days": "365",
    "tiers-TOTAL_FORMS": "3",
    "tiers-INITIAL_FORMS": "0",
    "tiers-0-name": "Gold",
    "tiers-0-threshold": "2000",
    "tiers-0-multiplier": "1.25",
    "tiers-1-name": "Silver",
    "tiers-1-threshold": "500",
    "tiers-1-multiplier": "1",
    "tiers-2-multiplier": "1",
}


@pytest.fixture
def anna(merchant):
    return make_customer(merchant, "Anna")


def test_an_owner_sets_up_the_programme(merchant, member_client):
    client = member_client("owner")
    assert "Set up the programme" in client.get(reverse("loyalty")).content.decode()
    assert client.post(reverse("loyalty_program"), RULES).status_code == 302
    with merchant_scope(merchant):
        program = Program.objects.get()
        assert (program.name, program.points_per_unit) == ("Tea club", Decimal("1.500"))
        assert program.starts_at.astimezone(merchant.zone).isoformat() == "2026-01-01T00:00:00+08:00"
        assert list(Tier.objects.values_list("name", "threshold")) == [("Silver", 500), ("Gold", 2000)]


def test_rules_that_contradict_are_refused_and_change_nothing(merchant, member_client):
    twins = RULES | {"tiers-1-threshold": "2000"}
    answer = member_client("owner").post(reverse("loyalty_program"), twins)
    assert answer.status_code == 422
    assert "its own name and threshold" in answer.content.decode()
    with merchant_scope(merchant):
        assert not Program.objects.exists()


def test_insider_colleague_outsider(merchant, anna, member_client, rival_client):
    make_program(merchant)
    record, correct = (reverse(name, args=[anna.pk]) for name in ("points_record", "points_correct"))
    words = {"points": "50", "reason": "Sorry"}
    agent = member_client("agent")
    assert agent.get(record).status_code == 200
    assert agent.post(correct, words).status_code == 403
    assert agent.get(reverse("loyalty_program")).status_code == 403
    assert rival_client.post(correct, words).status_code == 404
    with merchant_scope(merchant):
        assert not PointsEntry.objects.exists()
    assert member_client("manager").post(correct, words).status_code == 302
    page = agent.get(record).content.decode()
    assert "Sorry" in page
    assert ">50<" in page


def test_a_correction_without_reason_is_shown_at_its_field(merchant, anna, member_client):
    make_program(merchant)
    answer = member_client("owner").post(
        reverse("points_correct", args=[anna.pk]), {"points": "-5", "reason": "x"}
    )
    assert answer.status_code == 422
    assert "There are only 0 points to take." in answer.content.decode()


def test_the_customers_own_data_hold_their_points(merchant, anna, member_client):
    member_client("owner").post(reverse("points_correct", args=[anna.pk]), {"points": "7", "reason": "Gift"})
    with merchant_scope(merchant):
        assert [(row["points"], row["reason"]) for row in collect_points(anna, {})] == [(7, "Gift")]
        assert list(collect_points(None, {})) == []


def test_rest_corrects_and_shows(merchant, rival, anna, client):
    key = {"HTTP_AUTHORIZATION": f"Bearer {make_key(merchant)[1]}"}
    body = {"customer": anna.pk, "points": 40, "reason": "Birthday"}
    made = client.post("/api/v1/loyalty/entries/", body, content_type="application/json", **key)
    assert made.status_code == 201, made.content
    assert client.get(f"/api/v1/loyalty/balances/{anna.pk}/", **key).json()["points"] == 40
    reader = {"HTTP_AUTHORIZATION": f"Bearer {make_key(merchant, 'loyalty.read')[1]}"}
    refused = client.post("/api/v1/loyalty/entries/", body, content_type="application/json", **reader)
    assert refused.status_code == 403
    theirs = {"HTTP_AUTHORIZATION": f"Bearer {make_key(rival)[1]}"}
    stranger = client.post("/api/v1/loyalty/entries/", body, content_type="application/json", **theirs)
    assert stranger.status_code == 422
    with merchant_scope(merchant):
        assert Metrics.objects.get(customer=anna).points == 40


@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant"])
def test_the_first_day_is_filled_in_as_browsers_read_it(merchant, member_client, language):
    """A date field shows nothing but ISO; any other form is an empty field, and saving would lose the day."""
    client = member_client("owner")
    client.post(reverse("loyalty_program"), RULES)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language

    html = client.get(reverse("loyalty_program")).content.decode()

    field = re.search(r'<input type="date"[^>]*>', html)
    assert field and 'value="2026-01-01"' in field[0], field and field[0]
