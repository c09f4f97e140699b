"""The builder in a real browser: from nothing to the segment of the story, counted while typing."""

import pytest
from playwright.sync_api import Page, expect

from crm.lib.tenancy import merchant_scope
from marketing.models import Segment
from tests.factories.accounts import make_member, make_merchant
from tests.factories.customers import make_customer
from tests.factories.fixtures import BACKEND
from tests.factories.orders import make_order
from tests.factories.segments import make_segment

pytestmark = pytest.mark.django_db(transaction=True)


def sign_in(page: Page, base_url: str, membership) -> None:
    """The session cookie of a signed-in member; the sign-in page has its own test."""
    from django.test import Client

    client = Client()
    client.force_login(membership.user, backend=BACKEND)
    cookie = client.cookies["guanxi_session"]
    page.context.add_cookies([{"name": "guanxi_session", "value": cookie.value, "url": base_url}])


@pytest.fixture
def shop(transactional_db):
    merchant = make_merchant("qinghe", name="Qinghe Tea")
    loyal = make_customer(merchant, "Anna Loyal")
    for _number in range(2):
        make_order(merchant, loyal)
    unhappy = make_customer(merchant, "Bo Unhappy", open_tickets=1)
    for _number in range(2):
        make_order(merchant, unhappy)
    make_customer(merchant, "Cy Once", tags=["vip"])
    return merchant


def test_build_the_story_by_hand(page: Page, base_url: str, shop) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None
    )
    sign_in(page, base_url, make_member(shop, "marketer"))
    page.goto(f"{base_url}/segments/new/")
    count = page.locator("[data-segment-count]")
    expect(count).to_have_text("3 people")
    page.get_by_label("Name", exact=True).fill("Loyal and content")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_role("button", name="Bought in a period").click()
    expect(count).to_have_text("2 people")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Find a condition").fill("open tick")
    page.keyboard.press("Enter")
    expect(count).to_have_text("1 person")
    expect(page.locator("#segment-preview")).to_contain_text("Anna Loyal")
    expect(page.locator("#segment-preview")).to_contain_text(
        "People who bought at least 2 times in the last 90 days and who have no open ticket."
    )
    page.get_by_label("Times").fill("0")
    expect(page.locator("#segment-preview")).to_contain_text("isn't complete yet")
    expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    page.get_by_label("Times").fill("2")
    expect(count).to_have_text("1 person")
    page.get_by_role("button", name="Save segment").click()
    expect(page.get_by_role("heading", name="Loyal and content")).to_be_visible()
    with merchant_scope(shop):
        rules = Segment.objects.get().definition["rules"]
    assert rules == [
        {"if": "orders.times", "times": 2, "days": 90},
        {"if": "service.open_ticket", "has": "not"},
    ]
    assert faults == []


def test_search_a_value_by_keyboard_in_a_group(page: Page, base_url: str, shop) -> None:
    sign_in(page, base_url, make_member(shop, "marketer"))
    page.goto(f"{base_url}/segments/new/?start=unhappy")
    count = page.locator("[data-segment-count]")
    expect(count).to_have_text("1 person")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Find a condition").fill("tag")
    page.keyboard.press("Enter")
    values = page.get_by_label("Values")
    values.fill("v")
    expect(page.get_by_role("option", name="vip")).to_be_visible()
    values.press("Enter")
    expect(count).to_have_text("2 people")


def test_more_about_a_condition_and_the_overlap(page: Page, base_url: str, shop) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    make_segment(shop, {"rules": [{"if": "service.open_ticket", "has": "has"}]}, "Unhappy")
    sign_in(page, base_url, make_member(shop, "marketer"))
    page.goto(f"{base_url}/segments/new/")
    count, preview = page.locator("[data-segment-count]"), page.locator("#segment-preview")
    page.get_by_label("Name", exact=True).fill("Big ones")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Find a condition").fill("all of this")
    page.keyboard.press("Enter")
    expect(count).to_have_text("2 people")
    more = page.get_by_label("+ more about it")
    more.select_option("worth")
    page.get_by_label("Amount").fill("9000")
    expect(count).to_have_text("0 people")
    more.select_option("between")
    expect(page.locator(".gx-builder__fault:visible")).to_contain_text("First day: choose a day. Last day")
    page.get_by_role("button", name="Remove: between two days").click()
    page.get_by_label("Amount").fill("10")
    expect(count).to_have_text("2 people")
    page.get_by_label("Overlap with").select_option(label="Unhappy")
    expect(preview).to_contain_text("1 are also in “Unhappy”")
    page.get_by_role("button", name="Save segment").click()
    expect(page.get_by_role("heading", name="Big ones")).to_be_visible()
    with merchant_scope(shop):
        rules = Segment.objects.get(name="Big ones").definition["rules"]
    assert rules == [
        {"if": "orders.matching", "compare": "min", "orders": 1, "worth": "10.0000", "worth_compare": "min"}
    ]
    assert faults == []
