"""The desk by keyboard: next, macro, note, send and solve, drafts, and who else is looking."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from crm.accounts.models import Merchant
from crm.integrations.models import OutboundMail
from crm.lib.tenancy import merchant_scope
from tests.factories.accounts import make_member, make_merchant
from tests.factories.customers import make_customer
from tests.factories.service import fresh, make_macro, make_ticket

PASSWORD = "green-tea-and-rain"


@pytest.fixture
def shop(transactional_db) -> Merchant:
    merchant = make_merchant("qinghe", name="Qinghe Tea")
    make_member(merchant, "agent", email="wang@example.com", name="Wang Lei", password=PASSWORD)
    make_member(merchant, "agent", email="sarah@example.com", name="Sarah", password=PASSWORD)
    make_macro(merchant, "Dear {{customer.name}}, it is on its way.", name="On its way")
    return merchant


@pytest.fixture
def tickets(shop):
    return [
        make_ticket(shop, make_customer(shop, name), subject=f"From {name}") for name in ("Ada", "Bea", "Cem")
    ]


def sign_in(page: Page, email: str) -> None:
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url("**/")


def test_a_morning_by_keyboard(page: Page, shop, tickets):
    sign_in(page, "wang@example.com")
    page.goto("/inbox/")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name="From Ada")).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name="From Bea")).to_be_visible()
    page.keyboard.press("k")
    expect(page.get_by_role("heading", name="From Ada")).to_be_visible()

    page.keyboard.press("m")
    page.get_by_placeholder("Find a macro").fill("way")
    page.keyboard.press("Enter")
    expect(page.locator("#composer-text")).to_have_value("Dear Ada, it is on its way.")
    page.keyboard.press("Control+Shift+Enter")
    expect(page.get_by_role("heading", name="From Bea")).to_be_visible()  # goes on by itself
    assert fresh(tickets[0]).status == "solved"
    with merchant_scope(shop):
        assert OutboundMail.objects.count() == 1

    page.keyboard.press("n")
    page.keyboard.type("Called, no answer.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".gx-words--note")).to_contain_text("Called, no answer.")
    page.keyboard.press("a")
    page.keyboard.press("e")  # at once: it waits for the answer to the first
    expect(page.get_by_role("heading", name="From Cem")).to_be_visible()
    done = fresh(tickets[1])
    assert (done.status, done.assignee.user.email) == ("solved", "wang@example.com")


def test_a_draft_survives_a_reload(page: Page, shop, tickets):
    sign_in(page, "wang@example.com")
    page.goto(f"/inbox/{tickets[0].number}/")
    page.locator("#composer-text").fill("Half a sent")
    expect(page.locator("#composer-kept")).to_be_visible()
    page.reload()
    expect(page.locator("#composer-text")).to_have_value("Half a sent")


def test_a_colleague_is_seen_and_seen_writing(
    page: Page, browser: Browser, base_url, live_process, shop, tickets
):
    other = browser.new_context(base_url=base_url).new_page()
    sign_in(page, "wang@example.com")
    sign_in(other, "sarah@example.com")
    page.goto(f"/inbox/{tickets[0].number}/")
    other.goto(f"/inbox/{tickets[0].number}/")
    expect(page.locator("#ticket-presence")).to_contain_text("Sarah is looking too", timeout=15_000)
    other.locator("#composer-text").fill("I have it")
    expect(page.locator("#ticket-presence")).to_contain_text("Sarah is writing", timeout=15_000)
    other.context.close()


def test_on_a_phone_one_thing_at_a_time(browser: Browser, base_url, shop, tickets):
    context = browser.new_context(viewport={"width": 390, "height": 844}, base_url=base_url)
    page = context.new_page()
    sign_in(page, "wang@example.com")
    page.goto("/inbox/")
    page.locator(f"[data-talk='{tickets[0].number}']").click()
    expect(page.get_by_role("heading", name="From Ada")).to_be_visible()
    expect(page.locator("#inbox-rows")).to_be_hidden()
    page.get_by_label("Back to the list").click()
    expect(page.locator("#inbox-rows")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
